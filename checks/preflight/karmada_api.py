"""What the Karmada API says: whether each member is joined, in pull mode, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from checks.preflight import rights
from checks.preflight.told import Told, asked, no_answer, of_kind
from clusters.objects import text
from clusters.workstation import Unavailable, kubectl, objects
from config.problems import Problem, config_rm, config_set
from config.settings import MemberSettings, Settings

REGISTER_ROLE = "system:karmada:{0}:agent"
"""The ClusterRole that `karmadactl register` makes in the Karmada API for a member."""


def tell(settings: Settings, active: Mapping[str, MemberSettings]) -> Told:
    """Its problems with the members that are `active`, its identity and its Cluster objects."""
    host, context = settings.host, settings.host.karmada_context
    names = [REGISTER_ROLE.format(member.name) for member in active.values()] or [REGISTER_ROLE.format("")]
    roles = [f"clusterrole/{each}" for each in names]
    with ThreadPoolExecutor(1) as beside:
        listed = beside.submit(objects, kubectl(host.kubeconfig, context, "get", "clusters.cluster.karmada.io"))
        try:
            told, found = asked("host.karmadaContext", host, context, roles, rights.of_karmada(settings))
            clusters = listed.result()
        except Unavailable as reason:
            return Told([no_answer("host.karmadaContext", context, reason)])
    modes = {text(each, "metadata", "name"): text(each, "spec", "syncMode") for each in clusters}
    for key, member in active.items():
        registered = bool(of_kind(found, "ClusterRole", REGISTER_ROLE.format(member.name)))
        told.problems += _cluster_object(key, member, modes, registered)
    told.clusters = clusters
    return told


def _cluster_object(key: str, member: MemberSettings, modes: Mapping[str, str], registered: bool) -> Iterator[Problem]:
    if member.name not in modes:
        known = ", ".join(sorted(modes)) or "none"
        why = f'Karmada has no Cluster "{member.name}"; it has {known}'
        yield Problem(key, why, f"join it first, or {config_rm(key)}")
    elif modes[member.name] != "Pull":
        why = f'the Cluster "{member.name}" is in {modes[member.name]} mode: Karmada dials it, and needs no tunnel'
        yield Problem(key, why, config_rm(key))
    if registered and not member.registered:
        why = f'it is false, but `karmadactl register` joined "{member.name}": its agent may not report the tunnel'
        yield Problem(f"{key}.registered", why, config_set(f"{key}.registered", "true"))
