"""Whether the clusters that were asked are the ones that are meant, as when contexts are swapped. Pure.

A cluster's identity is the uid of one of its namespaces; Karmada keeps it as `spec.id` of the Cluster object. Where
either is not known, a cluster is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusters.objects import Json, text
from config.problems import Problem, config_set

NAMESPACE = "kube-system"
"""The namespace that every cluster has."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A cluster that was asked: its part of the config, its context, its uid, and the member's name if it is one."""

    key: str
    context: str
    uid: str
    member: str = ""


def mistaken(
    karmada_uid: str, clusters: Sequence[Json], members: Sequence[str], asked: Sequence[Asked]
) -> Iterator[tuple[str, Problem]]:
    """What is wrong with whose context, by its key. `clusters` are the Cluster objects, `members` the stack's names."""
    known = {text(each, "spec", "id"): text(each, "metadata", "name") for each in clusters}
    known.pop("", None)
    others = {karmada_uid: "the Karmada API"}
    for each in asked:
        if not each.uid:
            continue
        what = ""
        if not each.member or known.get(each.uid) != each.member:
            what = others.get(each.uid) or _another(each, known, members)
        others.setdefault(each.uid, f"the cluster of {each.key}.context too")
        if what:
            why = f'"{each.context}" is {what} (by the uid of its namespace {NAMESPACE})'
            yield each.key, Problem(f"{each.key}.context", why, config_set(f"{each.key}.context", "CONTEXT"))


def _another(asked: Asked, known: Mapping[str, str], members: Sequence[str]) -> str:
    """What a cluster, which is not known as what is meant, is by Karmada's knowledge; or nothing."""
    name = known.get(asked.uid, "")
    if asked.member:
        if name:
            return f'what Karmada knows as "{name}"'
        return "" if asked.member not in known.values() else f'not what Karmada knows as "{asked.member}"'
    # the host may be a member of other stacks, or a member that Karmada dials
    return f'what Karmada knows as the member "{name}"' if name in members else ""
