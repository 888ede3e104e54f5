"""`make kubectl`: which command it becomes, and what it says of a member that there is not."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pulumi
import pytest

from config.settings import Settings
from tests.unit.machines import MEMBER, load
from tools import kubectl


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What the process has become instead of this program. The stack has two members."""
    found: list[Sequence[str]] = []

    def becomes(program: str, command: Sequence[str]) -> None:
        assert program == command[0]
        found.append(command)

    def settings() -> Settings:
        return load(members={"member3": MEMBER, "member4": MEMBER})

    monkeypatch.setattr(os, "execvp", becomes)
    monkeypatch.setattr("tools.kubectl.stack.settings", settings)
    monkeypatch.setattr("clusters.workstation.servers_of", lambda kubeconfig: {"karmada-apiserver": "https://k:5443"})  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    return found


def test_it_is_kubectl_which_asks_a_member_through_karmada(became: list[Sequence[str]]) -> None:
    kubectl.main(["member4", "get", "nodes"])
    (command,) = became
    assert command == [
        "kubectl",
        f"--kubeconfig={os.path.expanduser('~/karmada.config')}",
        "--context=karmada-apiserver",
        "--server=https://k:5443/apis/cluster.karmada.io/v1alpha1/clusters/member4/proxy",
        "get",
        "nodes",
    ]


@pytest.mark.parametrize("arguments", [[], [""], ["member5", "get", "nodes"]], ids=["none", "empty", "another"])
def test_a_member_that_there_is_not_is_said_with_those_that_there_are(
    became: list[Sequence[str]], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert kubectl.main(arguments) == 1
    assert became == []
    assert "there are member3, member4" in capsys.readouterr().err


def test_a_config_with_problems_is_told_without_a_traceback(
    became: list[Sequence[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> Settings:
        raise pulumi.RunError("The stack's config has problems")

    monkeypatch.setattr("tools.kubectl.stack.settings", refused)
    assert kubectl.main(["member3"]) == 1
    assert capsys.readouterr().err == "The stack's config has problems\n"


def test_without_kubectl_that_is_said(
    became: list[Sequence[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(program: str, command: Sequence[str]) -> None:
        raise FileNotFoundError(program)

    monkeypatch.setattr(os, "execvp", absent)
    assert kubectl.main(["member3"]) == 1
    assert capsys.readouterr().err == "kubectl is not installed, or not on PATH\n"
