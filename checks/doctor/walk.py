"""Walks the way to a member, hop by hop: each hop is a possible cause of what is wrong behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from checks.doctor import certificate_hop, host_hops, karmada_hops, member_hops
from checks.doctor.findings import Finding, State, Walk
from checks.doctor.way import Way
from clusters.workstation import Unavailable

Hop = Callable[[Way], Finding | None]
"""A hop's finding, or None where this way has no such hop. Raises Unavailable where it could not be asked."""

HOPS: Sequence[tuple[str, Hop]] = (
    (karmada_hops.API, karmada_hops.karmada_api),
    (karmada_hops.GRANT, karmada_hops.grant),
    (member_hops.KARMADA_AGENT, member_hops.karmada_agent),
    (karmada_hops.CLUSTER, karmada_hops.cluster),
    (host_hops.GUARD, host_hops.guarding),
    (host_hops.SERVER, host_hops.proxy_server),
    (certificate_hop.CERTIFICATES, certificate_hop.certificates),
    (member_hops.PROXY_AGENT, member_hops.proxy_agent),
    (member_hops.TUNNEL, member_hops.tunnel),
    (member_hops.MEMBER_API, member_hops.member_api),
    (karmada_hops.REQUEST, karmada_hops.request),
)

BY_MEMBER_API = (member_hops.KARMADA_AGENT, certificate_hop.CERTIFICATES, member_hops.PROXY_AGENT, member_hops.TUNNEL)
"""Hops about which the member's API is asked."""


def walk(way: Way) -> Walk:
    """What is found at each hop of the way."""
    return Walk(member=way.member.name, findings=list(_findings(way)))


def _findings(way: Way) -> Iterator[Finding]:
    api = member_hops.member_api(way)
    for name, hop in HOPS:
        if name == member_hops.MEMBER_API:
            yield api
        elif name in BY_MEMBER_API and api.state is not State.RIGHT:
            yield Finding(hop=name, state=State.UNKNOWN, says="the member's API does not answer", mend=api.mend)
        else:
            found = _asked(name, hop, way)
            yield from [found] if found else []


def _asked(name: str, hop: Hop, way: Way) -> Finding | None:
    try:
        return hop(way)
    except Unavailable as reason:
        mend = "see to that API and to the rights of the kubeconfig's user, and ask again"
        return Finding(hop=name, state=State.UNKNOWN, says=str(reason), mend=mend)
