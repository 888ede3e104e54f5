"""Waits until members' proxy-agents have identifiers of their member's name, before Karmada uses these.

It runs when the tunnel was made by an earlier version or the fork stack, whose identifiers were the hosts of members'
API endpoints. Agents have both until every part uses the names. A member whose agents are not rolled out in time is
printed and not waited for: requests to it fail until they are.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial

from pydantic import BaseModel

from checks.deployments import identifiers, rolled_out
from checks.retry import retry
from clusters.api import DEPLOYMENTS, KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.pool import in_parallel
from components import anp

SECONDS = 120


class Renaming(BaseModel):
    """A member, its API, and the namespace of its proxy-agents."""

    member: str
    at: Context
    namespace: str


class RenamedInput(BaseModel):
    """The members, and the timeout in seconds for all of them together."""

    agents: Sequence[Renaming]
    seconds: int


def main() -> int:
    """Always 0: `up` goes on."""
    given = RenamedInput.model_validate_json(sys.stdin.read())
    print("\n".join(wait_for_all(OfficialClient(), given)))
    return 0


def wait_for_all(apis: KubernetesApis, given: RenamedInput) -> Sequence[str]:
    """Waits for the members in parallel. Returns a line for each."""
    end = time.monotonic() + given.seconds
    waiting = {each.member: partial(wait_for_agents, apis, each, end) for each in given.agents}
    return list(in_parallel(waiting).values())


def wait_for_agents(apis: KubernetesApis, of: Renaming, end: float) -> str:
    """Waits for a member's agents until `end` (time.monotonic). Returns a line."""
    name = anp.IDENTIFIER.format(of.member)
    try:
        retry(lambda: require_renamed(apis, of), max(0.0, end - time.monotonic()))
    except Unavailable as reason:
        return f"{of.member}: its agents are not known as {name} yet, and requests to it fail until then: {reason}"
    return f"{of.member}: its agents are known as {name} too"


def require_renamed(apis: KubernetesApis, of: Renaming) -> None:
    """Raises Unavailable until a member's agents are rolled out with the identifier of its name."""
    found = apis.get(of.at, DEPLOYMENTS, anp.AGENT, of.namespace)
    if found is None:
        raise Unavailable(f"there is no deployment/{anp.AGENT}")
    if anp.IDENTIFIER.format(of.member) not in identifiers(found):
        raise Unavailable(f"deployment/{anp.AGENT} is still the former one")
    if not rolled_out(found):
        raise Unavailable(f"deployment/{anp.AGENT} is not rolled out yet")


if __name__ == "__main__":
    sys.exit(main())
