"""`make status`: whether each member of the stack STACK answers through Karmada now, and if not, the doctor's walk.

It changes nothing.
"""

from __future__ import annotations

import sys
from functools import partial

import pulumi

from checks import tunnels
from checks.reached import reached
from clusters.api import KubernetesApis, OfficialClient
from clusters.pool import in_parallel
from config.problems import end_with_the_reader

SECONDS = 10


def main(apis: KubernetesApis) -> int:
    """0 if every member that is not paused answers, 1 otherwise."""
    try:
        settings, found = tunnels.of_stack()
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    results = in_parallel({each.member: partial(reached, apis, each, SECONDS) for each in found})
    for answered, lines in results.values():
        print("\n".join(lines), file=sys.stdout if answered else sys.stderr)
    for member in settings.members:
        if member.paused:
            print(f"{member.name}: paused")
    return 0 if all(answered for answered, _ in results.values()) else 1


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(OfficialClient()))
