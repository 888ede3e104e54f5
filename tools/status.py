"""Whether each member answers through Karmada now, and where not, what each hop answers. Changes nothing.

STACK is the stack. `make doctor` says more of one that does not answer.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pulumi

from components.tunnel_check import description
from tools import stack

SECONDS = 10


def main() -> int:
    """0 if every member that is not paused answers, 1 otherwise."""
    try:
        settings = stack.settings()
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    answered = True
    for member in settings.active:
        asked = json.dumps({**description(settings.host, member), "seconds": SECONDS})
        check = subprocess.run([sys.executable, "-m", "checks.commands.check"], input=asked, text=True, check=False)
        answered &= check.returncode == 0
    for member in settings.members:
        if member.paused:
            print(f"{member.name}: paused")
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
