"""Whom the host guard listens to, what its other port serves, and how much it bears: on loopback."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from clusters.objects import items, text
from components.anp import GUARD
from components.haproxy import OTHER_CONNECTIONS
from components.host_guard import CONNECTIONS
from tests.parts import haproxy
from tests.parts.caller import IPV4, IPV6, Connection, calling, connect, served, statuses
from tests.parts.host_guarded import HostGuard, rules, started
from tests.parts.hostile import CURRENT, HOSTILE, NAME, RIGHT, SECRETS, TARGET, dialled
from tests.parts.issued import Issued
from tests.parts.processes import pid, raised_file_limit, resident
from tests.proof import note
from tests.turns import turn

ELSEWHERE = ["192.0.2.0/24", "2001:db8::/32"]
"""Networks that nobody here is in."""


# sources


@pytest.mark.parametrize(
    ("sources", "address"),
    [
        ([*ELSEWHERE, "127.0.0.0/8"], IPV4),
        ([*ELSEWHERE, "127.0.0.1"], IPV4),
        ([*ELSEWHERE, "127.0.0.1/32"], IPV4),
        ([*ELSEWHERE, "::1"], IPV6),
        ([*ELSEWHERE, "::1/128"], IPV6),
        ([*ELSEWHERE, "::/0"], IPV6),
        (["127.0.0.0/8", "::1/128"], IPV4),
        (["127.0.0.0/8", "::1/128"], IPV6),
    ],
)
def test_who_is_in_a_network_that_is_listed_is_let_in(
    program: haproxy.Program, sources: list[str], address: str
) -> None:
    with started(program, rules(sources)) as guarded:
        assert guarded.works(address=address)


@pytest.mark.parametrize(
    ("sources", "address"),
    [(ELSEWHERE, IPV4), (ELSEWHERE, IPV6), ([*ELSEWHERE, "127.0.0.0/8"], IPV6), ([*ELSEWHERE, "::1/128"], IPV4)],
)
def test_who_is_in_none_is_cut_off_without_an_answer_and_nothing_of_it_reaches_the_server(
    program: haproxy.Program, sources: list[str], address: str
) -> None:
    """Not even the right request: whoever is elsewhere does not learn that there is a proxy."""
    with started(program, rules(sources)) as guarded:
        for request in (RIGHT, connect(TARGET, None), b"GET / HTTP/1.1\r\n\r\n", b"x"):
            assert answered(guarded.port, request, address) == b""
        assert guarded.server.connections == 0


def answered(port: int, request: bytes, address: str) -> bytes:
    """All that comes back, or nothing where the connection is reset."""
    try:
        with calling(port, address) as connection:
            connection.send(request)
            return connection.rest()
    except ConnectionError:
        return b""


def test_health_and_metrics_answer_whoever_may_use_the_plain_port(program: haproxy.Program) -> None:
    """A kubelet and a Prometheus are in networks of their own."""
    with started(program, rules(ELSEWHERE)) as guarded:
        for path in ("/healthz", "/metrics"):
            assert served(guarded.metrics_port, path)[0] == 200


# health and metrics


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_health_is_answered_without_a_credential(guarded: HostGuard, address: str) -> None:
    """On whichever address a kubelet asks."""
    assert served(guarded.metrics_port, "/healthz", address=address)[0] == 200


def test_metrics_are_those_of_the_guard_and_hold_no_secret(guarded: HostGuard) -> None:
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
def test_nothing_else_is_served_there(guarded: HostGuard, path: str) -> None:
    assert served(guarded.metrics_port, path)[0] == 404


@pytest.mark.parametrize("target", [TARGET, "/metrics", "/healthz", dialled(NAME)])
def test_a_connect_there_opens_nothing(guarded: HostGuard, target: str) -> None:
    """The port has no credentials to check."""
    before = guarded.server.connections
    with calling(guarded.metrics_port) as connection:
        connection.send(connect(target, CURRENT))
        assert connection.answer().status in (400, 404)
    assert guarded.server.connections == before


def test_nothing_that_is_refused_on_the_plain_port_gets_to_the_server_by_the_other(guarded: HostGuard) -> None:
    before = guarded.server.connections
    for request in (RIGHT, *HOSTILE.values()):
        assert set(statuses(guarded.metrics_port, request)) <= {0, 400, 404, 405, 414, 431}
    assert guarded.server.connections == before
    assert guarded.works()


def test_the_plain_port_serves_neither_health_nor_metrics(guarded: HostGuard) -> None:
    for path in ("/healthz", "/metrics"):
        assert guarded.refused(connect(path, CURRENT, method="GET", host=TARGET)) == [405]


# how much it bears


def test_a_full_plain_port_leaves_health_and_metrics_answering(program: haproxy.Program) -> None:
    """It must not look like a dead guard, which a kubelet would restart with all that runs through it."""
    few = {f"maxconn {CONNECTIONS}\n": "maxconn 3\n", f"maxconn {CONNECTIONS + OTHER_CONNECTIONS}\n": "maxconn 19\n"}
    with started(program, changed=few) as guarded, ExitStack() as tunnels:
        for _ in range(3):
            tunnels.enter_context(guarded.tunnel())
        with calling(guarded.port) as waiting:
            waiting.send(RIGHT)
            assert not answers(waiting, 0.5)
            assert served(guarded.metrics_port, "/healthz")[0] == 200
            assert [sessions(guarded, each) for each in ("current", "limit")] == [3, 3]
            tunnels.close()
            assert waiting.answer().status == 200


def answers(connection: Connection, seconds: float) -> bool:
    """Whether anything comes within some time."""
    # select() takes no descriptor above 1023, and other tests open ten thousand
    poll = select.poll()
    poll.register(connection.plain, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def sessions(guarded: HostGuard, what: str) -> int:
    """How many of the plain port are open (`current`) or may be (`limit`), as its metrics say."""
    body = served(guarded.metrics_port, "/metrics")[1].decode()
    (found,) = re.findall(rf'^haproxy_frontend_{what}_sessions\{{proxy="karmada"[^}}]*\}} (\d+)', body, re.MULTILINE)
    return int(found)


@pytest.fixture
def limit(issued: Issued) -> float:
    """The memory that the guard's container may have, in MiB."""
    template = issued.run.the("Deployment", "proxy-server").inputs["spec"]
    (guard,) = [each for each in items(template, "template", "spec", "containers") if text(each, "name") == GUARD]
    return float(text(guard, "resources", "limits", "memory").removesuffix("Mi"))


def test_its_memory_bears_as_many_idle_tunnels_as_it_lets_in(program: haproxy.Program, limit: float) -> None:
    """Watches and execs are silent for hours; the container's limit is for all of them."""
    done = threading.Event()

    def hold(_: socket.socket) -> None:
        done.wait(60)

    with raised_file_limit(2 * TUNNELS + 500), started(program, tunnelled=hold) as guarded:
        process = pid(guarded.log.with_suffix(".cfg"))
        before, opened = resident(process), list[Connection]()
        with ExitStack() as tunnels:
            for _ in range(TUNNELS // AT_ONCE):
                some = [tunnels.enter_context(calling(guarded.port)) for _ in range(AT_ONCE)]
                for each in some:
                    each.send(RIGHT)
                opened += [each for each in some if each.answer().status == 200]
            most = resident(process)
            assert sessions(guarded, "current") == len(opened) == TUNNELS
            done.set()
    each = (most - before) / TUNNELS
    note(
        "Load",
        tried=f"host guard, {TUNNELS:,} idle tunnels",
        expected=f"{CONNECTIONS:,} of them stay below the container's {limit:.0f} MiB",
        seen=f"{before:.0f} MiB before, {1_024 * each:.1f} KiB a tunnel: {before + CONNECTIONS * each:.0f} MiB",
    )
    assert before + CONNECTIONS * each < limit


TUNNELS, AT_ONCE = 2_000, 100


# a flood


@pytest.mark.long
@pytest.mark.alone
def test_ten_thousand_idle_connections_do_not_keep_a_right_request_waiting_for_long(
    program: haproxy.Program, turns: Path, limit: float
) -> None:
    """Idle ones are cut off with the time for a head: who floods must come back every five seconds. A kubelet is
    answered at once, on the other port."""
    with turn(turns), raised_file_limit(FILES), started(program) as guarded:
        file = guarded.log.with_suffix(".cfg")
        process = pid(file)
        before = resident(process)
        with flood(guarded.port, FLOOD) as opened, ThreadPoolExecutor(1) as prober:
            health = prober.submit(seconds_for, lambda: served(guarded.metrics_port, "/healthz")[0] == 200)
            waited = [seconds_for(guarded.works)]
            healthy = health.result()
            most = resident(process)
            waited += [seconds_for(guarded.works) for _ in range(20)]
        assert pid(file) == process
        after = seconds_for(guarded.works)
        note(
            "Hostile peers",
            tried=f"host guard, {FLOOD:,} idle connections at once ({opened:,} of them opened)",
            expected=f"a right request works within {PATIENCE:.0f} s, health and all afterwards at once; memory below "
            "its limit",
            seen=(
                f"the first took {waited[0]:.2f} s, the slowest of 20 more {max(waited[1:]):.2f} s, health "
                f"{healthy:.2f} s, afterwards {after:.2f} s; {before:.0f} MB before, {most:.0f} MB with them, "
                f"{resident(process):.0f} MB in the end"
            ),
        )
        assert opened >= 0.95 * FLOOD
        assert max(waited) < PATIENCE
        assert healthy < 1
        assert after < 1
        assert most < limit


FLOOD = 10_000
FILES = 20_000
PATIENCE = 6.0
"""Seconds after which the idle ones' time for a head is up."""


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
