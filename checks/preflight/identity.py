"""Whether each context is of the cluster that is meant, and not, say, swapped with another. Pure: it sends no request.

A cluster is identified by the uid of its namespace kube-system, which Karmada keeps as `spec.id` of the Cluster object.
If either is unknown, the context is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusters.objects import Json, text
from config.problems import Problem, config_set

NAMESPACE = "kube-system"
"""The namespace whose uid identifies a cluster: every cluster has it."""


@dataclass(frozen=True, kw_only=True)
class ApiIdentity:
    """A cluster's API: its key in the config, its context, its uid, and its name if it is a member."""

    key: str
    context: str
    uid: str
    member: str = ""


def mismatches(
    karmada_uid: str, clusters: Sequence[Json], members: Sequence[str], identities: Sequence[ApiIdentity]
) -> Iterator[tuple[str, Problem]]:
    """Problems of wrong contexts, with their keys. `clusters` are the Cluster objects, `members` the stack's names."""
    known = {text(each, "spec", "id"): text(each, "metadata", "name") for each in clusters}
    known.pop("", None)
    others = {karmada_uid: "the Karmada API"}
    for each in identities:
        if not each.uid:
            continue
        what = ""
        if not each.member or known.get(each.uid) != each.member:
            what = others.get(each.uid) or _another(each, known, members)
        others.setdefault(each.uid, f"the cluster of {each.key}.context too")
        if what:
            why = f'"{each.context}" is {what} (by the uid of its namespace {NAMESPACE})'
            yield each.key, Problem(f"{each.key}.context", why, config_set(f"{each.key}.context", "CONTEXT"))


def _another(identity: ApiIdentity, known: Mapping[str, str], members: Sequence[str]) -> str:
    """What the cluster is by Karmada's Cluster objects, if not the one that is meant; else an empty text."""
    name = known.get(identity.uid, "")
    if identity.member:
        if name:
            return f'what Karmada knows as "{name}"'
        return "" if identity.member not in known.values() else f'not what Karmada knows as "{identity.member}"'
    # the host may be a member of other stacks, or a member that Karmada dials
    return f'what Karmada knows as the member "{name}"' if name in members else ""
