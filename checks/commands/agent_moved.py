"""Gives up karmada-agent's args in its former Deployment, when the config names another one. It prints its input to
stdout, which Pulumi keeps and passes to the next run."""

from __future__ import annotations

import os
import sys

from checks.commands.agent_gone import AgentGoneInput, give_up_args
from checks.commands.remember import PREVIOUS_OUTPUT
from clusters.api import OfficialClient
from clusters.errors import Unavailable


def main() -> int:
    """0 once they are given up, or if the Deployment is the same; 1 with the reason on stderr otherwise."""
    stdin = sys.stdin.read()
    given, previous_output = AgentGoneInput.model_validate_json(stdin), os.environ.get(PREVIOUS_OUTPUT)
    # an earlier version printed nothing
    was = AgentGoneInput.model_validate_json(previous_output) if previous_output else given
    try:
        if (was.namespace, was.deployment, was.container) != (given.namespace, given.deployment, given.container):
            give_up_args(OfficialClient(), was)
    except Unavailable as reason:
        where = f"deployment/{was.deployment} in namespace {was.namespace}"
        print(f"{given.cluster}: {where} still has the tunnel's flags: {reason}", file=sys.stderr)
        return 1
    print(stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
