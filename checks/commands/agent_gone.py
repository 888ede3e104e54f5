"""Waits until karmada-agent runs without the tunnel's flags and has said so on its Cluster object.

Run when the flags' patch is gone. What the agent needs to say so, a registered member's grant, must stay until then.
Under PULUMI_K8S_DELETE_UNREACHABLE, by which Pulumi itself forgets what is in a cluster that is gone, nobody waits for
a member whose API does not answer.
"""

from __future__ import annotations

import os
import sys

from pydantic import BaseModel

from checks.deployments import rolled_out
from checks.until import until
from clusters.api import CLUSTERS, DEPLOYMENTS, Apis, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, items, text
from components.anp import PROXY_FLAG

SECONDS = 120


class AgentGoneInput(BaseModel):
    """The member, how it and Karmada are asked, karmada-agent's Deployment, and the address that goes."""

    cluster: str
    proxy_url: str
    karmada: Context
    member: Context
    namespace: str
    deployment: str


def main() -> int:
    """0 once it is so, 1 with the reason when it is not within SECONDS."""
    given, asking = AgentGoneInput.model_validate_json(sys.stdin.read()), Apis()
    if os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true" and not answers(asking, given):
        print(f"{given.cluster}: it is gone, and with it its karmada-agent; nobody waits for it")
        return 0
    try:
        until(lambda: gone(asking, given), SECONDS)
    except Unavailable as reason:
        print(f"{given.cluster}: karmada-agent did not come back without the tunnel: {reason}", file=sys.stderr)
        print("Mend the agent and run the same command again: the rest is still to be taken away.", file=sys.stderr)
        return 1
    return 0


def answers(asking: Asking, given: AgentGoneInput) -> bool:
    """Whether the member's API does."""
    try:
        asking.raw(given.member, "/readyz")
    except Unavailable:
        return False
    return True


def gone(asking: Asking, given: AgentGoneInput) -> None:
    """Raises Unavailable with the reason while it is not over yet."""
    agent = asking.get(given.member, DEPLOYMENTS, given.deployment, given.namespace)
    if agent is not None:
        if not rolled_out(agent):
            raise Unavailable(f"deployment/{given.deployment} is not rolled out yet")
        if names(agent, "command", given.proxy_url):
            print(f"{given.cluster}: karmada-agent's own command names {given.proxy_url}: take it out")
            return
        if names(agent, "args", given.proxy_url):
            # the stack's patch is gone, and with it what was its
            print(f"{given.cluster}: karmada-agent goes on reporting {given.proxy_url}, by args that are another's")
            return
    url = text(asking.get(given.karmada, CLUSTERS, given.cluster), "spec", "proxyURL")
    if url == given.proxy_url:
        raise Unavailable(f"its Cluster still names {url}")


def names(deployment: Json, where: str, url: str) -> bool:
    """Whether karmada-agent still has that proxy by its `command` or its `args`, which is not this step's to change."""
    containers = items(deployment, "spec", "template", "spec", "containers")
    return any(f"{PROXY_FLAG}{url}" in items(each, where) for each in containers)


if __name__ == "__main__":
    sys.exit(main())
