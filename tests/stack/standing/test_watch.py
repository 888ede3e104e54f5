"""The watch that was opened before everything else that was tried on this stack: it comes last, by its name."""

from __future__ import annotations

import time
from threading import Timer

import pytest

from clusters.objects import parse, text
from clusters.programs import output_of
from tests.proof import note
from tests.stack.environment import member
from tests.stack.kubectl import kubectl
from tests.stack.standing.watching import MEMBER, WATCHED, Watch

pytestmark = pytest.mark.long

OPEN = 600.0
"""Seconds for which the watch stays open at least."""


def test_a_watch_delivers_at_its_end(watch: Watch) -> None:
    direct = kubectl(*member(MEMBER))
    time.sleep(max(0.0, watch.opened + OPEN - time.monotonic()))
    lasted, still_open = time.monotonic() - watch.opened, watch.process.poll() is None
    limit = Timer(30, watch.process.kill)
    limit.start()
    try:
        output_of([*direct, "create", "configmap", WATCHED, "--namespace=default"])
        began = time.monotonic()
        assert watch.process.stdout
        event = parse(watch.process.stdout.readline() or "{}")
        took = time.monotonic() - began
    finally:
        limit.cancel()
        output_of([*direct, "delete", "configmap", WATCHED, "--namespace=default", "--ignore-not-found"])
    note(
        "Load",
        tried=f"one silent watch, open for {lasted / 60:.0f} minutes beside the load and all that was refused",
        expected="it is still open and delivers an event",
        seen=f"{'open' if still_open else 'closed'}, {text(event, 'type') or 'no event'} after {took:.1f} s",
    )
    assert still_open
    assert (text(event, "type"), text(event, "object", "metadata", "name")) == ("ADDED", WATCHED)
