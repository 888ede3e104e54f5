"""Another stack of this program, where one stands: it is refused, and the one that stands goes on."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.stack import environment
from tests.stack.environment import HOST, answer, namespace
from tests.stack.refusals import holds, local, refused, said, tell
from tests.stack.standing.watching import MEMBER
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long

ELSEWHERE = "karmada-anp-elsewhere"
"""Another namespace in the host cluster."""


def test_a_member_that_another_stack_tunnels_to_is_refused_and_nothing_changes(dev: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", "second", like=dev.stack)
    with namespace(HOST, ELSEWHERE):
        elsewhere = local() | {"namespace": ELSEWHERE}
        second.configure(host=elsewhere, members=environment.settings_of(MEMBER), proxy={"exposure": "nodePort"})
        second.select()
        was, begins = holds(), time.monotonic()
        done = second.run(*UP)
        tell("a member that another stack tunnels to", "refused, naming members.member3 and that stack", done, begins)
        refused(done)
        assert said(done) == ['karmada-anp:members.member3: "member3" has the tunnel of the stack "dev" already']
        assert holds() == was
        assert environment.ours_in(HOST, ELSEWHERE) == []


def test_a_second_stack_of_the_same_name_on_the_same_namespaces_is_refused_and_the_first_one_goes_on(
    dev: Checkout, tmp_path: Path
) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", dev.stack)
    second.configure(host=local(), members=environment.settings_of(MEMBER))
    second.select()
    was, begins = holds(), time.monotonic()
    done = second.run(*UP)
    tell("a second stack of the same name, whose state is elsewhere", "already exists; the first goes on", done, begins)
    refused(done)
    # whichever of them it comes to first
    assert re.search(r"\"proxy-[a-z-]+\" already exists", done.stdout), done.stdout
    assert reached()
    second.select().destroy()
    assert reached()
    assert holds() == was
    # no refresh: with the second stack its images went from this machine's engine, which both share
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


def reached() -> bool:
    """Whether the member answers through Karmada."""
    return answer(MEMBER, "/readyz") == "ok"
