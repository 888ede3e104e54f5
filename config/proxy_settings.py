"""The section `proxy`: how Karmada and agents reach proxy-server, how many there are, and where their pods run.

It has four variants, chosen by `frontend` and `exposure`, each with the keys that make sense there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from components.anp import AGENT_PORT
from config.fields import (
    DOCUMENTED_PORT,
    Annotations,
    ClassName,
    Generation,
    LogLevel,
    Network,
    NetworkWithLength,
    PlainPort,
    Port,
    Replicas,
)
from config.pod_settings import PodSettings, Rollout

ADOPT = "Take over what the documented manual steps made, where it exists"


class Frontend(StrEnum):
    """How Karmada enters the tunnel, and so how all of it is deployed."""

    GUARDED = "guarded"
    """Through the host guard, which authenticates requests and restricts their target."""
    DOCUMENTED = "documented"
    """As in Karmada's documentation: through the fork's own plain port, which is open to anyone."""


class Exposure(StrEnum):
    """How agents reach proxy-server."""

    HOST_NETWORK = "hostNetwork"
    NODE_PORT = "nodePort"
    LOAD_BALANCER = "loadBalancer"


class Guarded(PodSettings):
    """Keys of every variant with the guard."""

    frontend: Literal[Frontend.GUARDED] = Field(
        Frontend.GUARDED,
        description="Let Karmada in by the guard, or with `documented` by the fork's own plain port, open to anyone",
    )
    port: PlainPort = Field(DOCUMENTED_PORT, description="Plain port that Karmada dials")
    adopt: bool = Field(False, description=ADOPT)
    credential: Generation = Field(
        1, description="Generation of the key behind Karmada's credentials for the guard; add 1 to change the key"
    )
    stall_seconds: Annotated[int, Field(ge=1, le=10)] = Field(
        5, description="Seconds after which a session that is not read is ended, since it would stop all others"
    )
    log_level: LogLevel = Field(0, description="Verbosity of proxy-server's log (klog's), 0 to 10")


class OnHostNetwork(Guarded):
    """One proxy-server, on the network of its node."""

    when: ClassVar[str] = "exposure hostNetwork"
    about: ClassVar[str] = "there is no Service, and a second proxy-server would find its ports taken"

    exposure: Literal[Exposure.HOST_NETWORK] = Field(
        Exposure.HOST_NETWORK,
        description="Let agents reach port 8091 on the host network, or by a Service: `nodePort`, `loadBalancer`",
    )
    replicas: Literal[1] = Field(1, description="Number of proxy-servers; 1 on the host network")
    allowed_sources: Sequence[Network] = Field(
        (), description="Accept only these networks (CIDR) at the plain port on the host network; by default all"
    )


class ByService(Guarded):
    """Keys of both kinds of Service."""

    replicas: Replicas = 1
    service_annotations: Annotations = Field(
        {}, description="Annotations of the Service that agents dial, for the cloud's load balancer"
    )
    external_traffic_policy: Literal["Cluster", "Local"] | None = Field(
        None,
        description="externalTrafficPolicy of the Service that agents dial: `Cluster`, or `Local`, only to nodes with "
        "a proxy-server; by default the cluster's",
    )
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None = Field(
        None, description="ipFamilyPolicy of the Service that agents dial; by default the cluster's"
    )


class ByLoadBalancer(ByService):
    """Any number of proxy-servers, behind a cloud's load balancer."""

    when: ClassVar[str] = "exposure loadBalancer"
    about: ClassVar[str] = "agents dial the load balancer, and a NetworkPolicy lets Karmada's pods alone in"

    exposure: Literal[Exposure.LOAD_BALANCER]
    service_port: Port = Field(
        AGENT_PORT, description="Port of the load balancer that agents dial; use 443 where a site blocks all others"
    )
    load_balancer_class: ClassName | None = Field(
        None, description="loadBalancerClass of the Service that agents dial; by default the cloud's own load balancer"
    )
    load_balancer_source_ranges: Sequence[NetworkWithLength] = Field(
        (), description="Let only these networks (CIDR) use the load balancer, if it supports that; by default all"
    )


class ByNodePort(ByService):
    """Any number of proxy-servers, behind a port of every node."""

    when: ClassVar[str] = "exposure nodePort"
    about: ClassVar[str] = "a NetworkPolicy lets Karmada's pods alone in"

    exposure: Literal[Exposure.NODE_PORT]
    node_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Node port that agents dial; by default the cluster chooses one"
    )


class AsDocumented(Rollout):
    """The fork's single proxy-server on the network of its node; its port is fixed in its code."""

    when: ClassVar[str] = "frontend documented"
    about: ClassVar[str] = "it is deployed as Karmada's documentation has it, which only the guard goes beyond"

    frontend: Literal[Frontend.DOCUMENTED]
    exposure: Literal[Exposure.HOST_NETWORK] = Exposure.HOST_NETWORK
    port: Literal[8088] = DOCUMENTED_PORT
    replicas: Literal[1] = 1
    adopt: bool = Field(False, description=ADOPT)


GuardedProxy = OnHostNetwork | ByLoadBalancer | ByNodePort
Proxy = GuardedProxy | AsDocumented


def variant_of_proxy(keys: Mapping[str, object]) -> type[Proxy]:
    """The variant that the section's keys ask for, by `frontend`, then `exposure`; by default OnHostNetwork."""
    if keys.get("frontend") == Frontend.DOCUMENTED:
        return AsDocumented
    by = (ByLoadBalancer, ByNodePort)
    return next((each for each in by if each.when == f"exposure {keys.get('exposure')}"), OnHostNetwork)
