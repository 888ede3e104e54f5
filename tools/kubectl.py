"""`make kubectl MEMBER=member3 ARGS="get nodes"`: runs kubectl on a member of the stack STACK, through Karmada.

kubectl replaces this process (exec), so that its prompts, output and exit code reach the user unchanged.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

import pulumi

from clusters.workstation import kubectl_command
from components.anp import PROXY_PATH
from tools import stack


def main(arguments: Sequence[str]) -> int:
    """Runs kubectl, and returns only on an error: 1 where no member is named, or kubectl is not installed.

    `arguments` are the member's name and kubectl's own arguments.
    """
    try:
        settings = stack.settings()
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    names = [each.name for each in settings.members]
    name = arguments[0] if arguments else ""
    if name not in names:
        print(f'MEMBER names no member of the stack: "{name}"; there are {", ".join(names)}', file=sys.stderr)
        return 1
    command = kubectl_command(replace(settings.host.karmada, path=PROXY_PATH.format(name)), *arguments[1:])
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        print("kubectl is not installed, or not on PATH", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
