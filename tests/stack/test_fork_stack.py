"""The fork stack: the six documented steps as they are, on the same clusters, after dev."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pulumi import automation

from clusters.objects import Json
from tests.stack import environment
from tests.stack.checkout_commands import doctor
from tests.stack.refusals import gives_back
from tools.checkout import Checkout


@pytest.fixture(scope="module")
def up(fork: Checkout) -> automation.UpResult:
    return fork.select().up(on_output=print)


def test_the_fork_reaches_each_member(up: automation.UpResult) -> None:
    for name in environment.members():
        assert f"{name}: reached through Karmada" in up.stdout


def test_the_doctor_finds_nothing_wrong_with_the_fork(up: automation.UpResult, fork: Checkout) -> None:
    done = doctor(fork)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in environment.members():
        assert f"{name}: all right" in done.stdout


def test_a_second_up_of_the_fork_changes_nothing(up: automation.UpResult, fork: Checkout) -> None:
    assert set(fork.select().up().summary.resource_changes or {}) == {"same"}


def test_destroy_of_the_fork_gives_everything_back(
    up: automation.UpResult, fork: Checkout, before: Mapping[str, Json]
) -> None:
    gives_back(fork, before)
