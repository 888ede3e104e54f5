"""Many requests through one tunnel: at once, one after the other, and sessions.

One server, and one agent in the member that is asked.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Timer

import pytest
from pulumi import automation

from clusters.programs import output_of
from components import anp
from tests.proof import note
from tests.stack.environment import member, through_karmada
from tests.stack.kubectl import apply, kubectl
from tests.stack.nodes import in_mebibytes, memory, shell
from tests.stack.standing.watching import MEMBER
from tests.stack.traffic import Karmada

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

AT_ONCE, IN_SEQUENCE, SESSIONS = 200, 10_000, 50
LIVES = 5.0
"""Seconds for which a session is open and silent."""

PATIENCE = 30.0
"""Seconds that a client waits for an answer."""

GROWS = 16 * 2**20
"""Bytes by which a process may grow over the requests in sequence: less than 2 KB for each of them."""

PEAK = 128 * 2**20
"""Bytes that a process may hold after 200 requests at once: its limit is four times that."""

POD = shell("load", "default", "sleep", "3600")
SESSION = 'read first; echo "$first"; read second; echo "$second"'


@pytest.fixture(scope="module")
def pod(up: automation.UpResult) -> Iterator[str]:
    """A pod with a shell in the member."""
    direct = kubectl(*member(MEMBER))
    apply(direct, POD)
    output_of([*direct, "wait", "pod/load", "--for=condition=Ready", "--timeout=60s"], 70)
    yield "load"
    output_of([*direct, "delete", "pod/load", "--wait=false"])


def failed(to: Karmada) -> str:
    """What was wrong with one request to the member, or nothing."""
    return to.tried(anp.PROXY_PATH.format(MEMBER) + "/readyz", PATIENCE)[1]


def session(pod: str, number: int, all_open: Barrier) -> str:
    """What was wrong with a session that echoes a line, stays open until all others have, and echoes another."""
    command = [*through_karmada(MEMBER), "exec", "--stdin", pod, "--", "sh", "-c", SESSION]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    limit = Timer(120, process.kill)
    limit.start()
    try:
        assert process.stdin
        assert process.stdout
        for line in (f"first {number}\n", f"second {number}\n"):
            process.stdin.write(line)
            if (echo := process.stdout.readline()) != line:
                all_open.abort()
                return f"{echo!r} instead of {line!r}: {process.communicate()[1]}"
            if line.startswith("first"):
                all_open.wait(120)
                time.sleep(LIVES)
        return "" if process.wait(30) == 0 else f"it ended with {process.returncode}"
    except (OSError, subprocess.TimeoutExpired, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        limit.cancel()
        process.kill()
        process.wait(10)


def test_requests_at_once(to: Karmada) -> None:
    idle, began = memory(MEMBER), time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as clients:
        start = Barrier(AT_ONCE, timeout=60)

        def client(_: int) -> str:
            start.wait()
            return failed(to)

        errors = [each for each in clients.map(client, range(AT_ONCE)) if each]
    took, held = time.monotonic() - began, memory(MEMBER)
    note(
        "Load",
        tried=f"{AT_ONCE} requests at once through one tunnel",
        expected=f"no error, no process above {PEAK / 2**20:.0f} MiB",
        seen=f"{len(errors)} errors, {took:.1f} s; before {in_mebibytes(idle)}; after {in_mebibytes(held)}",
    )
    assert errors == []
    assert min(idle.values()) > 2**20
    assert {name: each for name, each in held.items() if each > PEAK} == {}


def test_sessions_at_once(pod: str) -> None:
    began, all_open = time.monotonic(), Barrier(SESSIONS)

    def client(number: int) -> str:
        return session(pod, number, all_open)

    with ThreadPoolExecutor(SESSIONS) as clients:
        errors = [each for each in clients.map(client, range(SESSIONS)) if each]
    note(
        "Load",
        tried=f"{SESSIONS} exec sessions open at once, silent for {LIVES:.0f} s",
        expected="each echoes before and after",
        seen=f"{len(errors)} errors, {time.monotonic() - began:.1f} s",
    )
    assert errors == []


def test_requests_one_after_the_other(to: Karmada) -> None:
    before, began = memory(MEMBER), time.monotonic()
    errors = [each for each in (failed(to) for _ in range(IN_SEQUENCE)) if each]
    took, after = time.monotonic() - began, memory(MEMBER)
    note(
        "Load",
        tried=f"{IN_SEQUENCE} requests in sequence through one tunnel",
        expected=f"no error, no process grows by more than {GROWS / 2**20:.0f} MiB",
        seen=f"{len(errors)} errors, {1000 * took / IN_SEQUENCE:.1f} ms each; "
        f"before {in_mebibytes(before)}; after {in_mebibytes(after)}",
    )
    assert errors == []
    assert {name: after[name] - before[name] for name in before if after[name] - before[name] > GROWS} == {}
