"""Prints the members that may have Works, to stdout, which Pulumi keeps in the state: also those that have left the
stack, until Karmada has no Work for them, since the step that deletes these may fail or not run.

It runs before the stack's first Work: where there are some already, another state of a stack of this name has made
them, and a destroy of this one would delete them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial

from checks.delivered import Delivered
from checks.delivered_agent import AGENTS, DeliveredMembers
from checks.outcomes import listed
from clusters.api import KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.objects import is_terminating
from clusters.pool import in_parallel
from config.settings import Agent

PREVIOUS_OUTPUT = "PULUMI_COMMAND_STDOUT"
"""The environment variable in which Pulumi gives a Command the stdout of its last run."""


UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
"""The environment variable with which Pulumi's provider takes over what exists."""


def main() -> int:
    """0, or 1 if its first run finds Works, or cannot tell: of a Command that fails at its creation Pulumi keeps
    nothing."""
    given, apis = DeliveredMembers.model_validate_json(sys.stdin.read()), OfficialClient()
    first = not os.environ.get(PREVIOUS_OUTPUT) and os.environ.get(UPSERT) != "true"
    try:
        having = members_with_works(apis, given) if first else []
    except Unavailable as reason:
        print(f'whether Works of a stack "{given.stack}" exist is not known: {reason}', file=sys.stderr)
        return 1
    if having:
        why = f'Works of a stack "{given.stack}" already exist, and this state has none of them'
        do = "log in to the backend of that stack; if its state is lost, see docs/operations.md#when-the-state-is-lost"
        print(f"{listed(having)}: {why}: {do}", file=sys.stderr)
        return 1
    print(to_json(members_to_remember(apis, given, previous_members())))
    return 0


def members_with_works(apis: KubernetesApis, given: DeliveredMembers) -> list[str]:
    """The given members that have Works of a stack of this name, but for those that are being deleted. Raises
    Unavailable."""
    having = in_parallel({name: partial(_has_works, apis, each) for name, each in given.each().items()})
    return [name for name, has in having.items() if has]


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


def _has_works(apis: KubernetesApis, of: Delivered) -> bool:
    return not all(map(is_terminating, of.works(apis).values()))


def _may_have_works(apis: KubernetesApis, of: Delivered) -> bool:
    try:
        return bool(of.works(apis))
    except Unavailable:
        return True


if __name__ == "__main__":
    sys.exit(main())
