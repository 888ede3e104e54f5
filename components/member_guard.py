"""The member guard: an HAProxy between proxy-agent and the member's own API server. Pure text; nothing is deployed.

proxy-agent dials it on the pod's loopback, whatever address Karmada knows the member by, so that a tunnel ends at this
one API server and nowhere else. It forwards TCP and sees nothing of what is inside. An API server that does not read an
upload would stop all sessions of the member, and at last the agent itself: such a connection is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.anp import MEMBER_GUARD_PORT
from components.haproxy import METRICS, OTHER_CONNECTIONS

CONNECTIONS = 4_096
"""How many are let in at once."""

OWN_API_SERVER = "${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}"
"""What every pod is told of its cluster's API server. HAProxy reads the environment itself, and of an IPv6 address
takes what is behind the last colon as the port."""

RESOLVING = "resolvers pod init-addr none resolve-prefer ipv4"
"""A name is asked for again and again; the guard starts at once, whether there is an answer or not. The C library is
not asked: with a DNS that is mute it takes longer than a kubelet waits, and it knows short names, which by DNS itself
are none, so that they would be good for half a minute."""

RESOLVERS = """\
resolvers pod
    parse-resolv-conf
    accepted_payload_size 8192
    hold nx 20d
    hold refused 20d
    hold timeout 20d
    hold other 20d

"""
"""The DNS servers that the pod has. An address that was found is kept while there is no answer, or none that helps:
HAProxy would give it up after half a minute."""

CHECK_SECONDS = 30
"""How often the API server is asked whether it is well; every 5 s where it was not."""


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    """Where it forwards: `address` is `HOST:PORT`, or empty for the API server that every pod knows.

    A connection whose other end takes nothing for `stall` seconds is cut off. When the guard is told to end, what runs
    through it has `grace` seconds.
    """

    address: str = ""
    stall: int
    grace: int


def configuration(of: Forwarding) -> str:
    """HAProxy's configuration. There is no secret in it.

    Whether the API server is well is asked in a backend that carries nothing: it feeds metrics and alerts, and no
    connection is refused for it. It is asked without credentials and without a look at the certificate: what answers is
    alive, unless it says itself that it is not.
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
