"""`make doctor`: a line a hop for each member of the stack STACK, and what to do about the first that is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial

import pulumi

from checks import tunnels
from checks.doctor.tunnel import Tunnel
from checks.doctor.tunnel_path import TunnelPath
from checks.doctor.walk import walk
from checks.findings import Walk
from clusters.api import Apis, Asking
from clusters.pool import Remembering, side_by_side
from config.problems import end_with_the_reader
from tools import stack


def main(arguments: Sequence[str]) -> int:
    """0 if all is right, 1 if something is wrong or unknown; pulumi's own code where there is no such stack."""
    options = _options(arguments)
    stack.name()
    try:
        settings, found = tunnels.of_stack()
    except pulumi.RunError as error:
        print(
            json.dumps({"error": str(error)}) if options.json else error,
            file=sys.stdout if options.json else sys.stderr,
        )
        return 1
    paused = [each.name for each in settings.members if each.paused]
    walks = walked(found, Apis())
    if options.json:
        print(json.dumps({"members": [each.json() for each in walks], "paused": paused}, indent=2))
    else:
        print("\n".join([line for each in walks for line in each.lines()] + [f"{each}: paused" for each in paused]))
    return 1 if any(each.first for each in walks) else 0


def walked(found: Sequence[Tunnel], asking: Asking) -> Sequence[Walk]:
    """The paths of some tunnels, several at a time."""
    remembering = Remembering(asking)
    walks = {each.member: partial(walk, TunnelPath(tunnel=each, asking=remembering)) for each in found}
    return list(side_by_side(walks).values())


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the same for machines")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(sys.argv[1:]))
