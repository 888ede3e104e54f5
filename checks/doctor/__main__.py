"""`make doctor`: a line a hop for each member of the stack STACK, and what to do about the first that is wrong; of more
than ten members a table by cause."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Sequence

import pulumi

from checks import tunnels
from checks.doctor.summary import summary
from checks.doctor.walk import walk_all
from checks.outcomes import NAMED, listed
from clusters.api import OfficialClient
from config.problems import end_with_the_reader
from tools import stack


def main(arguments: Sequence[str]) -> int:
    """0 if all hops are right, 1 if one is wrong or unknown. Exits with pulumi's code if there is no such stack."""
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
    names = [each.name for each in settings.members]
    wanted: Collection[str] = options.member or names
    missing = sorted({*wanted} - {*names})
    if missing:
        print(f"the stack {stack.name()} has no member {missing[0]}; it has {listed(names)}", file=sys.stderr)
        return 1
    paused = [each.name for each in settings.members if each.paused and each.name in wanted]
    walks = walk_all([each for each in found if each.member in wanted], OfficialClient())
    if options.json:
        lines = [
            json.dumps(each) for each in [*(each.json() for each in walks), *({"paused": each} for each in paused)]
        ]
    elif len(walks) > NAMED and not options.member:
        more = f'`make doctor STACK={stack.name()} ARGS="--member {names[0]}"` shows every hop of one'
        lines = [*summary(walks), *([f"{listed(paused)}: paused"] if paused else []), more]
    else:
        lines = [*(line for each in walks for line in each.lines()), *(f"{each}: paused" for each in paused)]
    print("\n".join(lines))
    return 1 if any(each.first for each in walks) else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for machines: a line of JSON for each member")
    parser.add_argument(
        "--member", action="append", metavar="NAME", help="only this one, with every hop; may be repeated"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(sys.argv[1:]))
