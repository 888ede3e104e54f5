"""Whom the guard listens to, what its other port serves, what it does not speak, and how much it bears: on loopback."""

from __future__ import annotations

import re
import resource
import select
import socket
import ssl
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.parts import haproxy
from tests.parts.caller import calling, connect, statuses
from tests.parts.guarded import Guard, started
from tests.parts.hostile import CURRENT, HOSTILE, RIGHT, SECRETS, TARGET
from tests.parts.issued import Issued
from tests.proof import note
from tests.turns import turn

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


# a flood


@pytest.mark.long
@pytest.mark.alone
def test_ten_thousand_idle_connections_do_not_keep_a_right_request_waiting_for_long(
    program: haproxy.Program, issued: Issued, turns: Path
) -> None:
    """Idle ones are cut off with the time for a head: who floods must come back every five seconds. A kubelet, which
    asks three times in half a minute, does not restart the guard for it."""
    with turn(turns), raised_file_limit(), started(program, issued, issued.frontend_server) as guarded:
        process = pid(guarded)
        before = resident(process)
        with flood(guarded.port, FLOOD) as opened, ThreadPoolExecutor(1) as prober:
            health = prober.submit(seconds_for, lambda: served(guarded.metrics_port, "/healthz")[0] == 200)
            waited = [seconds_for(guarded.works)]
            healthy = health.result()
            most = resident(process)
            waited += [seconds_for(guarded.works) for _ in range(20)]
        assert pid(guarded) == process
        after = seconds_for(guarded.works)
        note(
            "Hostile peers",
            tried=f"guard, {FLOOD:,} idle connections at once ({opened:,} of them opened)",
            expected=f"a right request works within {PATIENCE:.0f} s, and at once afterwards; memory below its limit",
            seen=(
                f"the first took {waited[0]:.2f} s, the slowest of 20 more {max(waited[1:]):.2f} s, health "
                f"{healthy:.2f} s, afterwards {after:.2f} s; {before} MB before, {most} MB with them, "
                f"{resident(process)} MB in the end"
            ),
        )
        assert opened >= 0.95 * FLOOD
        assert max(waited) < PATIENCE
        assert healthy < PATIENCE
        assert after < 1
        assert most < 400


FLOOD = 10_000
FILES = 20_000
PATIENCE = 6.0
"""Seconds after which the idle ones' time for a head is up."""


@contextmanager
def raised_file_limit() -> Generator[None]:
    """As many open files as the flood, and what HAProxy reserves for its connections, need."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, max(FILES, before[1])))
    except (ValueError, OSError):
        pytest.skip(f"only {before[1]} open files are allowed here")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def flood(port: int, count: int) -> Generator[int]:
    """Connections that say nothing, held until the block is left; yields how many came about within ten seconds."""
    opening: list[socket.socket] = []
    poll = select.epoll()
    try:
        for _ in range(count):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
            poll.register(each, select.EPOLLOUT | select.EPOLLONESHOT)
            opening.append(each)
        ends, opened = time.monotonic() + 10, 0
        while opened < count and time.monotonic() < ends:
            opened += sum(1 for _, event in poll.poll(1) if not event & select.EPOLLERR)
        yield opened
    finally:
        poll.close()
        for each in opening:
            each.close()


def seconds_for(what: Callable[[], bool]) -> float:
    """How long it takes; it must come true, within the callers' own time."""
    begins = time.monotonic()
    assert what()
    return time.monotonic() - begins


def pid(guarded: Guard) -> int:
    """HAProxy's process, by its configuration."""
    configuration = str(guarded.log.with_suffix(".cfg")).encode()
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (each / "cmdline").read_bytes().split(b"\0")
            if configuration in words and Path(words[0].decode()).name == "haproxy":
                return int(each.name)
    raise AssertionError("HAProxy is gone")


def resident(process: int) -> int:
    """Its memory, in MB."""
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(kilobytes) // 1_024
