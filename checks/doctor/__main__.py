"""`make doctor`: a line a hop for each member of the stack STACK, and what to do about the first that is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pulumi

from checks.doctor.asking import Clusters
from checks.doctor.findings import Walk
from checks.doctor.walk import walk
from checks.doctor.way import Entry, Way
from clusters.objects import Json, number, text
from config.settings import Settings
from tools import stack

AT_ONCE = 8
"""How many members are asked at a time."""


def main(arguments: Sequence[str]) -> int:
    """0 if all is right, 1 if something is wrong or unknown; pulumi's own code where there is no such stack."""
    options = _options(arguments)
    stack.name()
    try:
        # in this order: a stack that is not there is not made by looking at its config
        entry = entry_of(stack.outputs())
        settings = stack.settings()
    except pulumi.RunError as error:
        print(
            json.dumps({"error": str(error)}) if options.json else error,
            file=sys.stdout if options.json else sys.stderr,
        )
        return 1
    paused = [each.name for each in settings.members if each.paused]
    walks = walked(settings, entry)
    if options.json:
        print(json.dumps({"members": [each.json() for each in walks], "paused": paused}, indent=2))
    else:
        print("\n".join([line for each in walks for line in each.lines()] + [f"{each}: paused" for each in paused]))
    return 1 if any(each.first for each in walks) else 0


def entry_of(outputs: Json) -> Entry:
    """Where the stack's last `up` put the tunnel's entry. Raises pulumi.RunError where there was none."""
    address, url = text(outputs, "entry", "address"), text(outputs, "entry", "proxyUrl")
    if not address or not url:
        why = f"the stack {stack.name()} is not up: no `up` of it has ended well, and left a tunnel to be looked at"
        raise pulumi.RunError(f"{why}\n  pulumi up, or make up, says why")
    return Entry(address=address, port=number(outputs, "entry", "port"), proxy_url=url)


def walked(settings: Settings, entry: Entry) -> Sequence[Walk]:
    """The ways to all members that are not paused."""
    asking = Clusters()
    ways = [Way(settings=settings, member=each, entry=entry, asking=asking) for each in settings.active]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(walk, ways))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the same for machines")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
