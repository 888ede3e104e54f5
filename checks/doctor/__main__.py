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
from clusters.api import KubernetesApis, OfficialClient
from clusters.pool import CachingApis, in_parallel
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
    paused = [each.name for each in settings.members if each.paused]
    walks = walk_all(found, OfficialClient())
    if options.json:
        print(json.dumps({"members": [each.json() for each in walks], "paused": paused}, indent=2))
    else:
        print("\n".join([line for each in walks for line in each.lines()] + [f"{each}: paused" for each in paused]))
    return 1 if any(each.first for each in walks) else 0


def walk_all(found: Sequence[Tunnel], apis: KubernetesApis) -> Sequence[Walk]:
    """Walks tunnels in parallel, with a cache of what they share."""
    caching = CachingApis(apis)
    walks = {each.member: partial(walk, TunnelPath(tunnel=each, apis=caching)) for each in found}
    return list(in_parallel(walks).values())


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the same for machines")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(sys.argv[1:]))
