"""Runs a step for several members, and prints the outcomes: a line for all members with the same one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from clusters.errors import Unavailable
from clusters.kubeconfig import CONNECTIONS
from clusters.pool import in_parallel

AT_ONCE = CONNECTIONS
"""The number of threads: nearly all of their time is spent waiting for karmada-agents."""

NAMED = 10
"""The most members that a line names."""


def run_steps(steps: Mapping[str, Callable[[], str]]) -> int:
    """Runs the steps, which are by members' names and return a line, and prints the lines.

    Returns 0, or 1 if a step raises Unavailable: its reason is printed too, and the other steps run nevertheless.
    """
    reached = in_parallel({name: partial(_outcome, step) for name, step in steps.items()}, AT_ONCE)
    failed = {name: why for name, (done, why) in reached.items() if not done}
    # Pulumi shows both streams of a Command that fails, stdout without its last line feed
    stream = sys.stderr if failed else sys.stdout
    for line in _lines({name: says for name, (done, says) in reached.items() if done}):
        print(line, file=stream)
    for line in _lines(failed):
        print(line, file=stream)
    return 1 if failed else 0


def _outcome(step: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, step()
    except Unavailable as reason:
        return False, str(reason)


def _lines(outcomes: Mapping[str, str]) -> Iterator[str]:
    for says in dict.fromkeys(outcomes.values()):
        names = [name for name, each in outcomes.items() if each == says]
        yield f"{listed(names)}: {says}"


def listed(names: Sequence[str]) -> str:
    """Members' names in a line, the first NAMED of them."""
    more = len(names) - NAMED
    return f"{', '.join(names[:NAMED])}{f' and {more} more' if more > 0 else ''}"
