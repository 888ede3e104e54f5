"""What both guards have of HAProxy: where its image looks, and the port of their own health. Pure text."""

from __future__ import annotations

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
