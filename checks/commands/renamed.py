"""Waits until members' agents are known by their member's name, before proxy-server is asked by it.

Run where an earlier version of the stack or the fork stack made the tunnel: its agents were known by the host of the
member's API endpoint. They claim both until every part speaks of the name. A member that does not
follow in time is said and not waited for: its requests fail until it does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial

from pydantic import BaseModel

from checks.deployments import identifiers, rolled_out
from checks.until import until
from clusters.api import DEPLOYMENTS, Apis, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.pool import side_by_side
from components import anp

SECONDS = 120


class Renaming(BaseModel):
    """A member, how its API is asked, and where its agents run."""

    member: str
    at: Context
    namespace: str


class RenamedInput(BaseModel):
    """The members, and for how many seconds they are waited for together."""

    agents: Sequence[Renaming]
    seconds: int


def main() -> int:
    """0 whatever it saw: `up` goes on."""
    given = RenamedInput.model_validate_json(sys.stdin.read())
    print("\n".join(lines(Apis(), given)))
    return 0


def lines(asking: Asking, given: RenamedInput) -> Sequence[str]:
    """A line a member: whether its agents have followed. Several are waited for at the same time."""
    end = time.monotonic() + given.seconds
    waits = {each.member: partial(waited, asking, each, end) for each in given.agents}
    return list(side_by_side(waits).values())


def waited(asking: Asking, of: Renaming, end: float) -> str:
    """Whether a member's agents have followed, by then (time.monotonic)."""
    name = anp.IDENTIFIER.format(of.member)
    try:
        until(lambda: followed(asking, of), max(0.0, end - time.monotonic()))
    except Unavailable as reason:
        return f"{of.member}: its agents are not known as {name} yet, and requests to it fail until then: {reason}"
    return f"{of.member}: its agents are known as {name} too"


def followed(asking: Asking, of: Renaming) -> None:
    """Raises Unavailable with the reason while a member's agents have not followed."""
    found = asking.get(of.at, DEPLOYMENTS, anp.AGENT, of.namespace)
    if found is None:
        raise Unavailable(f"there is no deployment/{anp.AGENT}")
    if anp.IDENTIFIER.format(of.member) not in identifiers(found):
        raise Unavailable(f"deployment/{anp.AGENT} is still the former one")
    if not rolled_out(found):
        raise Unavailable(f"deployment/{anp.AGENT} is not rolled out yet")


if __name__ == "__main__":
    sys.exit(main())
