"""Waits until the Works of members that only Karmada reaches are applied and healthy there, then makes each
karmada-agent report the tunnel. From members that have left the stack it removes both.

A member that has not been Ready for a minute is not waited for: its Works wait in Karmada, and the first `up` after it
answers again completes it. karmada-agent may restart at any time; without the flag it then clears `proxyURL`, and so
cuts the tunnel by which it would get the flag. So both are set again until both are there, and no pod is left that
started without the flag.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pydantic import BaseModel

from checks.commands.take_away import delete_works
from checks.commands.take_back import withdraw_tunnel
from checks.delivered import APPLY_SECONDS, Expected, is_ready, missing, not_delivered, unhealthy
from checks.delivered_agent import DeliveredAgent, DeliveredMembers, restarting
from checks.deployments import args_owners, arguments, has_flags, value_of
from checks.findings import REFRESH
from checks.outcomes import run_steps
from checks.retry import retry
from clusters.api import KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.objects import Json
from components.anp import ENDPOINT_FLAG, PROXY_FLAG

REPORT_SECONDS = 120
"""How long karmada-agent may take to restart with its flag."""

PAUSE = 0.5


class DesiredDelivery(BaseModel):
    """The stack's `works` for a member, the `seconds` that their pods may take, and the `api_endpoint` if configured.

    `ready` is whether preflight found the member Ready: if it is not any more, the step fails.
    """

    works: Sequence[Expected]
    seconds: int
    api_endpoint: str
    ready: bool


class DeliverInput(DeliveredMembers):
    """What is `wanted` in each member, by its name, and the `paused` members, which are left as they are. All others
    have left the stack, or are reached by a kubeconfig now."""

    wanted: Mapping[str, DesiredDelivery]
    paused: Sequence[str]


def main() -> int:
    """0 once all Ready members have it, 1 with each reason otherwise."""
    given, apis = DeliverInput.model_validate_json(sys.stdin.read()), OfficialClient()
    steps: dict[str, Callable[[], str]] = {}
    for name, each in given.each().items():
        if name in given.wanted:
            steps[name] = partial(deliver_member, apis, each, given.wanted[name])
        elif name not in given.paused:
            steps[name] = partial(release_member, apis, each)
    return run_steps(steps)


def release_member(apis: KubernetesApis, of: DeliveredAgent) -> str:
    """Removes flag and Works of a member that has left the stack. Returns a line. Raises Unavailable."""
    if not of.works(apis):
        return "it has left"
    return f"{withdraw_tunnel(apis, of)}; {delete_works(apis, of)}"


def deliver_member(apis: KubernetesApis, of: DeliveredAgent, desired: DesiredDelivery) -> str:
    """Waits for a member's Works and flag, and returns a line. Raises Unavailable if they are not there in time, or if
    a member that was Ready is not: the next `up` would take it for delivered."""
    if not is_ready(of.settled_cluster(apis)):
        if desired.ready:
            raise Unavailable("it is not Ready any more: run the same command again")
        return "it is not Ready: what is meant for it waits in Karmada, and the next `up` goes on"
    retry(lambda: _require_applied(apis, of, desired), APPLY_SECONDS, PAUSE)
    retry(lambda: _require_healthy(apis, of, desired), desired.seconds, PAUSE)
    for name in of.works(apis).keys() - {each.work for each in desired.works}:
        of.delete(apis, name)
    # before its turn to restart: one that the tunnel does not reach would take that from others
    retry(lambda: _agent(apis, of), REPORT_SECONDS, PAUSE)
    with restarting:
        retry(lambda: _ensure_reporting(apis, of, desired), REPORT_SECONDS, PAUSE)
    return f"{len(desired.works)} Works applied and healthy, and karmada-agent reports {of.proxy_url}"


def _require_applied(apis: KubernetesApis, of: DeliveredAgent, desired: DesiredDelivery) -> None:
    works = of.works(apis)
    absent = missing(works, desired.works)
    if absent:
        raise Unavailable(f"Work {absent}, which the stack has made, is not there: {REFRESH}")
    why = not_delivered(works, desired.works)
    if why:
        later = "karmada-agent tries again at ever longer intervals, and at once when it is started again"
        raise Unavailable(f"what is meant for it is not applied there ({later}): {why}")


def _require_healthy(apis: KubernetesApis, of: DeliveredAgent, desired: DesiredDelivery) -> None:
    """Checks both again: a Work that was applied may have changed since."""
    works = of.works(apis)
    why = not_delivered(works, desired.works) or unhealthy(works, desired.works)
    if why:
        raise Unavailable(f"its proxy-agents do not run: {why}")


def _agent(apis: KubernetesApis, of: DeliveredAgent) -> Json:
    """karmada-agent's Deployment, through the tunnel, to which `proxyURL` is set. Raises Unavailable."""
    reported, agent = of.reported_url(apis), of.agent
    if reported != of.proxy_url:
        _require_no_other_tunnel(apis, of, reported)
    try:
        found = of.deployment_through_tunnel(apis)
    except Unavailable as reason:
        doctor = f'`make doctor STACK={of.stack} ARGS="--member {of.member}"` says where it fails'
        raise Unavailable(f"its karmada-agent is not found ({reason}): {doctor}") from None
    if found is None:
        where = f'in its namespace "{agent.namespace}"'
        raise Unavailable(f"there is no Deployment {agent.deployment} {where}: members.{of.member}.agent")
    return found


def _ensure_reporting(apis: KubernetesApis, of: DeliveredAgent, desired: DesiredDelivery) -> None:
    """Sets `proxyURL` and karmada-agent's flags. Raises Unavailable until karmada-agent runs with them."""
    found, agent = _agent(apis, of), of.agent
    owners = set(args_owners(found, agent.container))
    whole = has_flags(found, agent.container, of.proxy_url, desired.api_endpoint)
    if not whole or of.former in owners - {of.manager}:
        # what the same stack's DeploymentPatch has set goes with that
        force = owners <= {of.manager, of.former}
        args: list[Json] = [f"{PROXY_FLAG}{of.proxy_url}"]
        if desired.api_endpoint:
            args = [f"{ENDPOINT_FLAG}{desired.api_endpoint}", *args]
        pod: Json = {"containers": [{"name": agent.container, "args": args}]}
        found = of.apply_agent(apis, {"spec": {"template": {"spec": pod}}}, force=force)
    of.require_settled(apis, found)
    if of.reported_url(apis) != of.proxy_url:
        raise Unavailable("karmada-agent has started again, and cleared proxyURL of its Cluster")


def _require_no_other_tunnel(apis: KubernetesApis, of: DeliveredAgent, reported: str) -> None:
    """Raises Unavailable if the member has a working tunnel of somebody else, which would be cut."""
    try:
        found = of.deployment(apis) if reported else None
    except Unavailable:
        return
    others = set(args_owners(found, of.agent.container)) - {of.manager, of.former}
    if others and value_of(PROXY_FLAG, arguments(found, of.agent.container)) == reported:
        raise Unavailable(f"it is reached by {reported} already, by args of {', '.join(sorted(others))}")


if __name__ == "__main__":
    sys.exit(main())
