"""The host guard: an HAProxy in front of proxy-server, and whom it lets through. Pure text; nothing here is deployed.

Karmada presents no client certificate, and verifies an https proxy against the member's CA, so the port it uses must
be plain HTTP. ANP's own frontend takes any target from anyone. The guard stands between: it takes CONNECT alone, from
who shows a member's name and the message authentication code (MAC) that goes with it, and whatever target is asked,
what proxy-server gets is that member's. It holds the MAC's key and nothing of any member.
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
"""Where a Cluster object has its member's credential."""

LOOPBACK = ("127.0.0.0/8", "::1")

LARGEST_HEAD = 8_192
"""Bytes of a request's head; what Karmada sends has a few hundred."""

CONNECTIONS = 8_192
"""How many are let in at once: 16 a member for 500 of them, through one of two servers. A tunnel takes two of the
process's file descriptors, of which every container runtime gives 20,000 and more; HAProxy does not start with less."""

THREADS = 4
"""By itself HAProxy starts one a core of the node, with memory for each."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Whom the guard lets through: who shows `NAME:MAC` by one of `keys` (mac_key), the current one first.

    With `sources` (CIDR) nobody else is listened to. A peer that takes nothing for `stall` seconds is cut off. When the
    guard is told to end, what runs through it has `grace` seconds.
    """

    port: int
    sources: Sequence[str] = ()
    keys: Sequence[str]
    stall: int
    grace: int


def mac_key(key_pem: str) -> str:
    """The MAC's key of a generation, from a private key that is used for nothing else: 256 bits in base64."""
    return base64.b64encode(hmac.digest(key_pem.encode(), b"karmada-anp host guard", "sha256")).decode()


def credential(member: str, key: str) -> str:
    """The Proxy-Authorization of a member: Basic, `NAME:MAC`, the MAC being HMAC-SHA256 over the name as hex."""
    mac = hmac.new(base64.b64decode(key), member.encode(), hashlib.sha256).hexdigest()
    return "Basic " + base64.b64encode(f"{member}:{mac}".encode()).decode()


def member_of(header: str) -> str:
    """The member whose name is in a Proxy-Authorization, or nothing where it is none of credential's."""
    try:
        shown = base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
    except ValueError:
        return ""
    found = re.fullmatch(rf"({CLUSTER_NAME}):[0-9a-f]{{64}}", shown)
    return found[1] if found and header.startswith("Basic ") else ""


def listened_to(allowed: Sequence[str]) -> Sequence[str]:
    """The sources of a guard's rules, where some are allowed alone; none, which is all, where none is said.

    Loopback is always among them: `make doctor` asks the plain port by a port-forward, which kubelet opens from there.
    Who may do that, or is on the node, still needs a credential.
    """
    return [*LOOPBACK, *allowed] if allowed else []


def configuration(rules: Rules) -> str:
    """HAProxy's configuration. It holds the MAC's keys: it belongs into a Secret.

    A refused request gets 405 (not CONNECT) or 407 (no credential, a malformed or a wrong one). It is logged without
    its headers, and only a CONNECT with its target: a client that takes the guard for a common proxy sends whole URLs,
    with what is secret in them. `url` is a CONNECT's target as it was sent; a Host header that differs from it HAProxy
    refuses with 400 by itself. HTTP/2, which HAProxy would take on a plain port too, Karmada does not speak to a proxy.

    The name is looked at as `json` writes it, for to some regular expressions a line ends before its line feed too.
    MACs are compared in constant time. An exec session may be silent for hours, as kubelet lets it; a peer that is gone
    is noticed by TCP's keepalive, and one whose window stays shut by TCP_USER_TIMEOUT (`tcp-ut`): ANP has no flow
    control between the sessions of a member, so that one who does not read would stop all others.

    Health and metrics are on a port of their own, without credentials.
    """
    # a source a line, for HAProxy takes 64 words of one
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
    option http-server-close
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
    """What is shown, compared with what a name has by one generation of the key."""
    return f"""\
    http-request set-var(txn.mac_{i}) var(txn.name),hmac(sha256,{key}),hex,lower
    http-request set-var(txn.expected_{i}) var(txn.name),concat(:,txn.mac_{i})
    acl by_key_{i} var(txn.shown),secure_memcmp(txn.expected_{i})"""
