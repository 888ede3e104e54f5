"""What the host guard lets through and what it refuses, asked byte by byte of HAProxy 2.6 or later, on loopback.

Where releases differ the tests allow either status: 400 is HAProxy's own refusal, the others are the guard's rules.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import urandom
from string import ascii_lowercase, digits

import pytest

from components.host_guard import credential
from config.fields import LONGEST_NAME
from tests.parts import haproxy
from tests.parts.caller import HEADER, IPV4, IPV6, calling, connect, statuses
from tests.parts.connect_server import FAREWELL, UNREACHABLE, ConnectServer
from tests.parts.host_guarded import HostGuard, configuration, rules, started
from tests.parts.hostile import (
    BY_NAME,
    BY_THE_WAY,
    CAUGHT,
    CURRENT,
    FORMER,
    HOSTILE,
    KEY,
    MAC,
    MALFORMED,
    NAME,
    NO_CONNECT,
    NO_CREDENTIAL,
    ODD_TARGETS,
    OTHER,
    OTHERS,
    PREVIOUS,
    PREVIOUS_KEY,
    RIGHT,
    SECRETS,
    TARGET,
    TARGETS,
    dialled,
    shown,
)
from tests.proof import note

MEGABYTE = 2**20
ODD = ("folded over two lines", "base64 in lines", "10,000 bytes")
"""Credentials in requests that some releases do not even read."""

HEAD_SECONDS = 5.0
"""How long the guard waits for a request's head (`timeout http-request`)."""


def noted(tried: str, status: int, expected: str, saw: str = "") -> int:
    """A status, which stands in the table; 0 is a connection that was closed without an answer."""
    note("Hostile peers", tried=f"host guard, {tried}", expected=expected, seen=saw or str(status or "closed"))
    return status


def members(count: int) -> list[str]:
    """Names of as many members: of every length that one may have, with digits and hyphens."""
    draw = random.Random(count)
    made = dict[str, None]()
    while len(made) < count:
        ends, between = ascii_lowercase + digits, ascii_lowercase + digits + "-"
        middle = "".join(draw.choices(between, k=len(made) % LONGEST_NAME))
        made[f"{draw.choice(ends)}{middle[:-1]}{draw.choice(ends) if middle else ''}"] = None
    return list(made)


MANY = [f"10.{each}.0.0/16" for each in range(200)]


@pytest.mark.parametrize("sources", [[], ["10.0.0.0/8"], ["2001:db8::/32"], ["10.0.0.0/8", "2001:db8::/32"], MANY])
@pytest.mark.parametrize("keys", [[KEY], [KEY, PREVIOUS_KEY]])
def test_its_configuration_is_valid_without_a_warning(
    program: haproxy.Program, sources: list[str], keys: list[str]
) -> None:
    """A warning of today is an error of HAProxy's next release."""
    file = program.directory / "checked.cfg"
    file.write_text(configuration(rules(sources, keys), program.directory / "none.sock", 8088, 8096))
    assert haproxy.check(program, file) == ""


def test_one_configuration_takes_the_credentials_of_500_members(program: haproxy.Program, guarded: HostGuard) -> None:
    """It holds nothing of any: one that comes changes nothing for the others."""
    names, before = members(500), len(guarded.server.heads)
    assert {len(each) for each in names} == set(range(1, LONGEST_NAME + 1))
    text = guarded.log.with_suffix(".cfg")
    assert haproxy.check(program, text) == ""
    asked = names[::10]
    requests = [connect(TARGET, credential(each, KEY)) for each in asked]
    with ThreadPoolExecutor(8) as callers:
        assert list(callers.map(guarded.works, requests)) == [True] * 50
    assert Counter(guarded.server.targets[before:]) == Counter(map(dialled, asked))
    assert not [name for name in names if len(name) > 4 and name in text.read_text()]


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_asked_what_is_dialled_is_the_members_own(guarded: HostGuard, name: str) -> None:
    """In the request line, by which the server finds the agent and the agent dials, and in the Host header."""
    before = len(guarded.server.heads)
    with guarded.tunnel(connect(TARGETS[name], CURRENT)) as connection:
        connection.send(b"hello")
        assert connection.read(5) == b"hello"
    (head,) = guarded.server.heads[before:]
    request, *headers = head.decode().split("\r\n")
    noted(f"target: {name}", 200, "a tunnel to the credential's own member", saw=request.split(" ")[1])
    assert request == f"CONNECT {dialled(NAME)} HTTP/1.1"
    assert [each for each in headers if each.lower().startswith("host:")] == [f"host: {dialled(NAME)}"]
    assert not [each for each in headers if each.lower().startswith(HEADER.lower())]


@pytest.mark.parametrize("name", ODD_TARGETS)
def test_an_odd_target_is_refused_or_changes_nothing(guarded: HostGuard, name: str) -> None:
    """HAProxy refuses what is no authority, or, from 3.3 on with a status of its own (431), what is too long; of what
    it takes nothing comes to the server."""
    before = len(guarded.server.heads)
    (status,) = statuses(guarded.port, connect(ODD_TARGETS[name], CURRENT))
    noted(f"target: {name}", status, "400 or 431, or a tunnel to the credential's own member")
    assert status in (200, 400, 431)
    assert guarded.server.targets[before:] == [dialled(NAME)] * (status == 200)


def test_each_members_credential_opens_that_member(guarded: HostGuard) -> None:
    """Also where it asks for another's target."""
    for name, shows, target in [(NAME, CURRENT, dialled(OTHER)), (OTHER, OTHERS, dialled(NAME))]:
        assert guarded.works(connect(target, shows))
        assert guarded.server.targets[-1] == dialled(name)


@pytest.mark.parametrize("length", [1, 2, LONGEST_NAME])
def test_the_shortest_and_the_longest_name_pass(guarded: HostGuard, length: int) -> None:
    name = "x" * length
    assert guarded.works(connect(TARGET, credential(name, KEY)))
    assert guarded.server.targets[-1] == dialled(name)


def test_the_previous_generation_passes_too_and_the_one_before_it_does_not(guarded: HostGuard) -> None:
    """Or a change of the key would lose requests until every Cluster has the new credential."""
    assert guarded.works(connect(TARGET, PREVIOUS))
    assert guarded.refused(connect(TARGET, FORMER)) == [407]


def test_with_one_generation_there_is_one_that_passes(program: haproxy.Program) -> None:
    with started(program, rules(keys=[KEY])) as guarded:
        assert guarded.works()
        assert guarded.refused(connect(TARGET, PREVIOUS)) == [407]


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_it_answers_on_ipv4_and_on_ipv6(guarded: HostGuard, address: str) -> None:
    """Karmada's pods dial the one or the other, as the host's Service or address is."""
    assert guarded.works(address=address)


def test_spaces_around_a_credential_and_the_case_of_its_header_do_not_matter(guarded: HostGuard) -> None:
    """They do not in HTTP: a proxy between may change them."""
    for request in (connect(TARGET, f"  {CURRENT} \t"), RIGHT.replace(HEADER.encode(), HEADER.lower().encode())):
        with guarded.tunnel(request):
            pass


def test_a_megabyte_comes_back_while_it_is_sent(guarded: HostGuard) -> None:
    """Logs, and files by `kubectl cp`, are long and go both ways at once."""
    sent = urandom(MEGABYTE)
    with guarded.tunnel() as connection, ThreadPoolExecutor(1) as sender:
        sending = sender.submit(connection.send, sent)
        assert connection.read(MEGABYTE) == sent
        sending.result(10)


def test_an_answer_still_comes_after_the_caller_is_done(guarded: HostGuard) -> None:
    """A half-closed tunnel: `kubectl exec` ends its stdin long before the command is done."""
    with guarded.tunnel() as connection:
        connection.send(b"the end")
        connection.done_sending()
        assert connection.rest() == b"the end" + FAREWELL


def test_many_tunnels_at_once_do_not_mix(guarded: HostGuard) -> None:
    """Each Karmada request is a tunnel of its own."""

    def through(number: int) -> bool:
        sent = bytes([number]) * 50_000
        with guarded.tunnel(connect(TARGET, credential(names[number], KEY))) as connection:
            connection.send(sent)
            return connection.read(len(sent)) == sent

    names, before = members(32), len(guarded.server.heads)
    with ThreadPoolExecutor(16) as callers:
        assert all(callers.map(through, range(32)))
    assert Counter(guarded.server.targets[before:]) == Counter(map(dialled, names))


def test_the_credential_does_not_reach_the_server(guarded: HostGuard) -> None:
    """What the server logs, or hands on to a member, is none of Karmada's secrets."""
    with guarded.tunnel():
        pass
    head = guarded.server.heads[-1]
    assert HEADER.lower().encode() not in head.lower()
    assert not any(secret.encode() in head for secret in SECRETS)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_name_that_no_member_has_is_refused_whatever_its_mac(guarded: HostGuard, name: str) -> None:
    """It is looked at before it is used: one with a slash in it would make another target."""
    status = noted(f"name: {name}", guarded.refused(BY_NAME[name])[0], "407, or 400 of HAProxy itself")
    assert status in (400, 407, 431) if name in ODD else status == 407


@pytest.mark.parametrize("name", NO_CREDENTIAL)
def test_without_exactly_one_right_credential_nothing_passes(guarded: HostGuard, name: str) -> None:
    """One header, with one value, as text: two readings of a list of them cannot differ."""
    status = noted(f"credential: {name}", guarded.refused(NO_CREDENTIAL[name])[0], "407, or 400 of HAProxy itself")
    assert status in (400, 407) if name in ODD else status == 407


def test_without_a_credential_nobody_learns_which_members_there_are(guarded: HostGuard) -> None:
    """The port may be open to a whole network: a stranger gets the same answer for every name and target."""
    answers = set[bytes]()
    for target, credential_ in [
        (TARGET, None),
        (dialled(NAME), None),
        (dialled(NAME), shown(f"{NAME}:{MAC[::-1]}")),
        (dialled("nobody"), shown(f"nobody:{MAC}")),
        (TARGET, shown("no name:")),
    ]:
        with calling(guarded.port) as connection:
            connection.send(connect(target, credential_))
            answers.add(connection.answer().head)
    assert len(answers) == 1
    assert answers.pop().startswith(b"HTTP/1.1 407 ")


@pytest.mark.parametrize("name", NO_CONNECT)
def test_anything_but_connect_is_refused(guarded: HostGuard, name: str) -> None:
    """The server would serve it by itself, or take it as a request to hand on."""
    status = noted(f"no CONNECT: {name}", guarded.refused(NO_CONNECT[name])[0], "405, or 400 of HAProxy itself")
    assert status in (400, 405)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_get_and_post_are_refused_by_the_guards_own_rule(guarded: HostGuard, method: str) -> None:
    assert guarded.refused(connect("/", CURRENT, method=method, host=TARGET)) == [405]


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_such_request_is_refused(guarded: HostGuard, name: str) -> None:
    """What two programs may read in two ways is stopped at the first, by some releases without an answer (0)."""
    status = noted(f"malformed: {name}", guarded.refused(MALFORMED[name])[0], "a 4xx, or nothing at all")
    assert status in (0, 400, 405, 414, 431)
    assert guarded.works()


def test_a_host_header_that_differs_from_the_target_is_refused(guarded: HostGuard) -> None:
    """Two readings of one request are stopped at the first, though neither is what is dialled."""
    assert guarded.refused(connect(TARGET, CURRENT, host=dialled(OTHER))) == [400]
    assert guarded.refused(connect(dialled(OTHER), CURRENT, host=TARGET)) == [400]


@pytest.mark.parametrize("name", BY_THE_WAY)
def test_an_oddity_changes_neither_member_nor_bytes(guarded: HostGuard, name: str) -> None:
    """Some releases refuse it. If it passes it is one request, and what is behind its head is the target's."""
    head, behind = BY_THE_WAY[name]
    before = len(guarded.server.heads)
    with calling(guarded.port) as connection:
        connection.send(head + behind)
        status = connection.answer().status
        noted(f"with the right credential: {name}", status, "refused, or a tunnel to that one member")
        assert status in (200, 400, 407, 502)
        if status == 200:
            connection.done_sending()
            assert connection.rest() == behind + FAREWELL
    assert guarded.server.targets[before:] in ([], [dialled(NAME)])
    assert not any(secret.encode() in each for secret in SECRETS for each in guarded.server.heads[before:])


def test_what_is_sent_early_waits_for_the_servers_answer(guarded: HostGuard) -> None:
    """HTTP allows sending before the 200. A server that is not yet a tunnel must not read it as another request."""
    with guarded.tunnel(RIGHT + b"early") as connection:
        assert connection.read(5) == b"early"
    assert guarded.server.early[-1] == b""


def test_a_request_inside_a_tunnel_is_the_targets_own(guarded: HostGuard) -> None:
    """It is bytes, which go to the member that was asked for and nowhere else."""
    inner, before = connect(TARGET, OTHERS), len(guarded.server.heads)
    with guarded.tunnel(RIGHT + inner) as connection:
        connection.done_sending()
        assert connection.rest() == inner + FAREWELL
    assert guarded.server.targets[before:] == [dialled(NAME)]


@pytest.mark.parametrize(
    "behind",
    [RIGHT, connect(TARGET, OTHERS), connect(TARGET, None)],
    ids=["a right one", "another member's", "without a credential"],
)
@pytest.mark.parametrize(
    ("first", "answer", "arrives"),
    [
        (connect(TARGET, credential(UNREACHABLE, KEY)), 502, [dialled(UNREACHABLE)]),
        (connect(TARGET, shown(f"{OTHER}:{MAC}")), 407, []),
        (connect("/", CURRENT, f"Content-Length: {len(RIGHT)}", method="POST", host=TARGET) + RIGHT, 405, []),
    ],
    ids=["the server refused", "the guard refused", "had a body"],
)
def test_nothing_behind_a_request_that_was_refused_is_read(
    guarded: HostGuard, first: bytes, answer: int, arrives: Sequence[str], behind: bytes
) -> None:
    """A connection is for one request: what a proxy on the way, or another release, takes for its body can be no
    second one."""
    before = len(guarded.server.heads)
    assert statuses(guarded.port, first + behind + behind, 2) == [answer, 0]
    assert guarded.server.targets[before:] == arrives


def test_who_is_slow_with_a_head_is_cut_off(guarded: HostGuard) -> None:
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


def test_headers_without_an_end_are_cut_off_as_soon_as_they_are_too_long(guarded: HostGuard) -> None:
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


def test_without_a_server_there_is_an_answer_and_with_it_a_tunnel_again(program: haproxy.Program) -> None:
    """The server's container may start later, or anew: its socket is another one then."""
    with started(program) as guarded:
        guarded.server.close()
        assert statuses(guarded.port, RIGHT) == [503]
        at = guarded.log.with_suffix(".sock")
        at.unlink()
        assert statuses(guarded.port, RIGHT) == [503]
        again = ConnectServer(at)
        assert guarded.works()
        again.close()


def test_it_works_after_all_of_that(guarded: HostGuard) -> None:
    """No request may leave it, or the next caller, worse off."""
    for request in HOSTILE.values():
        guarded.refused(request)
    for head, behind in BY_THE_WAY.values():
        statuses(guarded.port, head + behind)
    assert guarded.works()


def test_its_log_tells_every_refusal_and_no_secret(guarded: HostGuard) -> None:
    """Logs are read by more people than Secrets: neither headers, nor the URL of what is no CONNECT, belong there."""
    lost = connect(f"http://user:{CAUGHT}@web.example/?token={CAUGHT}", CURRENT, method="GET", host="web.example")
    guarded.refused(lost)
    guarded.refused(connect("192.0.2.22:6443", FORMER))
    for request in HOSTILE.values():
        guarded.refused(request)
    logged = guarded.log.read_text(errors="replace")
    assert "127.0.0.1 405 PR - - " in logged
    assert "127.0.0.1 407 PR - 192.0.2.22:6443 " in logged
    assert not [line for line in logged.splitlines() if any(secret in line for secret in (*SECRETS, CAUGHT))]
