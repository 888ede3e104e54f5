"""Runs of pulumi that are killed, as by a machine that loses its power, and what it takes to go on.

What is typed afterwards is what docs/operations.md says, "When a run was interrupted", and nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from clusters.objects import items, parse, text
from tests.stack.refusals import succeeds
from tools.checkout import UP, Checkout

CANCEL = ("cancel", "--yes")
REFRESH = ("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
ADOPT = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
"""Takes over what an interrupted `up` made and did not come to record."""


@dataclass(frozen=True, kw_only=True)
class Killed:
    """When a run was killed, how many resources its state had then, what it was at, and whether a file beside the state
    was left empty, without which it cannot be read."""

    seconds: float
    recorded: int
    pending: Sequence[str]
    emptied: bool

    def __str__(self) -> str:
        at_work = ", ".join(self.pending) or "nothing"
        emptied = ", `failed to load checkpoint`" if self.emptied else ""
        return f"killed after {self.seconds:.1f} s, {self.recorded} resources recorded, at work: {at_work}{emptied}"


def kill(checkout: Checkout, command: Sequence[str], length: float, point: float, undo: Sequence[str]) -> Killed:
    """Starts a command and kills it at a point of its length, in seconds: every process that it started, as a machine
    does that loses its power. One that had ended by then is undone and tried again, by the length that it had."""
    for _ in range(4):
        killed = _killed(checkout, command, length * point)
        if isinstance(killed, Killed):
            return killed
        succeeds(checkout.run(*undo))
        length = killed
    raise AssertionError(f"`{command[0]}` always ended before {point:.0%} of its length, {length:.1f} s in the end")


def kill_at(checkout: Checkout, command: Sequence[str], recorded: int) -> Killed:
    """Starts a command and kills it, in the same way, once so many resources are recorded."""
    started = time.monotonic()
    process = _started(checkout, command)
    try:
        while _recorded(checkout) < recorded:
            assert process.poll() is None, f"`{command[0]}` ended before {recorded} resources were recorded"
            assert time.monotonic() < started + checkout.seconds, f"`{command[0]}` does not get so far"
            time.sleep(1)
    finally:
        end_session(process.pid)
    return _end(checkout, process, started)


def _killed(checkout: Checkout, command: Sequence[str], seconds: float) -> Killed | float:
    """What was killed, or after how many seconds it had ended by itself."""
    started = time.monotonic()
    process = _started(checkout, command)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        end_session(process.pid)
        return _end(checkout, process, started)
    assert code == 0, f"`{command[0]}` failed by itself"
    return time.monotonic() - started


def _recorded(checkout: Checkout) -> int:
    """How many resources the state's file has: pulumi itself may fail to read it while another writes."""
    return len(items(parse(checkout.state_file().read_text()), "checkpoint", "latest", "resources"))


def _started(checkout: Checkout, command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["pulumi", *command, "--stack", checkout.stack, "--non-interactive"],
        cwd=checkout.directory,
        env=os.environ | checkout.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(checkout: Checkout, process: subprocess.Popen[bytes], started: float) -> Killed:
    """What is left of a command whose processes have just been killed."""
    took = time.monotonic() - started
    assert process.wait(10) == -signal.SIGKILL
    emptied = emptied_and_deleted(checkout)
    return Killed(seconds=took, recorded=len(state(checkout)), pending=pending(checkout), emptied=emptied)


def emptied_and_deleted(checkout: Checkout) -> bool:
    """Whether the run was killed while it wrote, beside the state, what kind of file that is; gocloud.dev's fileblob
    does so in place. It is deleted, as docs/operations.md says."""
    emptied = [each for each in checkout.backend.rglob("*.attrs") if each.stat().st_size == 0]
    for each in emptied:
        each.unlink()
    return bool(emptied)


def end_session(leader: int) -> None:
    """Kills the process groups of a session that the test began: Pulumi puts each of its plugins into one."""
    for _ in range(20):
        listing = ["ps", "-o", "pgid=,stat=", "--sid", str(leader)]
        listed = subprocess.run(listing, capture_output=True, text=True, check=False).stdout
        groups = {int(line.split()[0]) for line in listed.splitlines() if not line.split()[1].startswith("Z")}
        if not groups:
            return
        for group in sorted(groups, key=lambda each: each != leader):
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(0.1)
    raise AssertionError(f"processes of session {leader} do not end")


def go_on(checkout: Checkout) -> list[str]:
    """What docs/operations.md says to type after an interrupted `up`. What was typed."""
    succeeds(checkout.run(*CANCEL))
    succeeds(checkout.run(*REFRESH))
    up = checkout.run(*UP)
    typed = ["pulumi cancel", "pulumi refresh --clear-pending-creates", "pulumi up"]
    if up.returncode:
        assert "already exists" in up.stdout + up.stderr, up.stdout + up.stderr
        print(up.stdout)
        succeeds(checkout.run(*UP, **ADOPT))
        succeeds(checkout.run(*UP))
        typed += ["with PULUMI_K8S_UPSERT_EXISTING_OBJECTS, as something already existed", "pulumi up"]
    return typed


def repair(checkout: Checkout) -> None:
    """Makes a stack whose run was killed such that it can be destroyed."""
    checkout.run(*CANCEL)
    if pending(checkout):
        checkout.run(*REFRESH)
        checkout.run(*UP, **ADOPT)


def state(checkout: Checkout) -> list[str]:
    """The URNs of the resources that are recorded, but for the stack itself, which stays."""
    found = items(checkout.select().export_stack().deployment, "resources")
    return [text(each, "urn") for each in found if text(each, "type") != "pulumi:pulumi:Stack"]


def pending(checkout: Checkout) -> list[str]:
    """What the state says that a run was at and did not end."""
    found = items(checkout.select().export_stack().deployment, "pending_operations")
    names = [(text(each, "type"), text(each, "resource", "urn").split("::")) for each in found]
    return [f"{operation} {urn[-2].rpartition(':')[2].rpartition('$')[2]} {urn[-1]}" for operation, urn in names]
