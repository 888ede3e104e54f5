"""The configuration of the host guard, the HAProxy in front of proxy-server that authenticates Karmada's CONNECT
requests.

Karmada presents no client certificate, and verifies an https proxy against the member's CA, so the port it uses must
be plain HTTP. ANP's own frontend takes any target from anyone. The guard is between the two: it accepts only a CONNECT
with a credential, a member's name and its message authentication code (MAC), and sends it on to that member, whatever
target the CONNECT names. It holds the MAC's key, and nothing that differs by member.

This file only makes text; server_pod.py and proxy_server.py deploy it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.anp import FRONTEND_SOCKET, IDENTIFIER, MEMBER_GUARD_PORT
from components.haproxy import METRICS, OTHER_CONNECTIONS
from config.fields import CLUSTER_NAME

HEADER = ("spec", "proxyHeader", "Proxy-Authorization")
"""The field of a Cluster object that holds its member's credential."""

LOOPBACK = ("127.0.0.0/8", "::1")

LARGEST_HEAD = 8_192
"""Most bytes of a request's head; Karmada sends a few hundred."""

CONNECTIONS = 8_192
"""Most connections that it accepts at once: 16 for each of 500 members, if one of two proxy-servers is down. A tunnel
takes two file descriptors, of which container runtimes give a process 20,000 or more; HAProxy refuses to start with too
few.
"""

THREADS = 4
"""By default HAProxy starts one thread for each core of the node, and each takes memory."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`port` is the plain port. A credential `NAME:MAC` is accepted by any of `keys` (mac_key), the current one first.

    Where there are `sources` (CIDR), connections from elsewhere are rejected. A connection whose peer reads nothing for
    `stall` seconds is closed. After the signal to stop, open connections have `grace` seconds to end.
    """

    port: int
    sources: Sequence[str] = ()
    keys: Sequence[str]
    stall: int
    grace: int


def mac_key(key_pem: str) -> str:
    """The MAC's key, 256 bits in base64, derived from a private key (PEM) that is used for nothing else."""
    return base64.b64encode(hmac.digest(key_pem.encode(), b"karmada-anp host guard", "sha256")).decode()


def credential(member: str, key: str) -> str:
    """A member's Proxy-Authorization header: Basic, `NAME:MAC`. The MAC is HMAC-SHA256 over the name, as hex."""
    mac = hmac.new(base64.b64decode(key), member.encode(), hashlib.sha256).hexdigest()
    return "Basic " + base64.b64encode(f"{member}:{mac}".encode()).decode()


def member_of(header: str) -> str:
    """The member's name in a Proxy-Authorization header, or "" where its form is not that of credential()."""
    try:
        shown = base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
    except ValueError:
        return ""
    found = re.fullmatch(rf"({CLUSTER_NAME}):[0-9a-f]{{64}}", shown)
    return found[1] if found and header.startswith("Basic ") else ""


def accepted_sources(allowed: Sequence[str]) -> Sequence[str]:
    """The guard's `sources` for `proxy.allowedSources`: these plus loopback; none, which allows all, if it is empty.

    `make doctor` asks the plain port by a port-forward, which kubelet opens from loopback. Whoever may do that, or is
    on the node, still needs a credential.
    """
    return [*LOOPBACK, *allowed] if allowed else []


def configuration(rules: Rules) -> str:
    """HAProxy's configuration. It holds the MAC's keys, so it belongs in a Secret.

    A refused request gets 405 (not a CONNECT) or 407 (no credential, or a malformed or wrong one). The log has no
    headers, and the target only of a CONNECT: a client that uses the guard as an ordinary forward proxy sends whole
    URLs, which may hold secrets. `url` is the CONNECT's target as sent; HAProxy itself refuses, with 400, a Host header
    that differs. HTTP/2, which HAProxy would accept on a plain port too, is disabled: Karmada does not speak it to a
    proxy.

    The name is JSON-encoded before it is matched, since in some regular expressions `$` also matches before a final
    line feed. MACs are compared in constant time. An exec session may be silent for hours, as kubelet allows. TCP
    keepalive finds a peer that is gone, and TCP_USER_TIMEOUT (`tcp-ut`) one whose receive window stays shut: ANP has no
    flow control between a member's sessions, so one client that does not read would stop all others.

    A connection is for one request (`httpclose`): HAProxy 3.2.0 took what a Content-Length covered for the next one.

    Health and metrics are on a port of their own, without credentials.
    """
    # one source a line: HAProxy takes at most 64 words in a line
    sources = "\n    ".join(f"acl listed src {each}" for each in rules.sources)
    reject = f"{sources}\n    tcp-request connection reject unless listed" if sources else ""
    target = f"{IDENTIFIER.format('%[var(txn.name)]')}:{MEMBER_GUARD_PORT}"
    generations = "\n".join(_generation(i, key) for i, key in enumerate(rules.keys))
    shown = " or ".join(f"by_key_{i}" for i in range(len(rules.keys)))
    return f"""\
global
    log stdout format raw local0 info
    hard-stop-after {rules.grace}s
    maxconn {CONNECTIONS + OTHER_CONNECTIONS}
    nbthread {THREADS}
    tune.bufsize {2 * LARGEST_HEAD}
    tune.maxrewrite {LARGEST_HEAD}

defaults
    mode http
    log global
    option dontlognull
    option httpclose
    option disable-h2-upgrade
    log-format "%ci %ST %ts %[var(txn.member)] %[var(txn.target)] %Tt ms %B bytes"
    timeout connect 5s
    timeout http-request 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 4h
    timeout client-fin 30s
    timeout server-fin 30s

frontend karmada
    bind :{rules.port},:::{rules.port} v6only tcp-ut {rules.stall}s
    maxconn {CONNECTIONS}
    option clitcpka
    clitcpka-idle 30s
    clitcpka-intvl 10s
    clitcpka-cnt 3
    {reject}
    acl once req.hdr_cnt(Proxy-Authorization) eq 1
    acl basic req.fhdr(Proxy-Authorization) -m reg '^Basic [A-Za-z0-9+/]+={{0,2}}$'
    http-request deny deny_status 405 unless METH_CONNECT
    http-request set-var(txn.target) url,json
    http-request deny deny_status 407 unless once basic
    http-request set-var(txn.shown) req.fhdr(Proxy-Authorization),word(2,' '),b64dec
    http-request set-var(txn.name) var(txn.shown),field(1,:)
    http-request deny deny_status 407 unless {{ var(txn.name),json -m reg '^{CLUSTER_NAME}$' }}
{generations}
    http-request deny deny_status 407 unless {shown}
    http-request set-var(txn.member) var(txn.name)
    http-request set-uri {target}
    http-request set-header Host {target}
    http-request del-header Proxy-Authorization
    default_backend proxy-server

backend proxy-server
    server frontend unix@{FRONTEND_SOCKET}

{METRICS}"""


def _generation(i: int, key: str) -> str:
    """HAProxy lines that compare the credential shown with the one that this generation of the key gives the name."""
    return f"""\
    http-request set-var(txn.mac_{i}) var(txn.name),hmac(sha256,{key}),hex,lower
    http-request set-var(txn.expected_{i}) var(txn.name),concat(:,txn.mac_{i})
    acl by_key_{i} var(txn.shown),secure_memcmp(txn.expected_{i})"""
