"""The HAProxy configuration that both guards share: its path in the image, and the frontend for health and metrics."""

from __future__ import annotations

from components.anp import GUARD_METRICS_PORT

DIRECTORY = "/usr/local/etc/haproxy"
"""The directory in which HAProxy's image looks for its configuration."""

CONFIGURATION = "haproxy.cfg"

OTHER_CONNECTIONS = 16
"""Connections for health and metrics, beyond the guard's own limit: a guard that is full must not look dead."""

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
