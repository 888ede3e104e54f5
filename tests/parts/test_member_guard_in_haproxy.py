"""Where the member guard forwards, when it starts, and what it says of itself and of its API server: on loopback."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from os import urandom

import pytest

from components.haproxy import OTHER_CONNECTIONS
from components.member_guard import CONNECTIONS
from tests.parts import haproxy
from tests.parts.api_server import ApiServer, api_server, lines, serving
from tests.parts.caller import IPV4, IPV6, calling, served
from tests.parts.connect_server import FAREWELL, echo
from tests.parts.issued import Issued
from tests.parts.member_guarded import (
    OFTEN,
    MemberGuard,
    at,
    comes_true,
    configuration,
    forwarding,
    nobodys_port,
    own,
    started,
)
from tests.parts.name_server import NameServer, name_server

MEGABYTE = 2**20
NOWHERE = "api.nowhere.invalid"
"""A name that nobody has (RFC 6761)."""


def forwards(guard: MemberGuard) -> bool:
    """Whether bytes go both ways, and the end of either."""
    sent = urandom(MEGABYTE)
    with calling(guard.port) as connection, ThreadPoolExecutor(1) as sender:
        sending = sender.submit(connection.send, sent)
        got = connection.read(MEGABYTE)
        sending.result(20)
        connection.done_sending()
        return got == sent and connection.rest() == FAREWELL


def reached(guard: MemberGuard) -> bool:
    """Whether anybody answers behind it."""
    try:
        with calling(guard.port) as connection:
            connection.send(b"hello")
            return connection.read(5) == b"hello"
    except ConnectionError:
        return False


# its configuration


@pytest.mark.parametrize("address", ["", "192.0.2.4:6443", "[2001:db8::4]:6443", "localhost:443"])
@pytest.mark.parametrize("told", ["10.96.0.1", "fd00::1"])
def test_its_configuration_is_valid_without_a_warning(program: haproxy.Program, address: str, told: str) -> None:
    """Whatever a pod is told of its own API server, and whichever other address is set."""
    file = program.directory / "member-checked.cfg"
    file.write_text(configuration(forwarding(address), 6443, 8096))
    assert haproxy.check(program, file, own(443, told)) == ""


# where it forwards


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_it_forwards_both_ways_to_the_api_server_that_every_pod_knows(program: haproxy.Program, address: str) -> None:
    with serving(echo, address) as port, started(program, forwarding(), own(port, address)) as guard:
        assert forwards(guard)


@pytest.mark.parametrize("host", [IPV4, IPV6])
def test_it_forwards_to_another_address_where_one_is_set(program: haproxy.Program, host: str) -> None:
    with serving(echo, host) as port, started(program, forwarding(at(port, host)), own(nobodys_port())) as guard:
        assert forwards(guard)


def test_it_listens_on_the_pods_loopback_alone(program: haproxy.Program) -> None:
    """Nobody else in the member's cluster reaches its API server by it."""
    with serving(echo) as port, started(program, forwarding(), own(port)) as guard:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", guard.port), 1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((IPV6, guard.port), 1)
        assert forwards(guard)


def test_many_connections_at_once_do_not_mix(program: haproxy.Program) -> None:
    def through(number: int) -> bool:
        sent = bytes([number]) * 50_000
        with calling(guard.port) as connection:
            connection.send(sent)
            return connection.read(len(sent)) == sent

    with serving(echo) as port, started(program, forwarding(), own(port)) as guard, ThreadPoolExecutor(16) as callers:
        assert all(callers.map(through, range(32)))


def test_a_connection_waits_for_an_api_server_that_restarts(program: haproxy.Program) -> None:
    """HAProxy tries four times, a second apart. One that does not come ends the connection."""
    port = nobodys_port()
    with started(program, forwarding(), own(port)) as guard, calling(guard.port) as connection:
        connection.send(b"hello")
        with serving(echo, port=port):
            assert connection.read(5) == b"hello"
        assert not reached(guard)


# names


def test_a_name_that_does_not_resolve_does_not_keep_it_from_starting(program: haproxy.Program) -> None:
    """The cluster's DNS may start later than the agent's pod."""
    with started(program, forwarding(f"{NOWHERE}:6443")) as guard:
        assert guard.healthy()
        assert not guard.api_server_up()
        assert not reached(guard)


def resolving(dns: NameServer, nx: str = "") -> dict[str, str]:
    """The text with this DNS, asked every second, and perhaps another patience with its not knowing the name."""
    ours = {"    parse-resolv-conf\n": f"    nameserver test {IPV4}:{dns.port}\n    hold valid 1s\n"}
    return {**ours, "    hold nx 20d\n": f"    hold nx {nx}\n"} if nx else ours


def test_a_name_is_asked_for_again_and_again(program: haproxy.Program) -> None:
    """It is found once there is an answer, and followed where it moves, also to the other IP version."""
    with (
        name_server() as dns,
        serving(echo) as port,
        serving(echo, IPV6, port),
        started(program, forwarding(f"{NOWHERE}:{port}"), changed=resolving(dns)) as guard,
    ):
        assert comes_true(lambda: dns.asked > 1)
        assert not reached(guard)
        dns.address = IPV4
        assert comes_true(lambda: reached(guard))
        dns.address = "127.0.0.2"
        assert comes_true(lambda: not reached(guard))
        dns.address = IPV6
        assert comes_true(lambda: reached(guard))


@pytest.mark.parametrize(("nx", "kept"), [("", True), ("1s", False)])
def test_an_address_is_kept_while_the_dns_does_not_know_it(program: haproxy.Program, nx: str, kept: bool) -> None:
    """A DNS that is ill does not cut the member off; as HAProxy has it by itself, it would."""
    with name_server() as dns, serving(echo) as port:
        dns.address = IPV4
        with started(program, forwarding(f"{NOWHERE}:{port}"), changed=resolving(dns, nx)) as guard:
            assert comes_true(lambda: reached(guard))
            dns.address = ""
            asked = dns.asked
            assert comes_true(lambda: dns.asked > asked + 6)
            assert reached(guard) is kept


# what it says of itself and of the API server


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_a_kubelet_and_a_prometheus_are_answered(program: haproxy.Program, address: str) -> None:
    with started(program, forwarding(), own(nobodys_port())) as guard:
        assert guard.healthy(address)
        assert served(guard.metrics_port, "/metrics", address=address)[0] == 200
        assert served(guard.metrics_port, "/", address=address)[0] == 404


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_its_metrics_say_that_a_well_api_server_is_up(program: haproxy.Program, issued: Issued, address: str) -> None:
    well = ApiServer(status=200)
    with (
        api_server(issued.agent_server, well, address) as port,
        started(program, forwarding(), own(port, address), OFTEN) as guard,
    ):
        assert stays_up(guard, well)
    assert {each.rpartition(" ")[0] for each in lines(well)} == {"GET /readyz"}


def stays_up(guard: MemberGuard, asked: ApiServer) -> bool:
    """Whether it is up after some answers; it is so at first, whatever the first of them is."""
    return comes_true(lambda: len(asked.asked) > 4) and guard.api_server_up()


@pytest.mark.parametrize("status", [200, 401, 403, 404])
def test_an_api_server_that_answers_is_up_whatever_it_thinks_of_who_asks(
    program: haproxy.Program, issued: Issued, status: int
) -> None:
    """The guard has no credentials, and many refuse who has none."""
    alive = ApiServer(status=status)
    with (
        api_server(issued.agent_server, alive) as port,
        started(program, forwarding(at(port)), changed=OFTEN) as guard,
    ):
        assert stays_up(guard, alive)
        assert guard.healthy()


@pytest.mark.parametrize("status", [500, 503])
def test_an_api_server_that_says_that_it_is_not_well_is_down(
    program: haproxy.Program, issued: Issued, status: int
) -> None:
    """And up again when it is."""
    told = ApiServer(status=status)
    with api_server(issued.agent_server, told) as port, started(program, forwarding(), own(port), OFTEN) as guard:
        assert guard.comes_to_say(up=False)
        assert guard.healthy()
        told.status = 200
        assert guard.comes_to_say(up=True)


def test_a_dead_api_server_is_down_and_no_probe_fails_for_it(program: haproxy.Program) -> None:
    """A restart of the pod would mend nothing."""
    with started(program, forwarding(), own(nobodys_port()), OFTEN) as guard:
        assert guard.comes_to_say(up=False)
        assert guard.healthy()


def test_what_speaks_no_tls_is_down(program: haproxy.Program) -> None:
    with serving(echo) as port, started(program, forwarding(), own(port), OFTEN) as guard:
        assert guard.comes_to_say(up=False)


def test_no_connection_is_refused_because_the_api_server_is_thought_to_be_down(program: haproxy.Program) -> None:
    """What is asked may be wrong where what is forwarded works."""
    with serving(echo) as port, started(program, forwarding(), own(port), OFTEN) as guard:
        assert guard.comes_to_say(up=False)
        assert all(reached(guard) for _ in range(20))
        assert not guard.api_server_up()


def test_a_full_guard_leaves_health_and_metrics_answering(program: haproxy.Program) -> None:
    few = {f"maxconn {CONNECTIONS}\n": "maxconn 3\n", f"maxconn {CONNECTIONS + OTHER_CONNECTIONS}\n": "maxconn 19\n"}
    with serving(echo) as port, started(program, forwarding(), own(port), few) as guard, ExitStack() as connections:
        for _ in range(3):
            connection = connections.enter_context(calling(guard.port))
            connection.send(b"x")
            assert connection.read(1) == b"x"
        connections.enter_context(calling(guard.port)).send(b"x")
        assert guard.healthy()
        body = served(guard.metrics_port, "/metrics")[1].decode()
        found = dict(
            re.findall(r'^haproxy_frontend_(current|limit)_sessions\{proxy="proxy-agent"[^}]*\} (\d+)', body, re.M)
        )
        assert found == {"current": "3", "limit": "3"}
