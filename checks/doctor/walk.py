"""Walks the path of a tunnel, hop by hop: a wrong hop may be the cause of those after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from checks.doctor import certificate_hop, host_hops, karmada_hops, member_hops
from checks.doctor.tunnel import Tunnel
from checks.doctor.tunnel_path import TunnelPath
from checks.findings import Finding, State, Walk, unknown
from clusters.api import KubernetesApis
from clusters.errors import Unavailable
from clusters.pool import CachingApis, in_parallel

Hop = Callable[[TunnelPath], Finding | None]
"""Returns a hop's finding, or None if the path has no such hop. Raises Unavailable if it could not be checked."""

HOPS: Sequence[tuple[str, Hop]] = (
    (karmada_hops.API, karmada_hops.karmada_api),
    (karmada_hops.GRANT, karmada_hops.grant),
    (member_hops.KARMADA_AGENT, member_hops.karmada_agent),
    (karmada_hops.CLUSTER, karmada_hops.cluster),
    (karmada_hops.WORKS, karmada_hops.works),
    (host_hops.GUARD, host_hops.guarding),
    (host_hops.SERVER, host_hops.proxy_server),
    (certificate_hop.CERTIFICATES, certificate_hop.certificates),
    (member_hops.PROXY_AGENT, member_hops.proxy_agent),
    (member_hops.MEMBER_GUARD, member_hops.member_guard),
    (member_hops.TUNNEL, member_hops.tunnel),
    (member_hops.MEMBER_API, member_hops.member_api),
    (karmada_hops.REQUEST, karmada_hops.request),
)

BY_MEMBER_API = (
    member_hops.KARMADA_AGENT,
    certificate_hop.CERTIFICATES,
    member_hops.PROXY_AGENT,
    member_hops.MEMBER_GUARD,
    member_hops.TUNNEL,
)
"""Hops that are checked by the member's API."""


def walk(path: TunnelPath) -> Walk:
    """The findings of all hops of the path."""
    return Walk(member=path.tunnel.member, findings=list(_findings(path)))


def walk_all(found: Sequence[Tunnel], apis: KubernetesApis) -> Sequence[Walk]:
    """Walks tunnels in parallel, with a cache of what they share."""
    caching = CachingApis(apis)
    walks = {each.member: partial(walk, TunnelPath(tunnel=each, apis=caching)) for each in found}
    return list(in_parallel(walks).values())


def _findings(path: TunnelPath) -> Iterator[Finding]:
    api = member_hops.member_api(path)
    for name, hop in HOPS:
        if name == member_hops.MEMBER_API:
            yield api
        elif name in BY_MEMBER_API and api.state is not State.RIGHT:
            yield unknown(name, "the member's API does not answer", api.remedy)
        else:
            found = _finding_at(name, hop, path)
            yield from [found] if found else []


def _finding_at(name: str, hop: Hop, path: TunnelPath) -> Finding | None:
    try:
        return hop(path)
    except Unavailable as reason:
        return unknown(name, str(reason), "see to that API and to the rights of the kubeconfig's user, and ask again")
