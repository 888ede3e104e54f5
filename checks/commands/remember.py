"""Prints the members that may have Works, to stdout, which Pulumi keeps in the state: also those that have left the
stack, until Karmada has no Work for them, since the step that deletes these may fail or not run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial

from checks.delivered import Delivered
from checks.delivered_agent import AGENTS, DeliveredMembers
from clusters.api import KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.pool import in_parallel
from config.settings import Agent

PREVIOUS_OUTPUT = "PULUMI_COMMAND_STDOUT"
"""The environment variable in which Pulumi gives a Command the stdout of its last run."""


def main() -> int:
    """Always 0: of a Command that fails at its creation Pulumi keeps nothing."""
    given = DeliveredMembers.model_validate_json(sys.stdin.read())
    print(to_json(members_to_remember(OfficialClient(), given, previous_members())))
    return 0


def previous_members() -> Mapping[str, Agent]:
    """The members that the last run printed, with where their karmada-agents run."""
    return AGENTS.validate_json(os.environ.get(PREVIOUS_OUTPUT) or "{}")


def to_json(agents: Mapping[str, Agent]) -> str:
    """The printed JSON, without defaults: an environment variable holds at most 128 KiB."""
    return AGENTS.dump_json(agents, by_alias=True, exclude_defaults=True).decode()


def members_to_remember(apis: KubernetesApis, given: DeliveredMembers, known: Mapping[str, Agent]) -> dict[str, Agent]:
    """The given members, and those of the `known` ones that may still have Works."""
    left = {name: agent for name, agent in known.items() if name not in given.agents}
    of = given.model_copy(update={"agents": left}).each()
    having = in_parallel({name: partial(_may_have_works, apis, each) for name, each in of.items()})
    return {**{name: agent for name, agent in left.items() if having[name]}, **given.agents}


def _may_have_works(apis: KubernetesApis, of: Delivered) -> bool:
    try:
        return bool(of.works(apis))
    except Unavailable:
        return True


if __name__ == "__main__":
    sys.exit(main())
