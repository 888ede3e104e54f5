"""Checks that members answer through Karmada, many at a time; walks the path of one that does not, as the doctor."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from checks.doctor.tunnel import Tunnel
from checks.doctor.walk import walk_all
from checks.outcomes import AT_ONCE, NAMED, listed
from checks.retry import retry
from clusters.api import CLUSTERS, PODS, KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import text
from clusters.pool import in_parallel
from components.anp import PROXY_PATH

REQUEST_SECONDS = 5
"""The timeout of a request through Karmada."""

REACHED = "reached through Karmada: /readyz and a list"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Of members, by their names: the seconds after which they answered, why they did not, and which were away and did
    not answer."""

    within: float
    took: Mapping[str, float]
    failed: Mapping[str, tuple[Tunnel, Unavailable]]
    unready: Sequence[str]

    def lines(self) -> Iterator[str]:
        """A line for each member that answered; one for all, if there are more than ten; one for those not Ready."""
        if len(self.took) > NAMED:
            yield f"{listed(list(self.took))}: {REACHED} (slowest {max(self.took.values()):.1f} s)"
        else:
            yield from (f"{name}: {REACHED} ({seconds:.1f} s)" for name, seconds in self.took.items())
        if self.unready:
            yield f"{listed(self.unready)}: not Ready, and not waited for: what is meant for them waits in Karmada"

    def failures(self, apis: KubernetesApis) -> Iterator[str]:
        """A line for each member that did not answer, and the findings of the walk, of ten of them at most."""
        for name, (_, reason) in self.failed.items():
            yield f"{name}: not reached through Karmada within {self.within:.0f} s: {reason}"
        for each in walk_all([tunnel for tunnel, _ in self.failed.values()][:NAMED], apis):
            yield from each.lines()


def answers(
    apis: KubernetesApis, tunnels: Sequence[Tunnel], seconds: float, *, away: Collection[str] = frozenset()
) -> Answers:
    """Asks members until they answer, for so many seconds in all, and each at least once.

    Those that are `away`, by their names, are asked once, and do not fail.
    """
    end = time.monotonic() + seconds

    def asked(tunnel: Tunnel) -> float | Unavailable | None:
        """After how many seconds a member answered, why it did not, or None if it is not waited for."""
        once, started = tunnel.member in away, time.monotonic()
        try:
            retry(lambda: request(apis, tunnel), 0 if once else end - started)
        except Unavailable as reason:
            return None if once else reason
        return time.monotonic() - started

    # those that are away last: each may take one of the threads for seconds
    in_turn = sorted(tunnels, key=lambda each: each.member in away)
    found = in_parallel({each.member: partial(asked, each) for each in in_turn}, AT_ONCE)
    of = {each.member: each for each in tunnels}
    return Answers(
        within=seconds,
        took={name: each for name, each in found.items() if isinstance(each, float)},
        failed={name: (of[name], each) for name, each in found.items() if isinstance(each, Unavailable)},
        unready=[name for name, each in found.items() if each is None],
    )


def request(apis: KubernetesApis, tunnel: Tunnel) -> None:
    """Sends two requests to the member through Karmada, once its Cluster has a proxyURL. Raises Unavailable."""
    cluster = apis.get(tunnel.karmada, CLUSTERS, tunnel.member)
    if cluster is not None and not text(cluster, "spec", "proxyURL"):
        raise Unavailable("its Cluster object names no proxy: karmada-agent has not reported the tunnel")
    for path in ("/readyz", f"{PODS.path(tunnel.member_namespace)}?limit=1"):
        apis.raw(tunnel.karmada, PROXY_PATH.format(tunnel.member) + path, REQUEST_SECONDS)
