"""A throw-away copy of the program with a backend of its own, for tests and the benchmark: no checkout is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import yaml
from pulumi import automation

from clusters.objects import Json
from clusters.programs import output_of

ROOT = Path(__file__).parents[1]
UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
"""The commands as tests run them."""


class Checkout:
    """A copy of the program, as a colleague would have it, with a stack on a backend in the directory `backend`.

    With `like`, the stack's file is a copy of that stack's file.
    """

    seconds: float = 600
    """How long a run may take."""

    def __init__(self, directory: Path, backend: Path, stack: str, like: str = "") -> None:
        self.directory = directory
        self.backend = backend
        self.stack = stack
        files = output_of(
            ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
        ).splitlines()
        for file in files:
            if (ROOT / file).is_file():
                (directory / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, directory / file)
        if like:
            shutil.copy2(directory / f"Pulumi.{like}.yaml", directory / f"Pulumi.{stack}.yaml")
        (directory / ".venv").symlink_to(ROOT / ".venv")
        backend.mkdir(exist_ok=True)
        self.environment = {
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "of a throw-away backend",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def state_file(self) -> Path:
        """The file in the backend that holds the stack's state. Raises ValueError if there is none."""
        (file,) = self.backend.glob(f".pulumi/stacks/*/{self.stack}.json")
        return file

    def configure(self, **sections: Json) -> None:
        """Replaces whole sections in the stack's file."""
        file = self.directory / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(file.read_text())
        content["config"].update({f"karmada-anp:{section}": value for section, value in sections.items()})
        file.write_text(yaml.safe_dump(content))

    def select(self) -> automation.Stack:
        """Selects the stack, and creates it where the backend does not have it."""
        options = automation.LocalWorkspaceOptions(env_vars=self.environment)
        return automation.create_or_select_stack(self.stack, work_dir=str(self.directory), opts=options)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a pulumi command on the stack, with `variables` added to its environment."""
        environment = os.environ | self.environment | variables
        return subprocess.run(
            ["pulumi", *command, "--stack", self.stack, "--non-interactive"],
            cwd=self.directory,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
            timeout=self.seconds,
        )
