"""Walks the way to a member, hop by hop: each hop is a possible cause of what is wrong behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from doctor import certificates, host, karmada, member
from doctor.findings import Finding, State, Walk
from doctor.way import Way
from workstation import Unavailable

Hop = Callable[[Way], Finding | None]
"""A hop's finding, or None where this way has no such hop. Raises Unavailable where it could not be asked."""

HOPS: Sequence[tuple[str, Hop]] = (
    (karmada.API, karmada.karmada_api),
    (karmada.GRANT, karmada.grant),
    (member.KARMADA_AGENT, member.karmada_agent),
    (karmada.CLUSTER, karmada.cluster),
    (host.GUARD, host.guarding),
    (host.SERVER, host.proxy_server),
    (certificates.CERTIFICATES, certificates.certificates),
    (member.PROXY_AGENT, member.proxy_agent),
    (member.TUNNEL, member.tunnel),
    (member.MEMBER_API, member.member_api),
    (karmada.REQUEST, karmada.request),
)

BY_MEMBER_API = (member.KARMADA_AGENT, certificates.CERTIFICATES, member.PROXY_AGENT, member.TUNNEL)
"""Hops about which the member's API is asked."""


def walk(way: Way) -> Walk:
    """What is found at each hop of the way."""
    return Walk(member=way.member.name, findings=list(_findings(way)))


def _findings(way: Way) -> Iterator[Finding]:
    api = member.member_api(way)
    for name, hop in HOPS:
        if name == member.MEMBER_API:
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
