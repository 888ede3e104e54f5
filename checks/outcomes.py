"""What a step over several members ends with: what became of each, said once for all of whom it is the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from clusters.errors import Unavailable
from clusters.pool import side_by_side

AT_ONCE = 32
"""Members at a time: nearly all of a member's time is spent waiting for its karmada-agent."""

NAMED = 10
"""How many members a line names."""


def told(steps: Mapping[str, Callable[[], str]]) -> int:
    """Takes each member's step, by the member's name, and prints what became of it.

    0, or 1 where one raises Unavailable: the others are done nevertheless, and why is printed.
    """
    reached = side_by_side({name: partial(_outcome, step) for name, step in steps.items()}, AT_ONCE)
    failed = {name: why for name, (done, why) in reached.items() if not done}
    # of a Command that fails Pulumi shows both streams, the one without its last line feed
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
    """Members' names in a line, which tells of no more than NAMED."""
    more = len(names) - NAMED
    return f"{', '.join(names[:NAMED])}{f' and {more} more' if more > 0 else ''}"
