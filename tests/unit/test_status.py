"""`make status`: which members it asks, and that a config with something encrypted does not disturb it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

import pytest

from clusters.objects import Json, parse, text
from tests.unit.machines import HOST, MEMBER, Machine
from tools import stack, status


class Checks:
    """checks.commands.check, which answers for the members that it is told of."""

    def __init__(self, *answering: str) -> None:
        self.answering = answering
        self.asked: list[str] = []

    def run(self, command: Sequence[str], *, input: str, text: bool, check: bool) -> subprocess.CompletedProcess[str]:
        assert list(command[1:]) == ["-m", "checks.commands.check"]
        self.asked.append(cluster(input))
        return subprocess.CompletedProcess(command, 0 if self.asked[-1] in self.answering else 1)


def cluster(described: str) -> str:
    return text(parse(described), "cluster")


def said(monkeypatch: pytest.MonkeyPatch, checks: Checks, **sections: Json) -> int:
    """The exit code for a stack's config, as `pulumi config --json` prints it; of None it prints no value."""
    printed: dict[str, Json] = {
        f"karmada-anp:{key}": {"secret": True} if value is None else {"value": json.dumps(value), "secret": False}
        for key, value in sections.items()
    }
    printed["aws:region"] = {"value": "x"}

    def answer(*command: str) -> Json:
        assert command == ("config", "--json")
        return printed

    monkeypatch.setattr(stack, "answer", answer)
    monkeypatch.setattr(stack, "ThisMachine", Machine)
    monkeypatch.setattr("tools.status.subprocess.run", checks.run)
    return status.main()


def test_every_member_that_is_not_paused_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = Checks("member3")
    assert said(monkeypatch, checks, host=HOST, members={"member3": MEMBER, "member4": {**MEMBER, "paused": True}}) == 0
    assert checks.asked == ["member3"]
    assert capsys.readouterr().out == "member4: paused\n"


def test_a_member_that_does_not_answer_is_told_by_the_exit_code_after_all_were_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks = Checks("member4")
    assert said(monkeypatch, checks, host=HOST, members={"member3": MEMBER, "member4": MEMBER}) == 1
    assert checks.asked == ["member3", "member4"]


@pytest.mark.parametrize("proxy", [{}, {"frontend": "documented"}], ids=["guarded", "documented"])
def test_an_encrypted_password_of_a_registry_is_not_needed_to_ask(
    monkeypatch: pytest.MonkeyPatch, proxy: dict[str, Json]
) -> None:
    assert said(monkeypatch, Checks("member3"), host=HOST, members={"member3": MEMBER}, images=None, proxy=proxy) == 0


def test_a_config_that_is_refused_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = Checks()
    assert said(monkeypatch, checks, host=HOST, members={}) == 1
    assert checks.asked == []
    assert capsys.readouterr().err.startswith("The stack's config has problems (1):")
