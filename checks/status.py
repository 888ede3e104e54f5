"""`make status`: whether each member answers through Karmada now, and where not, the doctor's walk. Changes nothing.

STACK is the stack.
"""

from __future__ import annotations

import sys
from functools import partial

import pulumi

from checks import tunnels
from checks.reached import reached
from clusters.api import Apis, Asking
from clusters.pool import side_by_side
from config.problems import end_with_the_reader

SECONDS = 10


def main(asking: Asking) -> int:
    """0 if every member that is not paused answers, 1 otherwise."""
    try:
        settings, found = tunnels.of_stack()
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    answers = side_by_side({each.member: partial(reached, asking, each, SECONDS) for each in found})
    for answered, lines in answers.values():
        print("\n".join(lines), file=sys.stdout if answered else sys.stderr)
    for member in settings.members:
        if member.paused:
            print(f"{member.name}: paused")
    return 0 if all(answered for answered, _ in answers.values()) else 1


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(Apis()))
