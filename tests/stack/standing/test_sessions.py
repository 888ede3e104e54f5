"""Sessions that carry much, slowly or at once, and a tunnel that carries nothing: what each costs the others.

One server, and one agent in the member that is asked.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_connection

import pytest
from pulumi import automation

from clusters.objects import Json
from clusters.programs import output_of
from components import anp
from tests.proof import note
from tests.stack.environment import HOST, NAMESPACE, member, through_karmada
from tests.stack.kubectl import apply, kubectl
from tests.stack.nodes import name_of, pods, shell
from tests.stack.standing.watching import MEMBER
from tests.stack.traffic import Karmada, traffic

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

COPIED = 50 * 2**20
AT_ONCE, EACH = 200, 5 * 2**20
EXEC_SECONDS = 200.0

FORWARDED_SECONDS = 30.0
"""How long a port-forward is read slowly."""

IDLE_SECONDS = 600.0
DAY = 24 * 60 * 60
CONNECTIONS_A_MINUTE = 3
LOGGED_A_DAY = 5_000_000
OPENED = "Connect request from agent"
"""What proxy-server logs of each stream that an agent opens."""

ZEROS = "socat TCP-LISTEN:8080,fork,reuseaddr OPEN:/dev/zero,rdonly"


@pytest.fixture(scope="module")
def pod(up: automation.UpResult) -> Iterator[str]:
    """A pod in the member with a shell, that sends zeros at a port."""
    direct = kubectl(*member(MEMBER))
    apply(direct, shell("sessions", "default", "sh", "-c", ZEROS))
    output_of([*direct, "wait", "pod/sessions", "--for=condition=Ready", "--timeout=60s"], 70)
    yield "sessions"
    output_of([*direct, "delete", "pod/sessions", "--wait=false"])


def test_a_large_file_is_copied_both_ways(pod: str, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(COPIED))
    began = time.monotonic()
    for source, target in ((str(there), f"{pod}:/tmp/copied"), (f"{pod}:/tmp/copied", str(back))):
        # kubelet ends an exec 10 s after its command has, whatever its reader has read of it: then kubectl goes on
        output_of([*through_karmada(MEMBER), "cp", "--retries=9", source, target], 120)
    same = hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(there.read_bytes()).digest()
    took = time.monotonic() - began
    note(
        "Sessions",
        tried=f"kubectl cp of {COPIED // 2**20} MiB, there and back",
        expected="the same file",
        seen=f"{'the same' if same else 'another'}, {took:.1f} s",
    )
    assert same


@pytest.mark.parametrize(("rate", "lives"), [(100_000, True), (1_000, False)])
def test_a_port_forward_that_is_read_slowly(to: Karmada, pod: str, rate: int, *, lives: bool) -> None:
    """Whose window stays shut for too long is cut off, which its reader is told; nobody else notices."""
    with traffic(to, [MEMBER], every=0.1) as beside:
        process = subprocess.Popen(
            [*through_karmada(MEMBER), "port-forward", f"pod/{pod}", ":8080"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout
            found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found
            read = _read_slowly(int(found[1]), rate)
            time.sleep(1)
            ended = process.poll() is not None
        finally:
            process.kill()
            _, said = process.communicate()
    error = (said.strip().splitlines() or [""])[-1]
    outcome = "open until its end" if read >= FORWARDED_SECONDS else f"ended after {read:.0f} s: {error or 'silently'}"
    note(
        "Sessions",
        tried=f"a port-forward that is read at {rate // 1000} kB/s, requests beside it",
        expected="it lives, 0 lost" if lives else "it lives or ends with an error, 0 lost",
        seen=f"{outcome}; {beside.summary}",
    )
    assert beside.lost == []
    if lives:
        assert read >= FORWARDED_SECONDS, said
    assert read >= FORWARDED_SECONDS or error or ended


def _read_slowly(port: int, rate: int) -> float:
    """For how many seconds something was to be read, at most FORWARDED_SECONDS."""
    began = time.monotonic()
    with create_connection(("127.0.0.1", port), 10) as reader:
        reader.settimeout(20)
        while time.monotonic() < began + FORWARDED_SECONDS:
            try:
                if not reader.recv(rate // 10):
                    break
            except OSError:
                break
            time.sleep(0.1)
        else:
            return FORWARDED_SECONDS
    return time.monotonic() - began


def test_many_large_execs_at_once(to: Karmada, pod: str) -> None:
    """Two things of Kubernetes' own, seen without a tunnel too, are kept out of it by a word at each end.

    kubectl discards what arrives before it has made its streams, and an exec's output is cut 10 s after its command has
    ended (kubernetes/kubernetes#124571).
    """
    script = f"read begin; head -c {EACH} /dev/zero; cat"
    command = [*through_karmada(MEMBER), "exec", "--stdin", pod, "--", "sh", "-c", script]

    def client(_: int) -> str:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ends = threading.Timer(EXEC_SECONDS, process.kill)
        ends.start()
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(b"begin\n")
            process.stdin.flush()
            read = len(process.stdout.read(EACH))
            rest, error = process.communicate()
        finally:
            ends.cancel()
        whole = process.returncode == 0 and read + len(rest) == EACH
        return "" if whole else f"{read + len(rest)} bytes, {process.returncode}: {error.decode()[-200:]}"

    began = time.monotonic()
    nodes = traffic(to, [MEMBER], path="/api/v1/nodes", every=0.5, seconds=60)
    # so many kubectl processes at a time as this machine has memory for
    with nodes as beside, ThreadPoolExecutor(50) as clients:
        errors = [each for each in clients.map(client, range(AT_ONCE)) if each]
    note(
        "Sessions",
        tried=f"{AT_ONCE} execs of {EACH // 2**20} MiB each, 50 at a time, lists of nodes beside them",
        expected="each is whole, 0 lost",
        seen=f"{len(errors)} errors, {time.monotonic() - began:.0f} s; nodes: {beside.summary}",
    )
    assert errors == []
    assert beside.lost == []


def test_an_idle_tunnel_is_idle(up: automation.UpResult) -> None:
    (server,), (agent,) = pods(HOST, anp.SERVER), pods(member(MEMBER), anp.AGENT)
    ends = [(HOST, server, each) for each in (anp.SERVER, anp.GUARD)]
    ends += [(member(MEMBER), agent, each) for each in (anp.AGENT, anp.MEMBER_GUARD)]
    before = [_logged(*each) for each in ends]
    time.sleep(IDLE_SECONDS)
    logged = [_logged(*each).removeprefix(earlier) for each, earlier in zip(ends, before, strict=True)]
    opened = logged[0].count(OPENED) / (IDLE_SECONDS / 60)
    a_day = sum(len(each.encode()) for each in logged) * DAY / IDLE_SECONDS
    assert OPENED in before[0]
    note(
        "Sessions",
        tried=f"a tunnel that carries nothing for {IDLE_SECONDS / 60:.0f} minutes",
        expected=f"at most {CONNECTIONS_A_MINUTE} connections a minute, below {LOGGED_A_DAY / 1e6:.0f} MB logged a day",
        seen=f"{opened:.1f} a minute, {a_day / 1e6:.2f} MB a day in four containers",
    )
    assert opened <= CONNECTIONS_A_MINUTE
    assert a_day < LOGGED_A_DAY


def _logged(end: tuple[str, str], pod: Json, container: str) -> str:
    """What a container has logged."""
    where = [f"--namespace={NAMESPACE}", f"pod/{name_of(pod)}", f"--container={container}"]
    return output_of(kubectl(*end, "logs", *where), 30)
