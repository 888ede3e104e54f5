"""Whether a member answers through Karmada, and where it does not, the doctor's walk along its path."""

from __future__ import annotations

import time
from collections.abc import Sequence

from checks.doctor.tunnel import Tunnel
from checks.doctor.tunnel_path import TunnelPath
from checks.doctor.walk import walk
from checks.until import until
from clusters.api import CLUSTERS, PODS, Asking
from clusters.errors import Unavailable
from clusters.objects import text
from clusters.pool import Remembering
from components.anp import PROXY_PATH

REQUEST_SECONDS = 5
"""How long a request through Karmada may take."""


def reached(asking: Asking, tunnel: Tunnel, seconds: float) -> tuple[bool, Sequence[str]]:
    """Whether the member answers within so many seconds, and in lines how, or what is wrong on the path to it."""
    started = time.monotonic()
    try:
        until(lambda: request(asking, tunnel), seconds)
    except Unavailable as unavailable:
        why = f"{tunnel.member}: not reached through Karmada within {seconds:.0f} s: {unavailable}"
        return False, [why, *walk(TunnelPath(tunnel=tunnel, asking=Remembering(asking))).lines()]
    took = time.monotonic() - started
    return True, [f"{tunnel.member}: reached through Karmada: /readyz and a list ({took:.1f} s)"]


def request(asking: Asking, tunnel: Tunnel) -> None:
    """Two requests to the member through Karmada, once its Cluster names a proxy. Raises Unavailable."""
    cluster = asking.get(tunnel.karmada, CLUSTERS, tunnel.member)
    if cluster is not None and not text(cluster, "spec", "proxyURL"):
        raise Unavailable("its Cluster object names no proxy: karmada-agent has not reported the tunnel")
    for path in ("/readyz", f"{PODS.path(tunnel.member_namespace)}?limit=1"):
        asking.raw(tunnel.karmada, PROXY_PATH.format(tunnel.member) + path, REQUEST_SECONDS)
