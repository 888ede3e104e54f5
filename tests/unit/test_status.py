"""`make status`: which members it asks, what it prints, and that something encrypted does not disturb it."""

from __future__ import annotations

import json

import pytest

from checks import status
from clusters.objects import Json
from tests.unit.machines import HOST, MEMBER, Machine
from tests.unit.patient import Patient
from tests.unit.stacks import pair
from tools import stack

ENTRY: Json = {"entry": {"address": "10.0.0.1", "port": 8091, "proxyUrl": "http://10.0.0.1:8088"}}
PROXIED = "/apis/cluster.karmada.io/v1alpha1/clusters/{0}/proxy/readyz"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Patient:
    """Members that answer, and a stack that is up."""
    monkeypatch.setattr(status, "SECONDS", 0)
    monkeypatch.setenv("STACK", "dev")
    return Patient(pair())


def ends(monkeypatch: pytest.MonkeyPatch, patient: Patient, **sections: Json) -> int:
    """The exit code for a stack's config, as `pulumi config --json` prints it; of None it prints no value."""
    printed: dict[str, Json] = {
        f"karmada-anp:{key}": {"secret": True} if value is None else {"value": json.dumps(value), "secret": False}
        for key, value in sections.items()
    }
    printed["aws:region"] = {"value": "x"}
    monkeypatch.setattr(stack, "answer", lambda *command: printed if command[0] == "config" else ENTRY)  # pyright: ignore
    monkeypatch.setattr(stack, "ThisMachine", Machine)
    return status.main(patient)


def test_every_member_that_is_not_paused_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], patient: Patient
) -> None:
    assert (
        ends(monkeypatch, patient, host=HOST, members={"member3": MEMBER, "member4": {**MEMBER, "paused": True}}) == 0
    )
    reached, paused = capsys.readouterr().out.splitlines()
    assert reached.startswith("member3: reached through Karmada: /readyz and a list (")
    assert paused == "member4: paused"


def test_a_member_that_does_not_answer_is_told_by_the_exit_code_and_the_doctors_walk_after_all_were_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], patient: Patient
) -> None:
    patient.away.add(PROXIED.format("member3"))
    assert ends(monkeypatch, patient, host=HOST, members={"member3": MEMBER, "member4": MEMBER}) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("member3: not reached through Karmada within 0 s: proxyconnect tcp")
    assert "  right    Karmada API" in printed.err
    assert printed.out.startswith("member4: reached")


@pytest.mark.parametrize("proxy", [{}, {"frontend": "documented"}], ids=["guarded", "documented"])
def test_an_encrypted_password_of_a_registry_is_not_needed_to_ask(
    monkeypatch: pytest.MonkeyPatch, proxy: dict[str, Json], patient: Patient
) -> None:
    assert ends(monkeypatch, patient, host=HOST, members={"member3": MEMBER}, images=None, proxy=proxy) == 0


def test_a_config_that_is_refused_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], patient: Patient
) -> None:
    assert ends(monkeypatch, patient, host=HOST, members={}) == 1
    assert capsys.readouterr().err.startswith("The stack's config has problems (1):")
