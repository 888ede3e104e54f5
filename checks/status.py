"""`make status`: whether each member of the stack STACK answers through Karmada now, and if not, the doctor's walk.

It changes nothing.
"""

from __future__ import annotations

import sys

import pulumi

from checks import tunnels
from checks.outcomes import listed
from checks.reached import answers
from clusters.api import KubernetesApis, OfficialClient
from config.problems import end_with_the_reader

SECONDS = 10


def main(apis: KubernetesApis) -> int:
    """0 if every member that is not paused answers, 1 otherwise."""
    try:
        settings, found = tunnels.of_stack()
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    asked = answers(apis, found, SECONDS)
    for line in asked.failures(apis):
        print(line, file=sys.stderr)
    for line in asked.lines():
        print(line)
    paused = [each.name for each in settings.members if each.paused]
    if paused:
        print(f"{listed(paused)}: paused")
    return 1 if asked.failed else 0


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(OfficialClient()))
