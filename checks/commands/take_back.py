"""Undoes what was set for members that only Karmada reaches: karmada-agent's flag, then `proxyURL` and the credential.

The flag is removed through the tunnel, which must stay until no pod of karmada-agent is left that started with the
flag: it would report the tunnel once more. In a member that is not Ready the flag stays, since nothing reaches it; with
PULUMI_K8S_DELETE_UNREACHABLE it also stays if the tunnel does not answer.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from checks.applied import clear_proxy_url, give_up_credential
from checks.delivered import is_ready
from checks.delivered_agent import DeliveredAgent, DeliveredMembers, restarting
from checks.deployments import args_owners, arguments, value_of
from checks.outcomes import run_steps
from checks.retry import retry
from clusters.api import KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.objects import Json, text
from components.anp import PROXY_FLAG

DELETE_UNREACHABLE = "PULUMI_K8S_DELETE_UNREACHABLE"
"""The environment variable with which Pulumi itself drops the resources of a cluster that does not answer."""

TUNNEL_SECONDS, BACK_SECONDS = 30, 120
PAUSE = 0.5


def main() -> int:
    """0 once it is undone in all Ready members, 1 with each reason if it is not in time."""
    given, apis = DeliveredMembers.model_validate_json(sys.stdin.read()), OfficialClient()
    return run_steps({name: partial(withdraw_tunnel, apis, each) for name, each in given.each().items()})


def withdraw_tunnel(apis: KubernetesApis, of: DeliveredAgent) -> str:
    """Removes flag, `proxyURL` and credential. Returns a line. Raises Unavailable if they are not gone in time."""
    cluster = of.settled_cluster(apis)
    if cluster is None:
        return "Karmada has no such Cluster any more"
    said, agent = _withdraw_flag(apis, of, cluster)
    if not of.reached and of.former not in args_owners(agent, of.agent.container):
        give_up_credential(apis, of.karmada, of.member, of.former)
    return said


def _withdraw_flag(apis: KubernetesApis, of: DeliveredAgent, cluster: Json) -> tuple[str, Json]:
    """Removes flag and `proxyURL`. Returns a line, and karmada-agent's Deployment, None if it was not read."""
    if not is_ready(cluster):
        return "it is not Ready: karmada-agent's flag stays, if it is set", None
    reported = text(cluster, "spec", "proxyURL")
    if reported != of.proxy_url and not of.works(apis):
        return "nothing is there of the stack", None
    try:
        # karmada-agent may still have its flag although somebody has cleared proxyURL
        found = retry(lambda: of.deployment_through_tunnel(apis), TUNNEL_SECONDS, PAUSE)
    except Unavailable as reason:
        if reported and os.environ.get(DELETE_UNREACHABLE) != "true":
            leaves = f"{DELETE_UNREACHABLE}=true leaves it there"
            why = f"karmada-agent's flag is taken back through the tunnel, which fails ({leaves})"
            raise Unavailable(f"{why}: {reason}") from None
        of.apply_cluster(apis, {})
        return f"nothing leads there, so that karmada-agent's flag stays, if it is set: {reason}", None
    container = of.agent.container
    with restarting:
        if of.manager in args_owners(found, container):
            found = of.apply_agent(apis, {})
        if value_of(PROXY_FLAG, arguments(found, container)) == of.proxy_url:
            # proxyURL stays with the flag, of another manager now: karmada-agent would not set it again
            return "karmada-agent's flag is somebody else's, and stays", found
        retry(lambda: _require_flag_gone(apis, of), BACK_SECONDS, PAUSE)
    # karmada-agent may have set proxyURL itself: without its grant it could not clear it, and would crash
    clear_proxy_url(apis, of.karmada, of.member)
    of.apply_cluster(apis, {})
    return "karmada-agent reports no tunnel any more", found


def _require_flag_gone(apis: KubernetesApis, of: DeliveredAgent) -> None:
    """Raises Unavailable until no pod of karmada-agent runs with the flag."""
    found = of.deployment_through_tunnel(apis)
    if found is not None:
        of.require_settled(apis, found)


if __name__ == "__main__":
    sys.exit(main())
