"""Remembers the members that have been handed anything, on stdout, which Pulumi keeps: also those that have left the
stack, until nothing of theirs is left in Karmada. The step that takes it away may fail, or never come.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial

from checks.delivered import Delivered
from checks.delivered_agent import AGENTS, DeliveredMembers
from clusters.api import Apis, Asking
from clusters.errors import Unavailable
from clusters.pool import side_by_side
from config.settings import Agent

BEFORE = "PULUMI_COMMAND_STDOUT"
"""In which a Command is told what it said the last time."""


def main() -> int:
    """0, always: of a Command that fails when it is made nothing is kept."""
    given = DeliveredMembers.model_validate_json(sys.stdin.read())
    print(written(remembered(Apis(), given, before())))
    return 0


def before() -> Mapping[str, Agent]:
    """Those that were remembered."""
    return AGENTS.validate_json(os.environ.get(BEFORE) or "{}")


def written(agents: Mapping[str, Agent]) -> str:
    """As it is remembered: short, for an environment variable bears no more than 128 KiB."""
    return AGENTS.dump_json(agents, by_alias=True, exclude_defaults=True).decode()


def remembered(asking: Asking, given: DeliveredMembers, known: Mapping[str, Agent]) -> dict[str, Agent]:
    """The members, and of those that were known the ones that may still have something."""
    left = {name: agent for name, agent in known.items() if name not in given.agents}
    of = given.model_copy(update={"agents": left}).each()
    having = side_by_side({name: partial(_may_have, asking, each) for name, each in of.items()})
    return {**{name: agent for name, agent in left.items() if having[name]}, **given.agents}


def _may_have(asking: Asking, of: Delivered) -> bool:
    try:
        return bool(of.works(asking))
    except Unavailable:
        return True


if __name__ == "__main__":
    sys.exit(main())
