"""Programs of this machine, like docker and kind: run to their end, or Unavailable."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from clusters.errors import Unavailable


def ran(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """What became of a command, whose errors are the caller's. Raises Unavailable where it did not run to its end."""
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not installed, or not on PATH") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} gave no answer within {seconds:.0f} s") from None


def ask(command: Sequence[str], seconds: float = 15) -> str:
    """What a command that changes nothing prints. Raises Unavailable with the last line of its errors."""
    done = ran(command, seconds)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        # docker may give advice behind the reason; a registry's reasons come below a line `errors:`
        reasons = [line for line in said if re.match(r"error\b", line, re.IGNORECASE)] or said
        raise Unavailable(reasons[-1].removeprefix("error: ").removeprefix("Error: ").strip())
    return done.stdout
