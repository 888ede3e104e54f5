"""What a refusal tells people to type, typed: each command as it is printed, by a real pulumi on a stack of its own.

Whether the config is then in order is asked where a command says all. In the others a word in capitals stands for what
only the user knows; of these pulumi must take the key.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pytest
import yaml

from clusters.objects import Json, entries
from tests.unit.machines import HOST, MEMBER, load
from tests.unit.mistakes import REFUSALS
from tests.unit.mistakes.refusal import Refusal
from tools.render.stackfile import ROOT

COMMAND = re.compile(r"pulumi config (?:set|rm)(?: --\w+| --path)*(?: '[^']*'| \"[^\"]*\"| [^\s',]+)+")
PLACEHOLDER = re.compile(r"\b(?!TLS|API|CA\b)[A-Z]{3,}\b")


class Typing:
    """A directory with a stack's file, in which commands of pulumi are typed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "Pulumi.dev.yaml"
        shutil.copy2(ROOT / "Pulumi.yaml", directory)
        (directory / "state").mkdir()
        self.environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{directory}/state",
            "PULUMI_CONFIG_PASSPHRASE": "of nothing",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        self.types("pulumi stack init dev")

    def types(self, command: str) -> None:
        done = subprocess.run(
            [*shlex.split(command), "--non-interactive"],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def configures(self, sections: Mapping[str, Json]) -> None:
        config = {f"karmada-anp:{key}": value for key, value in sections.items() if value is not None}
        self.file.write_text(yaml.safe_dump({"config": config}))

    @property
    def sections(self) -> Mapping[str, Json]:
        whole: Json = yaml.safe_load(self.file.read_text())
        return {key.removeprefix("karmada-anp:"): value for key, value in entries(whole, "config").items()}


@pytest.fixture(scope="module")
def typing(tmp_path_factory: pytest.TempPathFactory) -> Typing:
    if not shutil.which("pulumi"):
        pytest.skip("pulumi is not on PATH")
    return Typing(tmp_path_factory.mktemp("typing"))


def problems(sections: Mapping[str, Json], secret: Sequence[str] = ()) -> str:
    """What a config is refused with, or nothing."""
    given = {key: value for key, value in sections.items() if key not in ("host", "members")}
    try:
        load(secret, **given, host=sections.get("host"), members=sections.get("members"))
    except pulumi.RunError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_command_that_a_refusal_prints_is_typed_as_it_stands_and_mends_what_it_says(
    typing: Typing, refusal: Refusal
) -> None:
    sections = {"host": HOST, "members": {"member3": MEMBER}, **refusal.sections}
    found = problems(sections, refusal.secret)
    assert f"karmada-anp:{refusal.key}: " in found
    typing.configures(sections)
    commands = COMMAND.findall(found)
    for each in commands:
        typing.types(each)
    if commands and not PLACEHOLDER.search(" ".join(commands)):
        (problem,) = re.findall(rf"^ *- (karmada-anp:{re.escape(refusal.key)}: .*)$", found, re.MULTILINE)
        assert problem not in problems(typing.sections, refusal.secret)
