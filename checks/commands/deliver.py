"""Waits until a member that Karmada alone gets at has what it is to have; then its karmada-agent reports the tunnel.

For a member that is not Ready nobody waits: its Works do, in Karmada, and the first `up` after it is back goes on.
karmada-agent may start again at any time: one without the flag clears `proxyURL`, and with it the tunnel by which it
would get the flag. So both are set until both are there, and no pod is left that began without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from pydantic import BaseModel

from checks.delivered import Delivered, Expected, behind, is_ready, unhealthy
from checks.deployments import args_owners, arguments, reports, rolled_out, selector, value_of
from checks.until import until
from clusters.api import APPLY_PATCH, CLUSTERS, DEPLOYMENTS, PODS, Apis, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, number, text
from components.anp import ENDPOINT_FLAG, PROXY_FLAG
from config.settings import Agent

APPLY_SECONDS = 90
"""How long karmada-agent may take to apply what is there: one that has just started waits for its leader lease."""

REPORT_SECONDS = 120
"""How long it may take to come back with its flag."""

PAUSE = 0.5


class DeliverInput(BaseModel):
    """A member, how it is asked through Karmada, and karmada-agent there.

    `works` are the stack's, and their pods may take `seconds`. karmada-agent is to report `proxy_url`, and
    `api_endpoint` if one is said; both are set by `manager`, and taken over from `former`, the same stack's by a
    kubeconfig.
    """

    of: Delivered
    inside: Context
    agent: Agent
    proxy_url: str
    api_endpoint: str
    manager: str
    former: str
    works: Sequence[Expected]
    seconds: int

    def karmada_agent(self, asking: Asking) -> Json:
        """karmada-agent's Deployment, or None, through the tunnel. Raises Unavailable."""
        return asking.get(self.inside, DEPLOYMENTS, self.agent.deployment, self.agent.namespace)

    def reported(self, asking: Asking) -> str:
        """By which proxy the Cluster object is reached. Raises Unavailable."""
        return text(self.of.cluster(asking), "spec", "proxyURL")


def main() -> int:
    """0 once it is so, or where the member is not Ready; 1 with the reason when it is not so in time."""
    given, asking = DeliverInput.model_validate_json(sys.stdin.read()), Apis()
    try:
        for line in delivered(asking, given, expected=os.environ.get("READY") == "true"):
            print(f"{given.of.member}: {line}")
    except Unavailable as reason:
        print(f"{given.of.member}: {reason}", file=sys.stderr)
        return 1
    return 0


def delivered(asking: Asking, given: DeliverInput, *, expected: bool = True) -> Iterator[str]:
    """A line for each of the two. Raises Unavailable with the reason when one of them is not so in time, or where a
    member was `expected` to be Ready, and is not: the next `up` would take it for delivered."""
    if not is_ready(given.of.cluster(asking)):
        if expected:
            raise Unavailable("it is not Ready any more: run the same command again")
        yield "it is not Ready: what is meant for it waits in Karmada, and the next `up` goes on"
        return
    until(lambda: _applied(asking, given), APPLY_SECONDS, PAUSE)
    until(lambda: _healthy(asking, given), given.seconds, PAUSE)
    for name in given.of.works(asking).keys() - {each.work for each in given.works}:
        given.of.delete(asking, name)
    yield f"{len(given.works)} Works applied and healthy"
    until(lambda: _reporting(asking, given), REPORT_SECONDS, PAUSE)
    yield f"karmada-agent reports {given.proxy_url}"


def _applied(asking: Asking, given: DeliverInput) -> None:
    why = behind(given.of.works(asking), given.works)
    if why:
        later = "karmada-agent tries again at ever longer intervals, and at once when it is started again"
        raise Unavailable(f"what is meant for it is not applied there ({later}): {why}")


def _healthy(asking: Asking, given: DeliverInput) -> None:
    """A Work that was applied before may not be as it is now."""
    works = given.of.works(asking)
    why = behind(works, given.works) or unhealthy(works, given.works)
    if why:
        raise Unavailable(f"its proxy-agents do not run: {why}")


def _reporting(asking: Asking, given: DeliverInput) -> None:
    """Sets what is not set. Raises Unavailable while karmada-agent does not run with it."""
    reported = given.reported(asking)
    if reported != given.proxy_url:
        _is_free(asking, given, reported)
    found = looked_at(asking, given)
    if found is None:
        where = f'in its namespace "{given.agent.namespace}"'
        raise Unavailable(f"there is no Deployment {given.agent.deployment} {where}: members.{given.of.member}.agent")
    container, owners = given.agent.container, set(args_owners(found, given.agent.container))
    if not reports(found, container, given.proxy_url, given.api_endpoint) or given.former in owners - {given.manager}:
        # what the same stack's patch has set, goes with it
        force = owners <= {given.manager, given.former}
        args: list[Json] = [f"{PROXY_FLAG}{given.proxy_url}"]
        if given.api_endpoint:
            args = [f"{ENDPOINT_FLAG}{given.api_endpoint}", *args]
        pod: Json = {"containers": [{"name": container, "args": args}]}
        found = apply_agent(asking, given, {"spec": {"template": {"spec": pod}}}, force=force)
    settled(asking, given, found)
    if given.reported(asking) != given.proxy_url:
        raise Unavailable("karmada-agent has started again, and cleared proxyURL of its Cluster")


def looked_at(asking: Asking, given: DeliverInput) -> Json:
    """karmada-agent's Deployment, or None, by the tunnel, which the Cluster is made to name. Raises Unavailable."""
    if given.reported(asking) != given.proxy_url:
        apply_cluster(asking, given, {"spec": {"proxyURL": given.proxy_url}})
    return given.karmada_agent(asking)


def settled(asking: Asking, given: DeliverInput, agent: Json) -> None:
    """Raises Unavailable while karmada-agent's Deployment is not rolled out, or a pod is left that it does not count:
    one that is about to end may still say what its own flags were."""
    pods = asking.all(given.inside, PODS, given.agent.namespace, selector(agent))
    if not rolled_out(agent) or len(pods) != number(agent, "spec", "replicas"):
        raise Unavailable(f"deployment/{given.agent.deployment} is not rolled out yet, or has pods that end")


def _is_free(asking: Asking, given: DeliverInput, reported: str) -> None:
    """Raises Unavailable where a tunnel stands that somebody else has made: it would be cut."""
    try:
        found = given.karmada_agent(asking) if reported else None
    except Unavailable:
        return
    others = set(args_owners(found, given.agent.container)) - {given.manager, given.former}
    if others and value_of(PROXY_FLAG, arguments(found, given.agent.container)) == reported:
        raise Unavailable(f"it is reached by {reported} already, by args of {', '.join(sorted(others))}")


def apply_cluster(asking: Asking, given: DeliverInput, fields: dict[str, Json]) -> Json:
    """Has the stack own these fields of the Cluster object and no others, whoever set them. Raises Unavailable."""
    whole: Json = {"apiVersion": "cluster.karmada.io/v1alpha1", "kind": "Cluster", **fields, **_named(given.of.member)}
    return asking.patch(
        given.of.karmada, CLUSTERS.path("", given.of.member) + _by(given, force=True), whole, APPLY_PATCH
    )


def apply_agent(asking: Asking, given: DeliverInput, fields: dict[str, Json], *, force: bool = False) -> Json:
    """The same of karmada-agent's Deployment, through the tunnel."""
    whole: Json = {"apiVersion": "apps/v1", "kind": "Deployment", **fields, **_named(given.agent.deployment)}
    path = DEPLOYMENTS.path(given.agent.namespace, given.agent.deployment)
    return asking.patch(given.inside, path + _by(given, force=force), whole, APPLY_PATCH)


def _named(name: str) -> dict[str, Json]:
    return {"metadata": {"name": name}}


def _by(given: DeliverInput, *, force: bool) -> str:
    return "?" + urlencode({"fieldManager": given.manager, "force": str(force).lower()})


if __name__ == "__main__":
    sys.exit(main())
