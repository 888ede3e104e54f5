"""Undoes what a stack set for a member that it reaches by a kubeconfig: first karmada-agent's args, then, once it runs
without them and has updated its Cluster object, the credential there.

The ClusterRole of a member that `karmadactl register` joined must stay until then: karmada-agent needs it to update its
Cluster. A missing Deployment or Cluster, as after `karmadactl unregister`, is no error. A member that does not answer
is one, which keeps this Command in Pulumi's state, unless the config says that it is gone,
PULUMI_K8S_DELETE_UNREACHABLE is set, or the stack now reaches it through Karmada alone.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from pydantic import BaseModel

from checks.applied import apply, clear_proxy_url, give_up_credential, owns
from checks.delivered import Delivered
from checks.deployments import rolled_out
from checks.retry import retry
from clusters.api import CLUSTERS, DEPLOYMENTS, FORBIDDEN, NOT_FOUND, KubernetesApis, OfficialClient
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, items, text
from components.anp import PROXY_FLAG

SECONDS = 120
ANSWER_SECONDS = 5
"""How long requests are retried where no rollout is awaited."""


class AgentGoneInput(BaseModel):
    """The Cluster's name, the proxy URL to remove, the APIs of Karmada and the member, karmada-agent's Deployment, and
    whether the config says that the member is gone.

    `manager` is the stack's field manager, `stack` its name. An earlier version set neither: its patches were undone by
    Pulumi itself.
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
    """0 once all is undone, 1 with the reason on stderr if it is not within SECONDS."""
    given, apis = AgentGoneInput.model_validate_json(sys.stdin.read()), OfficialClient()
    try:
        if is_reachable(apis, given):
            agent = retry(lambda: agent_without_tunnel(apis, given), SECONDS)
        else:
            print_line(given, "its API does not answer: karmada-agent's flags are left there")
            agent = None
        retry(lambda: release_cluster(apis, given, agent), ANSWER_SECONDS)
    except Unavailable as reason:
        print_line(given, f"the tunnel's settings could not be removed: {reason}")
        print("Mend that and run the same pulumi command again, which removes the rest.", file=sys.stderr)
        return 1
    return 0


def print_line(given: AgentGoneInput, what: str) -> None:
    """Prints to stderr, which Pulumi shows. stdout would go into the state, where agent_moved.py reads it."""
    print(f"{given.cluster}: {what}", file=sys.stderr)


def is_reachable(apis: KubernetesApis, given: AgentGoneInput) -> bool:
    """Whether the member's API answers, if only with an error. Raises Unavailable if not, and it must be waited for."""
    # a member with Works has `access: karmada` now, and the delivery sets its own args
    may_be_skipped = given.gone or os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true" or has_works(apis, given)
    try:
        attempt = partial(apis.get, given.member, DEPLOYMENTS, given.deployment, given.namespace)
        retry(attempt, 0 if may_be_skipped else ANSWER_SECONDS)
    except Unavailable as reason:
        if may_be_skipped:
            return False
        if not isinstance(reason, Unanswered):
            return True
        how = f"if the cluster no longer exists, set `members.{given.cluster}.gone: true` and run `up`"
        raise Unavailable(f"the member's API does not answer ({how}): {reason}") from None
    return True


def agent_without_tunnel(apis: KubernetesApis, given: AgentGoneInput) -> Json:
    """karmada-agent's Deployment without the stack's args, None if it does not exist. Raises Unavailable until it is
    rolled out and its Cluster no longer names the tunnel."""
    agent = give_up_args(apis, given)
    if agent is None:
        return None
    cluster = apis.get(given.karmada, CLUSTERS, given.cluster)
    if cluster is None:
        # there is nothing to update; an unregistered karmada-agent may not even start
        return agent
    if not rolled_out(agent):
        raise Unavailable(f"deployment/{given.deployment} is not rolled out yet")
    if has_proxy_flag(agent, "command", given.proxy_url):
        print_line(
            given, f"karmada-agent's `command` has {given.proxy_url} in it, which this stack does not set: remove it"
        )
        return agent
    if has_proxy_flag(agent, "args", given.proxy_url):
        print_line(given, f"karmada-agent still reports {given.proxy_url}: another field manager owns its args")
        return agent
    url = text(cluster, "spec", "proxyURL")
    if url == given.proxy_url:
        raise Unavailable(f"its Cluster still names {url}")
    return agent


def give_up_args(apis: KubernetesApis, given: AgentGoneInput) -> Json:
    """Gives up what the stack has set of karmada-agent: args, and the annotation that names the field manager, which it
    has still where somebody else removed the args. Returns its Deployment, or None. Raises Unavailable."""
    at, namespace, name = given.member, given.namespace, given.deployment
    agent = apis.get(at, DEPLOYMENTS, name, namespace)
    if owns(agent, given.manager):
        return apply(apis, at, DEPLOYMENTS, name, namespace, fields={}, manager=given.manager)
    return agent


def release_cluster(apis: KubernetesApis, given: AgentGoneInput, agent: Json) -> None:
    """Removes the credential from the Cluster object; `proxyURL` too if karmada-agent, which would clear it,
    is missing or was not reached. Raises Unavailable."""
    if not given.manager or has_works(apis, given):
        # Karmada alone reaches it from now on, through the same tunnel with the same credential
        return
    give_up_credential(apis, given.karmada, given.cluster, given.manager)
    cluster = apis.get(given.karmada, CLUSTERS, given.cluster)
    if agent is None and text(cluster, "spec", "proxyURL") == given.proxy_url:
        clear_proxy_url(apis, given.karmada, given.cluster)


def has_works(apis: KubernetesApis, given: AgentGoneInput) -> bool:
    """Whether the stack has Works for the member. Raises Unavailable. False too if the user may not list Works, or
    Karmada has no such API."""
    try:
        return bool(Delivered(member=given.cluster, stack=given.stack, karmada=given.karmada).works(apis))
    except Unavailable as unavailable:
        if unavailable.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return False


def has_proxy_flag(deployment: Json, where: str, url: str) -> bool:
    """Whether karmada-agent's `command` or `args` (`where`) has the flag for this proxy, set by somebody else."""
    containers = items(deployment, "spec", "template", "spec", "containers")
    return any(f"{PROXY_FLAG}{url}" in items(each, where) for each in containers)


if __name__ == "__main__":
    sys.exit(main())
