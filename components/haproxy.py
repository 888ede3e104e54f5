"""What both guards have of HAProxy: where its image looks, and the port of their own health. Pure text and probes."""

from __future__ import annotations

from typing import TypedDict

from pulumi_kubernetes.core.v1 import ProbeArgsDict

from components.anp import GUARD_METRICS_PORT

DIRECTORY = "/usr/local/etc/haproxy"
"""Where the image looks for its configuration."""

CONFIGURATION = "haproxy.cfg"

OTHER_CONNECTIONS = 16
"""Those that ask for health and metrics, beside what a guard is for: a full guard must not look like a dead one."""

METRICS = f"""\
frontend metrics
    mode http
    bind :{GUARD_METRICS_PORT},:::{GUARD_METRICS_PORT} v6only
    maxconn {OTHER_CONNECTIONS}
    timeout client 30s
    option dontlog-normal
    monitor-uri /healthz
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request deny deny_status 404
"""
"""Health and metrics, on a port of their own and without credentials."""


class Probes(TypedDict):
    """The probes of a guard's container."""

    liveness_probe: ProbeArgsDict
    readiness_probe: ProbeArgsDict


def probes() -> Probes:
    """By HTTP, at the port of its own health: one that hangs still accepts, and a plain port may refuse the kubelet."""
    healthy: ProbeArgsDict = {"http_get": {"path": "/healthz", "port": GUARD_METRICS_PORT}}
    return {
        "liveness_probe": {**healthy, "initial_delay_seconds": 10},
        "readiness_probe": {**healthy, "period_seconds": 1},
    }
