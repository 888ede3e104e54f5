"""A peer that takes nothing is cut off, by the kernel's TCP_USER_TIMEOUT (`tcp-ut`), before it stops all others.

Each is also shown without `tcp-ut`, where it goes on: ANP has no flow control, so that what is not read stays in a
tunnel and stops it (docs/architecture.md). How the tunnel itself fares is tests/stack's.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from queue import SimpleQueue

from tests.parts import haproxy, host_guarded, member_guarded
from tests.parts.api_server import serving
from tests.parts.caller import Connection, calling
from tests.parts.connect_server import echo
from tests.proof import note

STALL = 1
"""Seconds for which a peer may take nothing, here."""

MORE = 3.0
"""Seconds after that in which it is cut off, or is not: the kernel looks for it at ever longer intervals."""

CUT = {f" tcp-ut {STALL}s\n": "\n"}
"""What is taken out of a configuration so that nothing is cut."""

PIECE = 2**16


class Sending:
    """What sends to a connection without an end, and whether it was cut off."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.sent = 0

    def __call__(self, connection: socket.socket) -> None:
        connection.settimeout(10 * MORE)
        with suppress(OSError):
            while True:
                self.sent += connection.send(bytes(PIECE))
        self.over.set()

    def seconds_until_cut(self) -> float | None:
        """How long it goes on, or None where it is not cut off within a few seconds."""
        begins = time.monotonic()
        return time.monotonic() - begins if self.over.wait(STALL + MORE) else None


def noted(tried: str, seconds: float | None, expected: str) -> None:
    """How long something went on, which stands in the table."""
    seen = "goes on" if seconds is None else f"cut after {seconds:.1f} s"
    note("Faults", tried=f"{tried}, tcp-ut {STALL} s", expected=expected, seen=seen)


def asleep(connection: socket.socket) -> None:
    """Reads nothing, for longer than anybody waits here."""
    time.sleep(3 * MORE)


def read_steadily(connection: Connection, seconds: float) -> int:
    """Reads a little ten times a second, for some time; how much it was."""
    ends, read = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        read += len(connection.read(PIECE))
        time.sleep(0.1)
    return read


# the host guard: a client of Karmada that does not read what a member sends


def test_a_client_that_stops_reading_is_cut_off_and_another_does_not_notice(program: haproxy.Program) -> None:
    """`kubectl exec POD -- cat /dev/zero`, and kubectl stopped. The tunnel behind the guard is another matter."""
    sending = Sending()
    each = iter([sending, echo, echo])
    stalling = host_guarded.rules(stall=STALL)
    with host_guarded.started(program, stalling, lambda connection: next(each)(connection)) as guard, guard.tunnel():
        assert guard.works()
        seconds = sending.seconds_until_cut()
        noted("host guard, a client that stops reading", seconds, f"cut within {STALL + MORE:.0f} s")
        assert guard.works()
    assert seconds is not None


def test_without_tcp_ut_it_is_not(program: haproxy.Program) -> None:
    sending = Sending()
    with host_guarded.started(program, host_guarded.rules(stall=STALL), sending, CUT) as guard, guard.tunnel():
        assert sending.seconds_until_cut() is None


def test_a_slow_but_steady_client_lives(program: haproxy.Program) -> None:
    """About half a megabyte a second: a `kubectl cp` over a thin line."""
    sending = Sending()
    with host_guarded.started(program, host_guarded.rules(stall=STALL), sending) as guard, guard.tunnel() as connection:
        read = read_steadily(connection, STALL + MORE)
        assert not sending.over.is_set()
    note(
        "Faults",
        tried=f"host guard, a slow but steady client, tcp-ut {STALL} s",
        expected="lives",
        seen=f"lives, at {read / (STALL + MORE) / 1_000:.0f} kB/s",
    )
    assert read % PIECE == 0


def test_a_silent_client_lives(program: haproxy.Program) -> None:
    """A watch, or an exec at a prompt: nothing is sent that it could leave unread."""
    with host_guarded.started(program, host_guarded.rules(stall=STALL)) as guard, guard.tunnel() as connection:
        time.sleep(STALL + MORE)
        connection.send(b"still there?")
        assert connection.read(12) == b"still there?"


# the member guard: an API server that does not read what a client of Karmada sends


def test_an_api_server_that_does_not_read_is_cut_off(program: haproxy.Program) -> None:
    """`head -c 400M /dev/zero | kubectl exec -i POD -- sleep 50`."""
    seconds = upload(program, {})
    noted("member guard, an API server that does not read", seconds, f"cut within {STALL + MORE:.0f} s")
    assert seconds is not None


def test_without_tcp_ut_that_is_not_either(program: haproxy.Program) -> None:
    assert upload(program, CUT) is None


def upload(program: haproxy.Program, changed: dict[str, str]) -> float | None:
    """How long an upload goes on that nobody reads."""
    sending, to = Sending(), member_guarded.forwarding(stall=STALL)
    with (
        serving(asleep) as port,
        member_guarded.started(program, to, member_guarded.own(port), changed) as guard,
        calling(guard.port) as connection,
    ):
        threading.Thread(target=sending, args=[connection.plain], daemon=True).start()
        return sending.seconds_until_cut()


def test_a_slow_but_steady_api_server_lives(program: haproxy.Program) -> None:
    sending, to, lived = Sending(), member_guarded.forwarding(stall=STALL), SimpleQueue[bool]()

    def steadily(connection: socket.socket) -> None:
        """Says so while it still reads: with its return the connection is closed, and sending over."""
        read_steadily(Connection(connection), STALL + MORE)
        lived.put(not sending.over.is_set())

    with (
        serving(steadily) as port,
        member_guarded.started(program, to, member_guarded.own(port)) as guard,
        calling(guard.port) as connection,
    ):
        threading.Thread(target=sending, args=[connection.plain], daemon=True).start()
        assert lived.get(timeout=10 * MORE)


def test_a_silent_session_lives_in_the_member_guard(program: haproxy.Program) -> None:
    to = member_guarded.forwarding(stall=STALL)
    with (
        serving(echo) as port,
        member_guarded.started(program, to, member_guarded.own(port)) as guard,
        calling(guard.port) as connection,
    ):
        time.sleep(STALL + MORE)
        connection.send(b"still there?")
        assert connection.read(12) == b"still there?"
