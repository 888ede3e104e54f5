"""Facts of the Karmada API: whether each member is joined, in pull mode, and by `karmadactl register`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checks.preflight import rights
from checks.preflight.facts import Facts, facts, no_answer
from checks.registered import bindings, is_registered
from clusters.api import CLUSTERS, FORBIDDEN, KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import Json, at, is_terminating, text
from config.fields import is_loopback
from config.problems import PROJECT, Problem, config_set
from config.proxy_settings import Frontend
from config.settings import MemberSettings, Settings

INSECURE = "insecureSkipTLSVerification"
"""The field of a Cluster with which its API server's certificate is not verified."""


def facts_of_karmada(apis: KubernetesApis, settings: Settings, members: Mapping[str, MemberSettings]) -> Facts:
    """Problems, `uid`, `clusters`, `registered` and `operator`. `members` are by their keys in the config.

    `registered` is read for paused members too: they keep what they have, also their grant.
    """
    context, of = "host.karmadaContext", settings.host.karmada
    registered: set[str] = set()
    problems: list[Problem] = []
    try:
        clusters = apis.all(of, CLUSTERS)
        bound = bindings(apis, of) if any(each.registered is None for each in members.values()) else None
        for key, member in members.items():
            try:
                said = member.registered
                registered |= {member.name} if is_registered(apis, of, member.name, said, bound) else set()
            except Unavailable as reason:
                problems.append(_registration_unknown(key, member, reason))
        through = {
            key: rights.of_delivered(each) for key, each in members.items() if each.delivered and not each.paused
        }
        found = facts(apis, context, of, rights.of_karmada(settings.joined(registered)), through)
        # for paused ones too: they keep what they have, also their roles
        delivered = any(each.delivered for each in members.values())
        found.operator = rights.operator(apis, of) if delivered else ""
    except Unavailable as reason:
        return Facts([no_answer(context, of, reason)])
    known = {text(each, "metadata", "name"): each for each in clusters}
    for key, member in members.items():
        if not member.paused:
            problems += _cluster_object(key, member, known, settings.removal(member))
            if is_loopback(member.host) and settings.proxy.frontend is Frontend.GUARDED:
                insecure = at(known.get(member.name), "spec", INSECURE) is True
                problems += _loopback(key, member) if insecure else ()
                found.warnings += [] if insecure else [_loopback_warning(key, member)]
    found.problems += problems
    found.clusters, found.registered = clusters, frozenset(registered)
    return found


def _cluster_object(key: str, member: MemberSettings, known: Mapping[str, Json], removal: str) -> Iterator[Problem]:
    cluster = known.get(member.name)
    mode = text(cluster, "spec", "syncMode")
    if cluster is None:
        why = f'Karmada has no Cluster "{member.name}"; it has {", ".join(sorted(known)) or "none"}'
        yield Problem(key, why, f"join it first, or {removal}")
    elif mode != "Pull":
        why = f'the Cluster "{member.name}" is in {mode} mode: Karmada dials it, and needs no tunnel'
        yield Problem(key, why, removal)
    elif is_terminating(cluster):
        yield Problem(key, f'the Cluster "{member.name}" is deleted, and waits to go', removal)


def _loopback(key: str, member: MemberSettings) -> Iterator[Problem]:
    """Without verification Karmada would take its own API server for the member, if the tunnel's flag were lost."""
    why = f'"{member.api_endpoint}" is loopback, and the Cluster "{member.name}" has {INSECURE}: without the tunnel '
    remedy = config_set(f"{key}.apiEndpoint", "https://HOST:6443")
    yield Problem(f"{key}.apiEndpoint", f"{why}Karmada would take its own API server for the member", remedy)


def _loopback_warning(key: str, member: MemberSettings) -> str:
    why = f'"{member.api_endpoint}" is loopback: without the tunnel Karmada would dial itself'
    return f"{PROJECT}:{key}.apiEndpoint: {why}; {config_set(f'{key}.apiEndpoint', 'https://HOST:6443')}"


def _registration_unknown(key: str, member: MemberSettings, reason: Unavailable) -> Problem:
    """A problem rather than a guess: without its grant a registered karmada-agent crashes for ever."""
    verb = "may not be asked" if reason.status == FORBIDDEN else "does not tell"
    why = f'the Karmada API {verb} whether `karmadactl register` joined "{member.name}": {reason}'
    remedy = f"{config_set(f'{key}.registered', 'true')}, or false if it was not"
    return Problem(f"{key}.registered", why, remedy)
