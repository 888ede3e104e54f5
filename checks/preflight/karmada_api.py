"""What the Karmada API says: whether each member is joined, in pull mode, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checks.preflight import rights
from checks.preflight.facts import Facts, facts, no_answer
from checks.registered import is_registered
from clusters.api import CLUSTERS, FORBIDDEN, Asking
from clusters.kubeconfig import Unavailable
from clusters.objects import text
from config.problems import Problem, config_rm, config_set
from config.settings import MemberSettings, Settings


def facts_of_karmada(asking: Asking, settings: Settings, members: Mapping[str, MemberSettings]) -> Facts:
    """Its problems with the members by their keys, its identity, its Cluster objects, and who is registered.

    Paused members are asked for how they were joined too: they keep what they have, a grant among it.
    """
    context, of = "host.karmadaContext", settings.host.karmada
    registered: set[str] = set()
    problems: list[Problem] = []
    try:
        clusters = asking.all(of, CLUSTERS)
        for key, member in members.items():
            try:
                registered |= {member.name} if is_registered(asking, of, member.name, member.registered) else set()
            except Unavailable as reason:
                problems.append(_not_told(key, member, reason))
        found = facts(asking, context, of, rights.of_karmada(settings.joined(registered)))
    except Unavailable as reason:
        return Facts([no_answer(context, of, reason)])
    modes = {text(each, "metadata", "name"): text(each, "spec", "syncMode") for each in clusters}
    for key, member in members.items():
        problems += _cluster_object(key, member, modes) if not member.paused else ()
    found.problems += problems
    found.clusters, found.registered = clusters, frozenset(registered)
    return found


def _cluster_object(key: str, member: MemberSettings, modes: Mapping[str, str]) -> Iterator[Problem]:
    if member.name not in modes:
        known = ", ".join(sorted(modes)) or "none"
        why = f'Karmada has no Cluster "{member.name}"; it has {known}'
        yield Problem(key, why, f"join it first, or {config_rm(key)}")
    elif modes[member.name] != "Pull":
        why = f'the Cluster "{member.name}" is in {modes[member.name]} mode: Karmada dials it, and needs no tunnel'
        yield Problem(key, why, config_rm(key))


def _not_told(key: str, member: MemberSettings, reason: Unavailable) -> Problem:
    """A grant that is taken away by mistake makes karmada-agent crash for ever: nothing is assumed."""
    asked = "may not be asked" if reason.status == FORBIDDEN else "does not tell"
    why = f'the Karmada API {asked} whether `karmadactl register` joined "{member.name}": {reason}'
    mend = f"{config_set(f'{key}.registered', 'true')}, or false if it was not"
    return Problem(f"{key}.registered", why, mend)
