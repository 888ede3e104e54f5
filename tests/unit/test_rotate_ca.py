"""`make rotate-ca`: which steps it takes, in which order, and where it goes on after an interruption."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from clusters.objects import Json
from config.certificate_settings import Certificates
from tools import rotate_ca
from tools.checkout import ROOT
from tools.rotate_ca import Step, next_step, said

BEFORE: Step = (1,)
BOTH: Step = (1, 2)
SIGNS: Step = (2, 1)
AFTER: Step = (2,)
CHANGE: list[Step] = [BOTH, SIGNS, AFTER]


class FakePulumi:
    """A stack: what its config says of certificates, and what each `up` has deployed. Some commands may fail."""

    def __init__(self, deployed: Step | None = BEFORE, **certificates: Json) -> None:
        self.certificates: dict[str, Json] = dict(certificates)
        self.deployed = deployed
        self.ups: list[Step] = []
        self.failing_ups: list[int] = []
        """Exit codes of the next ups."""
        self.away: list[str] = []
        self.failing = ""
        """What a command has in it that fails."""

    def run(self, *command: str) -> int:
        if self.failing and self.failing in " ".join(command):
            return 1
        if command[:3] == ("config", "set-all", "--path"):
            self._set(*command[3:])
        elif command[:2] == ("config", "rm"):
            assert command[2:] == ("--path", "karmada-anp:certificates.caKeys[1]")
            self._keys().pop()
        else:
            assert command == ("up", "--yes", "--skip-preview")
            return self._up()
        return 0

    def answer(self, *command: str) -> Json:
        if command == ("config", "--json"):
            if not self.certificates:
                return {}
            return {"karmada-anp:certificates": {"value": json.dumps(self.certificates), "secret": False}}
        assert command == ("stack", "output", "--json")
        if self.deployed is None:
            return {}
        return {"caKeys": list(self.deployed), "members": {"member3": {}, "member4": {}}, "behind": list(self.away)}

    def _keys(self) -> list[Json]:
        listed = self.certificates.setdefault("caKeys", [])
        assert isinstance(listed, list)
        return listed

    def _set(self, *pairs: str) -> None:
        for option, pair in zip(pairs[::2], pairs[1::2], strict=True):
            found = re.fullmatch(r"karmada-anp:certificates\.caKeys\[(\d)\]=(\d+)", pair)
            assert found
            assert option == "--plaintext"
            self._keys()[int(found[1]) : int(found[1]) + 1] = [int(found[2])]

    def _up(self) -> int:
        step = self.configured()
        self.ups.append(step)
        code = self.failing_ups.pop(0) if self.failing_ups else 0
        if not code:
            self.deployed = step
        return code

    def configured(self) -> Step:
        """What `up` would read."""
        return tuple(Certificates.model_validate(self.certificates).ca_keys)


def faked(monkeypatch: pytest.MonkeyPatch, pulumi: FakePulumi) -> FakePulumi:
    monkeypatch.setattr(rotate_ca, "run", pulumi.run)
    monkeypatch.setattr(rotate_ca, "answer", pulumi.answer)
    return pulumi


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    """A stack that has been up, and whose config says nothing of keys."""
    return faked(monkeypatch, FakePulumi(validityHours=8760))


def test_from_one_key_to_the_next_there_are_three_steps_and_then_it_begins_again() -> None:
    steps = [BEFORE]
    for _ in range(4):
        steps.append(next_step(steps[-1]))
    assert steps == [BEFORE, *CHANGE, (2, 3)]


def test_the_config_of_every_step_is_one_that_the_program_takes() -> None:
    step = BEFORE
    for _ in range(9):
        step = next_step(step)
        assert tuple(Certificates.model_validate({"caKeys": list(step)}).ca_keys) == step


def test_two_steps_in_a_row_have_a_trusted_key_in_common_that_one_of_them_signs_with() -> None:
    steps = [BEFORE, *CHANGE]
    for one, other in pairwise(steps):
        assert one[0] in other
        assert other[0] in one


def test_a_whole_change_is_three_ups_and_leaves_the_next_key_alone_in_the_config(
    fresh: FakePulumi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rotate_ca.main() == 0
    assert fresh.ups == CHANGE
    assert fresh.certificates == {"validityHours": 8760, "caKeys": [2]}
    assert capsys.readouterr().out.splitlines()[-1] == "CA keys: done, generation 2 signs, trusted: 2"


def test_another_change_goes_on_from_there(fresh: FakePulumi) -> None:
    assert (rotate_ca.main(), rotate_ca.main()) == (0, 0)
    assert fresh.ups[3:] == [(2, 3), (3, 2), (3,)]
    assert fresh.certificates == {"validityHours": 8760, "caKeys": [3]}


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_an_up_that_fails_ends_it_with_its_exit_code_and_the_next_run_goes_on_from_that_step(
    fresh: FakePulumi, capsys: pytest.CaptureFixture[str], failed: int
) -> None:
    fresh.failing_ups = [0] * failed + [255]
    assert rotate_ca.main() == 255
    assert fresh.ups == CHANGE[: failed + 1]
    assert f"not yet everywhere: {said(CHANGE[failed])}. Run this again to go on." in capsys.readouterr().err
    assert rotate_ca.main() == 0
    assert fresh.ups == [*CHANGE[: failed + 1], *CHANGE[failed:]]
    assert fresh.certificates == {"validityHours": 8760, "caKeys": [2]}


def test_an_up_that_fails_again_and_again_takes_no_step_further(fresh: FakePulumi) -> None:
    fresh.failing_ups = [0, 1, 1, 1]
    assert [rotate_ca.main() for _ in range(3)] == [1, 1, 1]
    assert fresh.ups == [BOTH, SIGNS, SIGNS, SIGNS]


@pytest.mark.parametrize("step", CHANGE, ids=str)
def test_a_run_that_was_killed_before_its_up_goes_on_from_what_it_had_configured(
    monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    earlier = [BEFORE, *CHANGE][CHANGE.index(step)]
    stack = faked(monkeypatch, FakePulumi(earlier, caKeys=list(step)))
    assert rotate_ca.main() == 0
    assert stack.ups == CHANGE[CHANGE.index(step) :]


@pytest.mark.parametrize(("was", "step"), [(BEFORE, SIGNS), (AFTER, BEFORE), (SIGNS, BOTH), (AFTER, BOTH)])
def test_a_step_that_does_not_follow_the_deployed_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, was: Step, step: Step
) -> None:
    """As when another copy of the config was deployed since: the step between would be skipped, and cut agents off."""
    stack = faked(monkeypatch, FakePulumi(was, caKeys=list(step)))
    with pytest.raises(SystemExit, match="which is not the step after it"):
        rotate_ca.main()
    assert (stack.ups, stack.configured()) == ([], step)


def test_at_an_interrupt_pulumi_is_waited_for(tmp_path: Path) -> None:
    """It ends in order, and records what it did; killed, it would leave the stack locked."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/bash\ntrap 'sleep 1; echo recorded; exit 3' INT\necho begun\nsleep 30 & wait $!\n")
    pulumi.chmod(0o755)
    program = f"from tools import stack; stack.PULUMI = {str(pulumi)!r}; raise SystemExit(stack.run('up'))"
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    assert run.stdout
    assert run.stdout.readline() == "begun\n"
    os.killpg(run.pid, signal.SIGINT)
    assert (run.stdout.read(), run.wait()) == ("recorded\n", 3)


def test_a_stack_that_was_never_up_has_its_keys_changed_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = faked(monkeypatch, FakePulumi(None))
    assert rotate_ca.main() == 0
    assert stack.ups == CHANGE


@pytest.mark.parametrize(
    ("failing", "ups"), [("caKeys[1]=2", []), ("caKeys[0]=2", [BOTH]), ("config rm", [BOTH, SIGNS])]
)
def test_a_config_that_cannot_be_written_ends_it_before_the_up(
    fresh: FakePulumi, failing: str, ups: list[Step]
) -> None:
    """An `up` of the step before would be taken for one of this."""
    fresh.failing = failing
    with pytest.raises(SystemExit, match="could not be set"):
        rotate_ca.main()
    assert fresh.ups == ups


def test_no_step_is_taken_while_a_member_is_away_and_it_is_said_for_whom(
    fresh: FakePulumi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It trusts the former key alone, and would be cut off by the next step already."""
    monkeypatch.setenv("STACK", "dev")
    fresh.away = ["member4", "not declared yet"]
    assert rotate_ca.main() == 1
    assert fresh.ups == [BOTH]
    printed = capsys.readouterr().err
    assert f"not yet everywhere: {said(BOTH)}. Away: member4. Run this again when they are back" in printed
    assert "make rotate-ca STACK=dev ARGS=--force" in printed
    fresh.away = ["not declared yet"]
    assert rotate_ca.main() == 0
    assert fresh.ups == [BOTH, *CHANGE]


def test_by_force_it_goes_on(fresh: FakePulumi) -> None:
    fresh.away = ["member4"]
    assert rotate_ca.main(force=True) == 0
    assert fresh.ups == CHANGE
