"""Whom the guard listens to, what its other port serves, and what it does not speak: of HAProxy, on loopback."""

from __future__ import annotations

import re
import ssl

import pytest

from tests.parts import haproxy
from tests.parts.caller import calling, connect, statuses
from tests.parts.guarded import Guard, started
from tests.parts.hostile import CURRENT, HOSTILE, RIGHT, SECRETS, TARGET
from tests.parts.issued import Issued

ELSEWHERE = ["192.0.2.0/24", "2001:db8::/32"]
"""Networks that nobody here is in."""


def served(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of what the metrics' port answers, on a connection of its own."""
    with calling(port) as connection:
        connection.send(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = connection.rest().partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body


# sources


@pytest.mark.parametrize("source", ["127.0.0.0/8", "127.0.0.1", "127.0.0.1/32"])
def test_who_is_in_a_network_that_is_listed_is_let_in(program: haproxy.Program, issued: Issued, source: str) -> None:
    with started(program, issued, issued.frontend_server, sources=[*ELSEWHERE, source]) as guarded:
        assert guarded.works()


def test_who_is_in_none_is_cut_off_without_an_answer_and_nothing_of_it_reaches_the_server(
    program: haproxy.Program, issued: Issued
) -> None:
    """Not even the right request: whoever is elsewhere does not learn that there is a proxy."""
    with started(program, issued, issued.frontend_server, sources=ELSEWHERE) as guarded:
        for request in (RIGHT, connect(TARGET, None), b"GET / HTTP/1.1\r\n\r\n", b"x"):
            assert answered(guarded.port, request) == b""
        assert guarded.server.connections == 0


def answered(port: int, request: bytes) -> bytes:
    """All that comes back, or nothing where the connection is reset."""
    try:
        with calling(port) as connection:
            connection.send(request)
            return connection.rest()
    except ConnectionError:
        return b""


def test_health_and_metrics_answer_whoever_may_use_the_plain_port(program: haproxy.Program, issued: Issued) -> None:
    """A kubelet and a Prometheus are in networks of their own."""
    with started(program, issued, issued.frontend_server, sources=ELSEWHERE) as guarded:
        assert served(guarded.metrics_port, "/healthz")[0] == 200


# health and metrics


def test_health_is_answered_without_a_credential(guarded: Guard) -> None:
    assert served(guarded.metrics_port, "/healthz")[0] == 200


def test_metrics_are_those_of_the_guard_and_hold_no_secret(guarded: Guard) -> None:
    assert guarded.works()
    status, body = served(guarded.metrics_port, "/metrics")
    assert status == 200
    (requests,) = re.findall(
        rb'^haproxy_frontend_http_requests_total\{proxy="karmada"[^}]*\} (\d+)', body, re.MULTILINE
    )
    assert int(requests) > 0
    assert re.search(rb'^haproxy_backend_status\{proxy="proxy-server",state="UP"\} 1', body, re.MULTILINE)
    assert not any(secret.encode() in body for secret in SECRETS)


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics/", "/metricsx", "/healthzx", "/stats", "/haproxy?stats", "//metrics", "/METRICS", "/../metrics"],
)
def test_nothing_else_is_served_there(guarded: Guard, path: str) -> None:
    assert served(guarded.metrics_port, path)[0] == 404


@pytest.mark.parametrize("target", [TARGET, "/metrics", "/healthz", "127.0.0.1:8090"])
def test_a_connect_there_opens_nothing(guarded: Guard, target: str) -> None:
    """The port has neither credentials nor targets to check."""
    before = guarded.server.connections
    with calling(guarded.metrics_port) as connection:
        connection.send(connect(target, CURRENT))
        assert connection.answer().status in (400, 404)
    assert guarded.server.connections == before


def test_nothing_that_is_refused_on_the_plain_port_gets_to_the_server_by_the_other(guarded: Guard) -> None:
    before = guarded.server.connections
    for request in (RIGHT, *HOSTILE.values()):
        assert set(statuses(guarded.metrics_port, request)) <= {0, 400, 404, 405, 414, 431}
    assert guarded.server.connections == before
    assert guarded.works()


def test_the_plain_port_serves_neither_health_nor_metrics(guarded: Guard) -> None:
    for path in ("/healthz", "/metrics"):
        assert guarded.refused(connect(path, CURRENT, method="GET", host=TARGET)) == [405]


# TLS to the server


def test_the_guard_speaks_tls_1_3_to_the_server(guarded: Guard) -> None:
    assert guarded.works()
    assert set(guarded.server.versions) == {"TLSv1.3"}


def test_a_server_that_speaks_nothing_newer_than_tls_1_2_gets_no_request(
    program: haproxy.Program, issued: Issued
) -> None:
    with started(program, issued, issued.frontend_server, newest=ssl.TLSVersion.TLSv1_2) as guarded:
        assert statuses(guarded.port, RIGHT) == [503]
        assert guarded.server.connections > 0
        assert (guarded.server.heads, guarded.server.versions) == ([], [])
