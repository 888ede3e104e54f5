"""Checks that a member answers through Karmada; if it does not, walks its path as the doctor does."""

from __future__ import annotations

import time
from collections.abc import Sequence

from checks.doctor.tunnel import Tunnel
from checks.doctor.tunnel_path import TunnelPath
from checks.doctor.walk import walk
from checks.retry import retry
from clusters.api import CLUSTERS, PODS, KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import text
from clusters.pool import CachingApis
from components.anp import PROXY_PATH

REQUEST_SECONDS = 5
"""The timeout of a request through Karmada."""


def reached(apis: KubernetesApis, tunnel: Tunnel, seconds: float) -> tuple[bool, Sequence[str]]:
    """Whether the member answers within so many seconds, and lines to print: how, or the findings of the walk."""
    started = time.monotonic()
    try:
        retry(lambda: request(apis, tunnel), seconds)
    except Unavailable as unavailable:
        why = f"{tunnel.member}: not reached through Karmada within {seconds:.0f} s: {unavailable}"
        return False, [why, *walk(TunnelPath(tunnel=tunnel, apis=CachingApis(apis))).lines()]
    took = time.monotonic() - started
    return True, [f"{tunnel.member}: reached through Karmada: /readyz and a list ({took:.1f} s)"]


def request(apis: KubernetesApis, tunnel: Tunnel) -> None:
    """Sends two requests to the member through Karmada, once its Cluster has a proxyURL. Raises Unavailable."""
    cluster = apis.get(tunnel.karmada, CLUSTERS, tunnel.member)
    if cluster is not None and not text(cluster, "spec", "proxyURL"):
        raise Unavailable("its Cluster object names no proxy: karmada-agent has not reported the tunnel")
    for path in ("/readyz", f"{PODS.path(tunnel.member_namespace)}?limit=1"):
        apis.raw(tunnel.karmada, PROXY_PATH.format(tunnel.member) + path, REQUEST_SECONDS)
