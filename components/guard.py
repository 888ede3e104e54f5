"""The guard: an HAProxy in front of proxy-server, and what it lets through. Pure text; nothing here is deployed.

Karmada presents no client certificate, and verifies an https proxy against the member's CA, so the port it uses must
be plain HTTP. ANP's own frontend asks for a client certificate and takes any target. The guard stands between: it takes
CONNECT only, only to the API endpoints of the stack's members, only with the expected Proxy-Authorization, and speaks
mTLS to proxy-server on the pod's own loopback.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.anp import FRONTEND_PORT, GUARD_METRICS_PORT, SERVER_NAMES

DIRECTORY = "/usr/local/etc/haproxy"
"""Where the image looks for its configuration, and where the Secret `proxy-guard` is mounted."""

CONFIGURATION = "haproxy.cfg"
CLIENT_CERTIFICATE = "client.pem"
SERVER_CA = "server-ca.crt"

NO_TARGET = "no-member:0"
"""What stands for the targets where there are none: HAProxy takes no empty list."""

LARGEST_HEAD = 8_192
"""Bytes of a request's head; what Karmada sends has a few hundred."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the guard lets through: CONNECT to one of `targets` (`host:port`), with one of `credentials`.

    `ipv6` is where it listens: on every IPv6 address, or on every IPv4 address. With `sources` (CIDR) nobody else is
    listened to. When it is told to end, what runs through it has `grace` seconds.
    """

    port: int
    ipv6: bool = False
    sources: Sequence[str] = ()
    targets: Sequence[str]
    credentials: Sequence[str]
    grace: int


def credential(key_pem: str) -> str:
    """The Proxy-Authorization that goes with a private key: Basic, with 256 bits that only its holder can tell."""
    password = hashlib.sha256(key_pem.encode()).hexdigest()
    return "Basic " + base64.b64encode(f"karmada:{password}".encode()).decode()


def configuration(rules: Rules, directory: str = DIRECTORY) -> str:
    """HAProxy's configuration. It holds the credentials: it belongs into a Secret.

    A refused request gets 405 (not CONNECT), 407 (no or a wrong credential) or 403 (another target), in that order: who
    has no credential does not learn the targets. It is logged without its headers, and only a CONNECT with its target:
    a client that takes the guard for a common proxy sends whole URLs, with what is secret in them. `url` is a CONNECT's
    target as it was sent; a Host header that differs from it HAProxy refuses with 400 by itself. HTTP/2, which HAProxy
    would take on a plain port too, Karmada does not speak to a proxy.

    An exec session may be silent for hours, as kubelet lets it; a peer that is gone is noticed by TCP's keepalive.
    Health and metrics are on a port of their own, without credentials.
    """
    targets = " ".join(rules.targets) or NO_TARGET
    credentials = " ".join(f'"{each}"' for each in rules.credentials)
    every = "::" if rules.ipv6 else ""
    reject = f"tcp-request connection reject unless {{ src {' '.join(rules.sources)} }}" if rules.sources else ""
    name = SERVER_NAMES[0]
    tls = f"ssl crt {directory}/{CLIENT_CERTIFICATE} ca-file {directory}/{SERVER_CA} verify required verifyhost {name}"
    return f"""\
global
    log stdout format raw local0 info
    hard-stop-after {rules.grace}s
    maxconn 4096
    tune.bufsize {2 * LARGEST_HEAD}
    tune.maxrewrite {LARGEST_HEAD}
    ssl-default-server-options ssl-min-ver TLSv1.3

defaults
    mode http
    log global
    option dontlognull
    option http-server-close
    option disable-h2-upgrade
    log-format "%ci %ST %ts %[var(txn.target)] %Tt ms %B bytes"
    timeout connect 5s
    timeout http-request 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 4h
    timeout client-fin 30s
    timeout server-fin 30s

frontend karmada
    bind {every}:{rules.port}
    option clitcpka
    clitcpka-idle 30s
    clitcpka-intvl 10s
    clitcpka-cnt 3
    {reject}
    acl to_a_member url -m str {targets}
    acl from_karmada req.hdr(Proxy-Authorization) -m str {credentials}
    acl once req.hdr_cnt(Proxy-Authorization) eq 1
    http-request deny deny_status 405 unless METH_CONNECT
    http-request set-var(txn.target) url,json
    http-request deny deny_status 407 unless once from_karmada
    http-request deny deny_status 403 unless to_a_member
    http-request del-header Proxy-Authorization
    default_backend proxy-server

backend proxy-server
    server loopback 127.0.0.1:{FRONTEND_PORT} {tls} sni str({name}) alpn http/1.1

frontend metrics
    bind {every}:{GUARD_METRICS_PORT}
    maxconn 16
    option dontlog-normal
    monitor-uri /healthz
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request deny deny_status 404
"""


@dataclass(frozen=True, kw_only=True)
class LetThrough:
    """The targets and the credentials that a configuration lets through."""

    targets: Sequence[str]
    credentials: Sequence[str]


def let_through(configuration: str) -> LetThrough:
    """What a configuration that was written here lets through; nothing where it is another."""
    targets = re.search(r"^ *acl to_a_member url -m str (.*)$", configuration, re.MULTILINE)
    credentials = re.search(r"^ *acl from_karmada \S+ -m str (.*)$", configuration, re.MULTILINE)
    return LetThrough(
        targets=[each for each in targets[1].split() if each != NO_TARGET] if targets else [],
        credentials=re.findall(r'"([^"]*)"', credentials[1]) if credentials else [],
    )
