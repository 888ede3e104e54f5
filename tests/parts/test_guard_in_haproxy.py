"""What the guard lets through and what it refuses, asked byte by byte of HAProxy 2.6 or later, on loopback.

Where releases differ the tests allow either status: 400 is HAProxy's own refusal, the others are the guard's rules.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from os import urandom
from pathlib import Path

import pytest

from tests import issuing
from tests.parts import haproxy
from tests.parts.caller import HEADER, calling, connect, statuses
from tests.parts.connect_server import FAREWELL, UNREACHABLE
from tests.parts.guarded import Guard, configuration, started
from tests.parts.hostile import (
    BY_THE_WAY,
    CAUGHT,
    CURRENT,
    HOSTILE,
    MALFORMED,
    NAMED_TARGET,
    NO_CONNECT,
    NO_CREDENTIAL,
    OTHER_TARGETS,
    PREVIOUS,
    RIGHT,
    SECRETS,
    TARGET,
    TARGETS,
)
from tests.parts.issued import Issued, Pair
from tests.proof import note

MEGABYTE = 2**20
ODD = ("folded over two lines",)
"""Credentials in requests that some releases do not even read."""

HEAD_SECONDS = 5.0
"""How long the guard waits for a request's head (`timeout http-request`)."""


def noted(tried: str, status: int, expected: str) -> int:
    """A status, which stands in the table; 0 is a connection that was closed without an answer."""
    note("Hostile peers", tried=f"guard, {tried}", expected=expected, seen=str(status or "closed"))
    return status


def test_its_configuration_is_valid_without_a_warning(program: haproxy.Program, issued: Issued) -> None:
    """A warning of today is an error of HAProxy's next release."""
    file = issued.guard_files / "checked.cfg"
    for sources in ([], ["10.0.0.0/8", "2001:db8::/32"]):
        file.write_text(configuration(issued, 8088, 8090, 8096, sources))
        assert haproxy.check(program, file) == ""


@pytest.mark.parametrize("target", TARGETS)
def test_a_members_target_passes(guarded: Guard, target: str) -> None:
    """Whole: a default port too, by which the server tells where to dial."""
    with guarded.tunnel(connect(target, CURRENT)) as connection:
        connection.send(b"hello")
        assert connection.read(5) == b"hello"
    assert guarded.server.targets[-1] == target


def test_the_previous_credential_passes_too(guarded: Guard) -> None:
    """Or a change of it would lose requests until every Cluster has the new one."""
    with guarded.tunnel(connect(TARGET, PREVIOUS)) as connection:
        connection.send(b"hello")
        assert connection.read(5) == b"hello"


def test_spaces_around_a_credential_and_the_case_of_its_header_do_not_matter(guarded: Guard) -> None:
    """They do not in HTTP: a proxy between may change them."""
    for request in (connect(TARGET, f"  {CURRENT} \t"), RIGHT.replace(HEADER.encode(), HEADER.lower().encode())):
        with guarded.tunnel(request):
            pass


def test_a_megabyte_comes_back_while_it_is_sent(guarded: Guard) -> None:
    """Logs, and files by `kubectl cp`, are long and go both ways at once."""
    sent = urandom(MEGABYTE)
    with guarded.tunnel() as connection, ThreadPoolExecutor(1) as sender:
        sending = sender.submit(connection.send, sent)
        assert connection.read(MEGABYTE) == sent
        sending.result(10)


def test_an_answer_still_comes_after_the_caller_is_done(guarded: Guard) -> None:
    """A half-closed tunnel: `kubectl exec` ends its stdin long before the command is done."""
    with guarded.tunnel() as connection:
        connection.send(b"the end")
        connection.done_sending()
        assert connection.rest() == b"the end" + FAREWELL


def test_many_tunnels_at_once_do_not_mix(guarded: Guard) -> None:
    """Each Karmada request is a tunnel of its own."""

    def through(number: int) -> bool:
        sent = bytes([number]) * 50_000
        with guarded.tunnel(connect(TARGETS[number % len(TARGETS)], CURRENT)) as connection:
            connection.send(sent)
            return connection.read(len(sent)) == sent

    with ThreadPoolExecutor(16) as callers:
        assert all(callers.map(through, range(32)))


def test_the_credential_does_not_reach_the_server(guarded: Guard) -> None:
    """What the server logs, or hands on to a member, is none of Karmada's secrets."""
    with guarded.tunnel():
        pass
    head = guarded.server.heads[-1]
    assert HEADER.lower().encode() not in head.lower()
    assert not any(secret.encode() in head for secret in SECRETS)


@pytest.mark.parametrize("name", OTHER_TARGETS)
def test_another_target_is_refused(guarded: Guard, name: str) -> None:
    """Targets are compared as text: another spelling of a right one is another one, which the server would dial."""
    status = noted(f"target: {name}", guarded.refused(connect(OTHER_TARGETS[name], CURRENT))[0], "400 or 403")
    assert status in (400, 403)


def test_another_target_is_refused_by_the_guards_own_rule(guarded: Guard) -> None:
    """403 is what docs/troubleshooting.md tells of."""
    assert guarded.refused(connect("192.0.2.22:6443", CURRENT)) == [403]


@pytest.mark.parametrize("name", NO_CREDENTIAL)
def test_without_exactly_one_right_credential_nothing_passes(guarded: Guard, name: str) -> None:
    """One header, with one value, as text: two readings of a list of them cannot differ."""
    status = noted(f"credential: {name}", guarded.refused(NO_CREDENTIAL[name])[0], "407, or 400 of HAProxy itself")
    assert status in (400, 407) if name in ODD else status == 407


def test_without_a_credential_nobody_learns_the_targets(guarded: Guard) -> None:
    """The port may be open to a whole network: a stranger gets the same answer for every target."""
    answers = set[bytes]()
    for target in (TARGET, NAMED_TARGET, "192.0.2.22:6443"):
        with calling(guarded.port) as connection:
            connection.send(connect(target, None))
            answers.add(connection.answer().head)
    assert len(answers) == 1
    assert answers.pop().startswith(b"HTTP/1.1 407 ")


@pytest.mark.parametrize("name", NO_CONNECT)
def test_anything_but_connect_is_refused(guarded: Guard, name: str) -> None:
    """The server would serve it by itself, or take it as a request to hand on."""
    status = noted(f"no CONNECT: {name}", guarded.refused(NO_CONNECT[name])[0], "405, or 400 of HAProxy itself")
    assert status in (400, 405)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_get_and_post_are_refused_by_the_guards_own_rule(guarded: Guard, method: str) -> None:
    assert guarded.refused(connect("/", CURRENT, method=method, host=TARGET)) == [405]


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_such_request_is_refused(guarded: Guard, name: str) -> None:
    """What two programs may read in two ways is stopped at the first."""
    status = noted(f"malformed: {name}", guarded.refused(MALFORMED[name])[0], "a 4xx")
    assert status in (400, 405, 414, 431)


def test_a_host_header_that_differs_from_the_target_is_refused(guarded: Guard) -> None:
    """Were the rules to look at the one and the server at the other, any target would pass."""
    assert guarded.refused(connect(TARGET, CURRENT, host="192.0.2.22:6443")) == [400]
    assert guarded.refused(connect("192.0.2.22:6443", CURRENT, host=TARGET)) == [400]


@pytest.mark.parametrize("name", BY_THE_WAY)
def test_an_oddity_changes_neither_target_nor_bytes(guarded: Guard, name: str) -> None:
    """Some releases refuse it. If it passes it is one request, and what is behind its head is the target's."""
    head, behind = BY_THE_WAY[name]
    before = len(guarded.server.heads)
    with calling(guarded.port) as connection:
        connection.send(head + behind)
        status = connection.answer().status
        noted(f"with the right credential: {name}", status, "refused, or a tunnel to that one target")
        assert status in (200, 400, 407, 502)
        if status == 200:
            connection.done_sending()
            assert connection.rest() == behind + FAREWELL
    assert guarded.server.targets[before:] in ([], [TARGET])
    assert not any(secret.encode() in each for secret in SECRETS for each in guarded.server.heads[before:])


def test_what_is_sent_early_waits_for_the_servers_answer(guarded: Guard) -> None:
    """HTTP allows sending before the 200. A server that is not yet a tunnel must not read it as another request."""
    with guarded.tunnel(RIGHT + b"early") as connection:
        assert connection.read(5) == b"early"
    assert guarded.server.early[-1] == b""


def test_a_request_inside_a_tunnel_is_the_targets_own(guarded: Guard) -> None:
    """It is bytes, which go to the target that was asked for and nowhere else."""
    inner, before = connect("192.0.2.22:6443", CURRENT), len(guarded.server.heads)
    with guarded.tunnel(RIGHT + inner) as connection:
        connection.done_sending()
        assert connection.rest() == inner + FAREWELL
    assert guarded.server.targets[before:] == [TARGET]


def test_a_request_behind_one_that_the_server_refused_is_checked_as_well(guarded: Guard) -> None:
    """The server refuses when no agent is connected; the next request on that connection is a new one."""
    for behind, answer, arrived in [
        (connect("192.0.2.22:6443", CURRENT), 403, [UNREACHABLE]),
        (connect(TARGET, None), 407, [UNREACHABLE]),
        (RIGHT, 200, [UNREACHABLE, TARGET]),
    ]:
        before = len(guarded.server.heads)
        assert statuses(guarded.port, connect(UNREACHABLE, CURRENT) + behind, 2) == [502, answer]
        assert guarded.server.targets[before:] == arrived


def test_a_request_behind_one_that_the_guard_refused_is_checked_as_well(guarded: Guard) -> None:
    """A connection earns no trust by its first request, and loses none."""
    other, stranger = connect("192.0.2.22:6443", CURRENT), connect(TARGET, None)
    assert guarded.refused(other + other + stranger, 3) == [403, 403, 407]
    assert statuses(guarded.port, other + RIGHT, 2) == [403, 200]
    assert guarded.server.targets[-1] == TARGET


def test_a_right_request_in_the_body_of_another_is_no_request(guarded: Guard) -> None:
    """The classic way past a proxy."""
    post = connect("/", CURRENT, f"Content-Length: {len(RIGHT)}", method="POST", host=TARGET)
    assert guarded.refused(post + RIGHT + connect("/", CURRENT, method="GET", host=TARGET), 2) == [405, 405]


def test_who_is_slow_with_a_head_is_cut_off(guarded: Guard) -> None:
    """Whatever trickles in: or a few idle callers would hold every connection there is."""
    before = guarded.server.connections
    cases = [(b"", b""), (RIGHT[:-2], b""), (RIGHT[:20], b"x"), (RIGHT[:-2], b"X: x\r\n")]
    with ThreadPoolExecutor(len(cases)) as callers:
        waiting = [callers.submit(seconds_until_cut, guarded.port, first, trickle) for first, trickle in cases]
        for each in waiting:
            assert HEAD_SECONDS - 1 < each.result(20) < 2 * HEAD_SECONDS
    slowest = max(each.result() for each in waiting)
    note("Hostile peers", tried="slow bytes", expected=f"cut off after {HEAD_SECONDS:.0f} s", seen=f"{slowest:.1f} s")
    assert guarded.server.connections == before


def seconds_until_cut(port: int, first: bytes, trickle: bytes) -> float:
    """How long a caller is borne with that sends something, and then a little at a time."""
    begins = time.monotonic()
    with calling(port) as connection, suppress(ConnectionError):
        connection.send(first)
        connection.plain.settimeout(0.2)
        while time.monotonic() < begins + 2 * HEAD_SECONDS:
            try:
                if not connection.plain.recv(4_096):
                    break
            except TimeoutError:
                connection.send(trickle)
    return time.monotonic() - begins


def test_headers_without_an_end_are_cut_off_as_soon_as_they_are_too_long(guarded: Guard) -> None:
    """Long before the head's time is up: who sends without an end costs the guard one buffer."""
    before, begins, sent = guarded.server.connections, time.monotonic(), 0
    with calling(guarded.port) as connection:
        with suppress(OSError):
            connection.send(RIGHT[:-2])
            while time.monotonic() < begins + 2 * HEAD_SECONDS and sent < MEGABYTE:
                connection.send(b"X: " + b"x" * 1_021 + b"\r\n")
                sent += 1_026
                time.sleep(0.01)
        with suppress(OSError):
            noted("headers without an end", connection.answer().status, "400, or cut off")
    assert time.monotonic() - begins < HEAD_SECONDS
    assert sent < MEGABYTE
    assert guarded.server.connections == before


def test_a_server_with_another_certificate_gets_no_request(
    program: haproxy.Program, issued: Issued, tmp_path: Path
) -> None:
    """Whatever else listens on that port of the host's network must not be handed Karmada's requests."""
    asked = {**issued.run.the("CertRequest", "frontend-server").inputs, "dnsNames": ["localhost"]}
    impostors = {
        "of the agents' CA": issued.agent_server,
        "expired": issued.again("frontend-server", tmp_path, datetime.now(UTC) - timedelta(days=2 * 365)),
        "without the name": issued.again("frontend-server", tmp_path, certRequestPem=issuing.request(asked)),
    }

    def asked_before(impostor: Pair) -> tuple[int, bool, int]:
        with started(program, issued, impostor) as guarded:
            (status,) = statuses(guarded.port, RIGHT)
            return status, guarded.server.connections > 0, len(guarded.server.heads)

    with ThreadPoolExecutor(len(impostors)) as callers:  # HAProxy tries a server four times, a second apart
        got = dict(zip(impostors, callers.map(asked_before, impostors.values()), strict=True))
    assert got == dict.fromkeys(impostors, (503, True, 0))


def test_it_works_after_all_of_that(guarded: Guard) -> None:
    """No request may leave it, or the next caller, worse off."""
    for request in HOSTILE.values():
        guarded.refused(request)
    for head, behind in BY_THE_WAY.values():
        statuses(guarded.port, head + behind)
    assert guarded.works()


def test_its_log_tells_every_refusal_and_no_secret(guarded: Guard) -> None:
    """Logs are read by more people than Secrets: neither headers, nor the URL of what is no CONNECT, belong there."""
    lost = connect(f"http://user:{CAUGHT}@web.example/?token={CAUGHT}", CURRENT, method="GET", host="web.example")
    guarded.refused(lost)
    guarded.refused(connect("192.0.2.22:6443", CURRENT))
    for request in HOSTILE.values():
        guarded.refused(request)
    logged = guarded.log.read_text(errors="replace")
    assert "127.0.0.1 405 PR - " in logged
    assert "127.0.0.1 403 PR 192.0.2.22:6443 " in logged
    assert not [line for line in logged.splitlines() if any(secret in line for secret in (*SECRETS, CAUGHT))]
