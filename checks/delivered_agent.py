"""karmada-agent of members that only Karmada reaches: its Deployment is read and patched through the tunnel itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import BoundedSemaphore

from pydantic import BaseModel, TypeAdapter

from checks.applied import apply
from checks.delivered import Delivered
from checks.deployments import rolled_out, selector, unfinished
from clusters.api import CLUSTERS, DEPLOYMENTS, PODS, KubernetesApis
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, number, text
from components.anp import PROXY_PATH
from config.settings import Agent

RESTARTS_AT_ONCE = 10
"""The most karmada-agents that restart at the same time: each of them lists anew all that it watches in Karmada, and if
all do so at once their Clusters are not Ready for minutes."""

restarting = BoundedSemaphore(RESTARTS_AT_ONCE)


class DeliveredAgent(Delivered):
    """A member, its karmada-agent's Deployment, and the URL of the tunnel that this reports.

    `manager` is the field manager for the Cluster and karmada-agent's Deployment; `former` is the one that the same
    stack uses for members with a kubeconfig. If the stack reaches the member by a kubeconfig now
    (`reached`), its credential stays.
    """

    agent: Agent
    proxy_url: str
    manager: str
    former: str
    reached: bool = False

    def reported_url(self, apis: KubernetesApis) -> str:
        """The `proxyURL` of the Cluster object. Raises Unavailable."""
        return text(self.cluster(apis), "spec", "proxyURL")

    def deployment(self, apis: KubernetesApis) -> Json:
        """karmada-agent's Deployment, or None, through the `proxyURL` that its Cluster has. Raises Unavailable."""
        return apis.get(self._member_api(), DEPLOYMENTS, self.agent.deployment, self.agent.namespace)

    def deployment_through_tunnel(self, apis: KubernetesApis) -> Json:
        """karmada-agent's Deployment, or None, after `proxyURL` is set to the stack's tunnel. Raises Unavailable."""
        if self.reported_url(apis) != self.proxy_url:
            self.apply_cluster(apis, {"spec": {"proxyURL": self.proxy_url}})
        return self.deployment(apis)

    def require_settled(self, apis: KubernetesApis, deployment: Json) -> None:
        """Raises Unavailable until karmada-agent's Deployment is rolled out and has no terminating pod, which could
        still report the flags that it started with."""
        pods = apis.all(self._member_api(), PODS, self.agent.namespace, selector(deployment))
        if not rolled_out(deployment) or len(unfinished(pods)) != number(deployment, "spec", "replicas"):
            raise Unavailable(f"deployment/{self.agent.deployment} is not rolled out yet, or has pods that end")

    def apply_cluster(self, apis: KubernetesApis, fields: Mapping[str, Json]) -> None:
        """Server-side apply: owns exactly these fields of the Cluster, by force. Raises Unavailable."""
        apply(apis, self.karmada, CLUSTERS, self.member, fields=fields, manager=self.manager, force=True)

    def apply_agent(self, apis: KubernetesApis, fields: Mapping[str, Json], *, force: bool = False) -> Json:
        """Server-side apply of karmada-agent's Deployment, through the tunnel. Returns it. Raises Unavailable."""
        name, namespace = self.agent.deployment, self.agent.namespace
        return apply(
            apis, self._member_api(), DEPLOYMENTS, name, namespace, fields=fields, manager=self.manager, force=force
        )

    def _member_api(self) -> Context:
        return replace(self.karmada, path=PROXY_PATH.format(self.member))


AGENTS = TypeAdapter(Mapping[str, Agent])
"""JSON of karmada-agents' Deployments, by members' names."""


class DeliveredMembers(BaseModel):
    """The input of the Commands for such members: the stack, its tunnel, and karmada-agent's Deployment in each member.

    `reached` are the members that the stack reaches by a kubeconfig now.
    """

    stack: str
    karmada: Context
    proxy_url: str
    manager: str
    former: str
    agents: Mapping[str, Agent]
    reached: Sequence[str] = ()

    def each(self) -> dict[str, DeliveredAgent]:
        """A DeliveredAgent for each member, by its name."""
        return {
            name: DeliveredAgent(
                member=name,
                stack=self.stack,
                karmada=self.karmada,
                agent=agent,
                proxy_url=self.proxy_url,
                manager=self.manager,
                former=self.former,
                reached=name in self.reached,
            )
            for name, agent in self.agents.items()
        }
