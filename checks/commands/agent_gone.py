"""Gives back what a stack has set of a member that it reaches by a kubeconfig: karmada-agent's args, and when
karmada-agent runs without them and has said so on its Cluster object, the credential there.

What the agent needs to say so, a registered member's grant, must stay until then. What is not there any more, as after
`karmadactl unregister`, needs nothing back. A member that does not answer is waited for by nobody where it is said to
be gone, in the config or to Pulumi itself by PULUMI_K8S_DELETE_UNREACHABLE, or where Karmada alone gets at it from now
on; else it stays in the state.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from pydantic import BaseModel

from checks.applied import apply, clear_proxy_url, give_up_credential
from checks.delivered import Delivered
from checks.deployments import args_owners, rolled_out
from checks.until import until
from clusters.api import CLUSTERS, DEPLOYMENTS, FORBIDDEN, NOT_FOUND, Apis, Asking
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, items, text
from components.anp import PROXY_FLAG

SECONDS = 120
ANSWER_SECONDS = 5
"""How long a member that does not answer is asked again."""


class AgentGoneInput(BaseModel):
    """The member, how it and Karmada are asked, karmada-agent's Deployment, the address that goes, and whether the
    member is said to be gone.

    `manager` is the stack's, and `stack` its name. An earlier version says neither: Pulumi itself gave back what it had
    set.
    """

    cluster: str
    proxy_url: str
    karmada: Context
    member: Context
    namespace: str
    deployment: str
    container: str = "karmada-agent"
    manager: str = ""
    stack: str = ""
    gone: bool = False


def main() -> int:
    """0 once it is so, 1 with the reason when it is not within SECONDS."""
    given, asking = AgentGoneInput.model_validate_json(sys.stdin.read()), Apis()
    try:
        if answers(asking, given):
            agent = until(lambda: back(asking, given), SECONDS)
        else:
            says(given, "it does not answer, and nobody waits for it")
            agent = None
        until(lambda: forgotten(asking, given, agent), ANSWER_SECONDS)
    except Unavailable as reason:
        says(given, f"karmada-agent did not come back without the tunnel: {reason}")
        print("Mend that and run the same command again: the rest is still to be taken away.", file=sys.stderr)
        return 1
    return 0


def says(given: AgentGoneInput, what: str) -> None:
    """On the stream that Pulumi shows: what is on the other one it keeps (agent_moved.py)."""
    print(f"{given.cluster}: {what}", file=sys.stderr)


def answers(asking: Asking, given: AgentGoneInput) -> bool:
    """Whether the member's API does, by an error too. Raises Unavailable where it does not and may only be away."""
    # what Karmada alone gets at has args that went through the tunnel, in the place of these
    let_go = given.gone or os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true" or has_works(asking, given)
    try:
        asked = partial(asking.get, given.member, DEPLOYMENTS, given.deployment, given.namespace)
        until(asked, 0 if let_go else ANSWER_SECONDS)
    except Unavailable as reason:
        if let_go:
            return False
        if not isinstance(reason, Unanswered):
            return True
        how = f"for one that is gone, `members.{given.cluster}.gone: true` and `up` let go of it"
        raise Unavailable(f"the member's API does not answer ({how}): {reason}") from None
    return True


def back(asking: Asking, given: AgentGoneInput) -> Json:
    """karmada-agent's Deployment without what the stack has set, None where there is none. Raises Unavailable with the
    reason while it is not over yet."""
    agent = args_given_up(asking, given)
    if agent is None:
        return None
    cluster = asking.get(given.karmada, CLUSTERS, given.cluster)
    if cluster is None:
        # it has nothing to say it to; unregistered, it may not even start
        return agent
    if not rolled_out(agent):
        raise Unavailable(f"deployment/{given.deployment} is not rolled out yet")
    if names(agent, "command", given.proxy_url):
        says(given, f"karmada-agent's own command names {given.proxy_url}: take it out")
        return agent
    if names(agent, "args", given.proxy_url):
        says(given, f"karmada-agent goes on reporting {given.proxy_url}, by args that are another's")
        return agent
    url = text(cluster, "spec", "proxyURL")
    if url == given.proxy_url:
        raise Unavailable(f"its Cluster still names {url}")
    return agent


def args_given_up(asking: Asking, given: AgentGoneInput) -> Json:
    """karmada-agent's Deployment after the stack has given up its args, or None. Raises Unavailable."""
    at, namespace, name = given.member, given.namespace, given.deployment
    agent = asking.get(at, DEPLOYMENTS, name, namespace)
    if given.manager in args_owners(agent, given.container):
        return apply(asking, at, DEPLOYMENTS, name, namespace, fields={}, manager=given.manager)
    return agent


def forgotten(asking: Asking, given: AgentGoneInput, agent: Json) -> None:
    """Takes from the Cluster object what Karmada needed for the tunnel: without karmada-agent nobody else would take
    `proxyURL`. Raises Unavailable."""
    if not given.manager or has_works(asking, given):
        # Karmada alone gets at it from now on, through the same tunnel with the same credential
        return
    give_up_credential(asking, given.karmada, given.cluster, given.manager)
    cluster = asking.get(given.karmada, CLUSTERS, given.cluster)
    if agent is None and text(cluster, "spec", "proxyURL") == given.proxy_url:
        clear_proxy_url(asking, given.karmada, given.cluster)


def has_works(asking: Asking, given: AgentGoneInput) -> bool:
    """Whether the same stack hands the member what it has. Raises Unavailable, but not where the user may not look,
    who then could hand it nothing."""
    try:
        return bool(Delivered(member=given.cluster, stack=given.stack, karmada=given.karmada).works(asking))
    except Unavailable as unavailable:
        if unavailable.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return False


def names(deployment: Json, where: str, url: str) -> bool:
    """Whether karmada-agent still has that proxy by its `command` or its `args`, which is not this step's to change."""
    containers = items(deployment, "spec", "template", "spec", "containers")
    return any(f"{PROXY_FLAG}{url}" in items(each, where) for each in containers)


if __name__ == "__main__":
    sys.exit(main())
