"""Whether each member answers through Karmada now, and where not, what each hop answers. Changes nothing.

Input: what `pulumi config --json` prints of a stack.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pulumi

import config
from answers import at, entries, parse, text
from components.tunnel_check import description
from problems import PROJECT
from workstation import ThisMachine

SECONDS = 10

ANY_IMAGES = json.dumps({"server": "any", "agent": "any"})
"""Of a section that holds something encrypted, as images may, pulumi prints no value. None is needed here."""


def main() -> int:
    """0 if every member that is not paused answers, 1 otherwise."""
    stack = entries(parse(sys.stdin.read()))
    prefix = f"{PROJECT}:"
    own = {key.removeprefix(prefix): value for key, value in stack.items() if key.startswith(prefix)}
    values = {key: text(value, "value") for key, value in own.items()}
    if at(own.get("images"), "secret") is True:
        values["images"] = ANY_IMAGES
    try:
        settings = config.load(values, ThisMachine())
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    answered = True
    for member in settings.active:
        asked = json.dumps({**description(settings.host, member), "seconds": SECONDS})
        check = subprocess.run([sys.executable, "-m", "commands.check"], input=asked, text=True, check=False)
        answered &= check.returncode == 0
    for member in settings.members:
        if member.paused:
            print(f"{member.name}: paused")
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
