"""Waits until the members that Karmada alone gets at have what they are to have; then each karmada-agent reports the
tunnel. What those have that have left the stack is taken back.

For a member that is not Ready nobody waits: its Works do, in Karmada, and the first `up` after it is back goes on.
karmada-agent may start again at any time: one without the flag clears `proxyURL`, and with it the tunnel by which it
would get the flag. So both are set until both are there, and no pod is left that began without.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pydantic import BaseModel

from checks.commands.take_away import taken_away
from checks.commands.take_back import taken_back
from checks.delivered import APPLY_SECONDS, Expected, behind, is_ready, unhealthy
from checks.delivered_agent import DeliveredAgent, DeliveredMembers
from checks.deployments import args_owners, arguments, reports, value_of
from checks.outcomes import told
from checks.until import until
from clusters.api import Apis, Asking
from clusters.errors import Unavailable
from clusters.objects import Json
from components.anp import ENDPOINT_FLAG, PROXY_FLAG

REPORT_SECONDS = 120
"""How long it may take to come back with its flag."""

PAUSE = 0.5


class Wanted(BaseModel):
    """What a member is to have: the stack's `works`, whose pods may take `seconds`; an `api_endpoint` if one is said.

    `ready` is whether it was when preflight asked: it fails where it is not any more.
    """

    works: Sequence[Expected]
    seconds: int
    api_endpoint: str
    ready: bool


class DeliverInput(DeliveredMembers):
    """What each member is to have, by its name, and which are left as they are; the others have left the stack, or are
    reached by a kubeconfig since."""

    wanted: Mapping[str, Wanted]
    paused: Sequence[str]


def main() -> int:
    """0 once it is so, or where members are not Ready; 1 with the reason of each of which it is not so in time."""
    given, asking = DeliverInput.model_validate_json(sys.stdin.read()), Apis()
    steps: dict[str, Callable[[], str]] = {}
    for name, each in given.each().items():
        if name in given.wanted:
            steps[name] = partial(delivered, asking, each, given.wanted[name])
        elif name not in given.paused:
            steps[name] = partial(given_up, asking, each)
    return told(steps)


def given_up(asking: Asking, of: DeliveredAgent) -> str:
    """What became of a member that has left the stack. Raises Unavailable."""
    if not of.works(asking):
        return "it has left"
    return f"{taken_back(asking, of)}; {taken_away(asking, of)}"


def delivered(asking: Asking, of: DeliveredAgent, wanted: Wanted) -> str:
    """What it has. Raises Unavailable with the reason when it has not all in time, or where a member that was Ready is
    not: the next `up` would take it for delivered."""
    if not is_ready(of.cluster(asking)):
        if wanted.ready:
            raise Unavailable("it is not Ready any more: run the same command again")
        return "it is not Ready: what is meant for it waits in Karmada, and the next `up` goes on"
    until(lambda: _applied(asking, of, wanted), APPLY_SECONDS, PAUSE)
    until(lambda: _healthy(asking, of, wanted), wanted.seconds, PAUSE)
    for name in of.works(asking).keys() - {each.work for each in wanted.works}:
        of.delete(asking, name)
    until(lambda: _reporting(asking, of, wanted), REPORT_SECONDS, PAUSE)
    return f"{len(wanted.works)} Works applied and healthy, and karmada-agent reports {of.proxy_url}"


def _applied(asking: Asking, of: DeliveredAgent, wanted: Wanted) -> None:
    why = behind(of.works(asking), wanted.works)
    if why:
        later = "karmada-agent tries again at ever longer intervals, and at once when it is started again"
        raise Unavailable(f"what is meant for it is not applied there ({later}): {why}")


def _healthy(asking: Asking, of: DeliveredAgent, wanted: Wanted) -> None:
    """A Work that was applied before may not be as it is now."""
    works = of.works(asking)
    why = behind(works, wanted.works) or unhealthy(works, wanted.works)
    if why:
        raise Unavailable(f"its proxy-agents do not run: {why}")


def _reporting(asking: Asking, of: DeliveredAgent, wanted: Wanted) -> None:
    """Sets what is not set. Raises Unavailable while karmada-agent does not run with it."""
    reported, agent = of.reported(asking), of.agent
    if reported != of.proxy_url:
        _is_free(asking, of, reported)
    found = of.by_the_tunnel(asking)
    if found is None:
        where = f'in its namespace "{agent.namespace}"'
        raise Unavailable(f"there is no Deployment {agent.deployment} {where}: members.{of.member}.agent")
    owners = set(args_owners(found, agent.container))
    whole = reports(found, agent.container, of.proxy_url, wanted.api_endpoint)
    if not whole or of.former in owners - {of.manager}:
        # what the same stack's patch has set, goes with it
        force = owners <= {of.manager, of.former}
        args: list[Json] = [f"{PROXY_FLAG}{of.proxy_url}"]
        if wanted.api_endpoint:
            args = [f"{ENDPOINT_FLAG}{wanted.api_endpoint}", *args]
        pod: Json = {"containers": [{"name": agent.container, "args": args}]}
        found = of.apply_agent(asking, {"spec": {"template": {"spec": pod}}}, force=force)
    of.settled(asking, found)
    if of.reported(asking) != of.proxy_url:
        raise Unavailable("karmada-agent has started again, and cleared proxyURL of its Cluster")


def _is_free(asking: Asking, of: DeliveredAgent, reported: str) -> None:
    """Raises Unavailable where a tunnel stands that somebody else has made: it would be cut."""
    try:
        found = of.deployment(asking) if reported else None
    except Unavailable:
        return
    others = set(args_owners(found, of.agent.container)) - {of.manager, of.former}
    if others and value_of(PROXY_FLAG, arguments(found, of.agent.container)) == reported:
        raise Unavailable(f"it is reached by {reported} already, by args of {', '.join(sorted(others))}")


if __name__ == "__main__":
    sys.exit(main())
