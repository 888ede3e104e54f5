"""The member guard's configuration: an HAProxy between proxy-agent and the member's own API server.

proxy-agent dials it on the pod's loopback, whatever address Karmada knows the member by, so that a tunnel ends at this
one API server and nowhere else. It forwards TCP and does not see into the TLS inside. An API server that does not read
an upload would stop all sessions of the member, and in the end the agent itself: the guard closes such a connection.

This file only makes text; proxy_agent.py deploys it.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.anp import MEMBER_GUARD_PORT
from components.haproxy import METRICS, OTHER_CONNECTIONS

CONNECTIONS = 4_096
"""Most connections that it accepts at once."""

OWN_API_SERVER = "${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}"
"""The environment variables with which Kubernetes tells every pod its API server. HAProxy expands them itself, and
takes what follows the last colon as the port, so an unbracketed IPv6 address works."""

RESOLVING = "resolvers pod init-addr none resolve-prefer ipv4"
"""HAProxy resolves a name at run time, again and again, and starts at once whether DNS answers or not. It does not use
the C library: with a DNS that does not answer, that takes longer than a kubelet waits; and it resolves short names,
which DNS itself does not know, so that they would work for half a minute only."""

RESOLVERS = """\
resolvers pod
    parse-resolv-conf
    accepted_payload_size 8192
    hold nx 20d
    hold refused 20d
    hold timeout 20d
    hold other 20d

"""
"""The pod's own DNS servers. An address once found is kept while DNS answers nothing or only errors: by default HAProxy
would drop it after half a minute."""

CHECK_SECONDS = 30
"""Seconds between health checks of the API server; 5 after one that failed."""


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    """`address` of the API server is `HOST:PORT`, or empty for the one that Kubernetes tells every pod.

    A connection whose peer reads nothing for `stall` seconds is closed. After the signal to stop, open connections have
    `grace` seconds to end.
    """

    address: str = ""
    stall: int
    grace: int


def configuration(of: Forwarding) -> str:
    """HAProxy's configuration. It holds no secret.

    The health check is in a backend of its own that carries no traffic: it feeds metrics and alerts, and a failed check
    refuses no connection. It sends no credentials and verifies no certificate: an API server that answers counts as
    healthy, unless it answers with a 5xx.
    """
    api_server = f"server api-server {of.address or OWN_API_SERVER}{f' {RESOLVING}' if of.address else ''}"
    resolvers = RESOLVERS if of.address else ""
    return f"""\
global
    log stdout format raw local0 info
    hard-stop-after {of.grace}s
    maxconn {CONNECTIONS + OTHER_CONNECTIONS}
    nbthread 2

{resolvers}defaults
    mode tcp
    log global
    option dontlognull
    option dontlog-normal
    log-format "%ci %ts %Tt ms %B bytes"
    timeout connect 5s
    timeout client 4h
    timeout server 4h
    timeout client-fin 30s
    timeout server-fin 30s

frontend proxy-agent
    bind 127.0.0.1:{MEMBER_GUARD_PORT}
    maxconn {CONNECTIONS}
    default_backend api-server

backend api-server
    option srvtcpka
    srvtcpka-idle 30s
    srvtcpka-intvl 10s
    srvtcpka-cnt 3
    {api_server} tcp-ut {of.stall}s

backend health
    option httpchk GET /readyz
    http-check expect ! rstatus ^5
    {api_server} check inter {CHECK_SECONDS}s fastinter 5s downinter 5s fall 2 rise 1 check-ssl verify none

{METRICS}"""
