"""karmada-agent of members that Karmada alone gets at: asked and given its flag through the tunnel that it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, TypeAdapter

from checks.applied import apply
from checks.delivered import Delivered
from checks.deployments import rolled_out, selector
from clusters.api import CLUSTERS, DEPLOYMENTS, PODS, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, number, text
from components.anp import PROXY_PATH
from config.settings import Agent


class DeliveredAgent(Delivered):
    """A member, where its karmada-agent runs, and the tunnel that this is to report.

    Fields of the Cluster object and of karmada-agent's Deployment are applied as the field manager `manager`; `former`
    is the same stack's in members that it reaches by a kubeconfig. It is `reached` so where that is how the stack gets
    at it now: then its credential stays.
    """

    agent: Agent
    proxy_url: str
    manager: str
    former: str
    reached: bool = False

    def reported(self, asking: Asking) -> str:
        """By which proxy the Cluster object is reached. Raises Unavailable."""
        return text(self.cluster(asking), "spec", "proxyURL")

    def deployment(self, asking: Asking) -> Json:
        """karmada-agent's Deployment, or None, by whatever tunnel its Cluster names. Raises Unavailable."""
        return asking.get(self._member(), DEPLOYMENTS, self.agent.deployment, self.agent.namespace)

    def by_the_tunnel(self, asking: Asking) -> Json:
        """The same by the stack's tunnel, which the Cluster is made to name. Raises Unavailable."""
        if self.reported(asking) != self.proxy_url:
            self.apply_cluster(asking, {"spec": {"proxyURL": self.proxy_url}})
        return self.deployment(asking)

    def settled(self, asking: Asking, deployment: Json) -> None:
        """Raises Unavailable while its Deployment is not rolled out, or a pod is left that it does not count: one that
        is about to end may still say what its own flags were."""
        pods = asking.all(self._member(), PODS, self.agent.namespace, selector(deployment))
        if not rolled_out(deployment) or len(pods) != number(deployment, "spec", "replicas"):
            raise Unavailable(f"deployment/{self.agent.deployment} is not rolled out yet, or has pods that end")

    def apply_cluster(self, asking: Asking, fields: Mapping[str, Json]) -> None:
        """Has the stack own these fields of the Cluster object and no others, whoever set them. Raises Unavailable."""
        apply(asking, self.karmada, CLUSTERS, self.member, fields=fields, manager=self.manager, force=True)

    def apply_agent(self, asking: Asking, fields: Mapping[str, Json], *, force: bool = False) -> Json:
        """The same of karmada-agent's Deployment, through the tunnel: returns it as it is then."""
        name, namespace = self.agent.deployment, self.agent.namespace
        return apply(
            asking, self._member(), DEPLOYMENTS, name, namespace, fields=fields, manager=self.manager, force=force
        )

    def _member(self) -> Context:
        return replace(self.karmada, path=PROXY_PATH.format(self.member))


AGENTS = TypeAdapter(Mapping[str, Agent])
"""Where karmada-agent runs, by a member's name."""


class DeliveredMembers(BaseModel):
    """What each of the stack's steps is given: the stack, its tunnel, and where karmada-agent runs in each member.

    `reached` are those that the stack gets at by a kubeconfig since.
    """

    stack: str
    karmada: Context
    proxy_url: str
    manager: str
    former: str
    agents: Mapping[str, Agent]
    reached: Sequence[str] = ()

    def each(self) -> dict[str, DeliveredAgent]:
        """The members by their names."""
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
