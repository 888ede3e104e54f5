"""tools/pulumi.sh, which make runs: what it types, before a pulumi of ours that writes it down."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.render.stackfile import ROOT

PULUMI = """\
#!/bin/sh
printf '%s ' "$@" >>"$(dirname "$0")/typed"
echo >>"$(dirname "$0")/typed"
"""


def typed(directory: Path, stack: str, *command: str) -> Sequence[str]:
    """What pulumi was called with for a command, a line a call."""
    file = directory / "pulumi"
    file.write_text(PULUMI)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    environment = {
        **os.environ,
        "STACK": stack,
        "PATH": os.pathsep.join([str(directory), os.environ.get("PATH", os.defpath)]),
        "PULUMI_BACKEND_URL": f"file://{directory}",
        "PULUMI_CONFIG_PASSPHRASE": "of nothing",
    }
    subprocess.run([str(ROOT / "tools" / "pulumi.sh"), *command], env=environment, check=True, timeout=60)
    return [line.strip() for line in (directory / "typed").read_text().splitlines()]


@pytest.mark.parametrize(
    ("stack", "command"),
    [("dev", ["up", "--yes"]), ("org/dev", ["preview", "--diff"]), ("dev", ["config", "--json"])],
)
def test_a_command_is_pulumis_own_on_that_stack(tmp_path: Path, stack: str, command: Sequence[str]) -> None:
    *_, last = typed(tmp_path, stack, *command)
    assert last == " ".join([*command, f"--stack {stack} --non-interactive"])


@pytest.mark.parametrize("command", ["up", "preview", "config"])
def test_what_deploys_or_configures_makes_the_stack_if_it_is_not_there(tmp_path: Path, command: str) -> None:
    assert typed(tmp_path, "prod", command)[0] == "stack select --non-interactive --create prod"


@pytest.mark.parametrize("command", ["up", "preview", "config"])
@pytest.mark.parametrize("stack", ["prdo", "org/prdo"])
def test_a_mistyped_stack_is_no_new_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], stack: str, command: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        typed(tmp_path, stack, command)
    said = capfd.readouterr().err
    assert f"STACK={stack} is no stack: there is no Pulumi.prdo.yaml; there are dev fork prod" in said
    assert "cp Pulumi.prod.yaml Pulumi.prdo.yaml" in said
    assert not (tmp_path / "typed").exists()


@pytest.mark.parametrize("command", ["destroy", "stack", "refresh"])
def test_what_looks_or_takes_away_does_not(tmp_path: Path, command: str) -> None:
    assert typed(tmp_path, "mine", command)[0] == "stack select --non-interactive mine"
