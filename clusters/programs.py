"""Runs local programs, like docker and kind."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from clusters.errors import Unavailable


def run_program(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Runs a command, whatever its exit code. Raises Unavailable if it is not installed or takes too long."""
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not installed, or not on PATH") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} gave no answer within {seconds:.0f} s") from None


def output_of(command: Sequence[str], seconds: float = 15) -> str:
    """The stdout of a command. Raises Unavailable with the reason from its stderr if it fails."""
    done = run_program(command, seconds)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        # docker may print advice after the reason; a registry's reasons follow a line `errors:`
        reasons = [line for line in said if re.match(r"error\b", line, re.IGNORECASE)] or said
        raise Unavailable(reasons[-1].removeprefix("error: ").removeprefix("Error: ").strip())
    return done.stdout
