"""The section `proxy`: how proxy-server is reached, how many there are and where they run.

There are four variants, told apart by `frontend` and `exposure`, each with the keys that make sense there.
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
    Generation,
    LogLevel,
    Network,
    PlainPort,
    Port,
    Replicas,
    Text,
)
from config.pod_settings import PodSettings, Rollout

ADOPT = "Take the place of what the documented manual steps made, where it is there"


class Frontend(StrEnum):
    """How Karmada enters the tunnel, and with it how everything of it is deployed."""

    GUARDED = "guarded"
    """Through the guard, which looks at who asks and for what."""
    DOCUMENTED = "documented"
    """As Karmada's documentation has it: by the fork's own plain port, which is open to anyone."""


class Exposure(StrEnum):
    """How agents reach proxy-server."""

    HOST_NETWORK = "hostNetwork"
    NODE_PORT = "nodePort"
    LOAD_BALANCER = "loadBalancer"


class Guarded(PodSettings):
    """What every variant with the guard has."""

    frontend: Literal[Frontend.GUARDED] = Field(
        Frontend.GUARDED, description="The guard, or `documented`: the fork's own plain port, open to anyone"
    )
    port: PlainPort = Field(DOCUMENTED_PORT, description="The plain port for Karmada")
    adopt: bool = Field(False, description=ADOPT)
    credential: Generation = Field(
        1, description="Generation of the key behind Karmada's credentials for the guard: add 1 to change it"
    )
    stall_seconds: Annotated[int, Field(ge=1, le=10)] = Field(
        5, description="After how long a session that is not read is ended, in seconds: it would stop all others"
    )
    log_level: LogLevel = Field(0, description="How much proxy-server logs: klog's verbosity, 0 to 10")


class OnHostNetwork(Guarded):
    """One server, on the host's own network."""

    when: ClassVar[str] = "exposure hostNetwork"
    about: ClassVar[str] = "there is no Service, and a second proxy-server would find its ports taken"

    exposure: Literal[Exposure.HOST_NETWORK] = Field(
        Exposure.HOST_NETWORK,
        description="How agents reach :8091: on the host's own network, or by a Service: `nodePort`, `loadBalancer`",
    )
    replicas: Literal[1] = Field(1, description="Number of proxy-servers; 1 on the host network")
    allowed_sources: Sequence[Network] = Field(
        (), description="Networks (CIDR) that may use the plain port of the host network; without, all"
    )


class ByService(Guarded):
    """What both kinds of Service have."""

    replicas: Replicas = 1
    service_annotations: Annotations = Field(
        {}, description="Annotations of the Service that agents dial, for the cloud's load balancer"
    )
    external_traffic_policy: Literal["Cluster", "Local"] | None = Field(
        None, description="That Service's: `Cluster`, or `Local` to nodes with a proxy-server; without, the cluster's"
    )
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None = Field(
        None, description="IP families of that Service; without, the cluster's choice"
    )


class ByLoadBalancer(ByService):
    """Any number of servers, behind a cloud's load balancer."""

    when: ClassVar[str] = "exposure loadBalancer"
    about: ClassVar[str] = "agents dial the load balancer, and a NetworkPolicy lets Karmada's pods alone in"

    exposure: Literal[Exposure.LOAD_BALANCER]
    service_port: Port = Field(
        AGENT_PORT, description="Port of the load balancer that agents dial; 443 where a site lets nothing else out"
    )
    load_balancer_class: Text | None = Field(
        None, description="Which load balancer takes the Service; without, the cloud's own"
    )
    load_balancer_source_ranges: Sequence[Network] = Field(
        (), description="Networks (CIDR) that the load balancer lets in, where it can; without, all"
    )


class ByNodePort(ByService):
    """Any number of servers, behind a port of every node."""

    when: ClassVar[str] = "exposure nodePort"
    about: ClassVar[str] = "a NetworkPolicy lets Karmada's pods alone in"

    exposure: Literal[Exposure.NODE_PORT]
    node_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="The node port for agents; without, the cluster's choice"
    )


class AsDocumented(Rollout):
    """The fork's one server on the host's network, its port fixed in its code."""

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
    """The frontend counts, then the exposure; without, the guard on the host network."""
    if keys.get("frontend") == Frontend.DOCUMENTED:
        return AsDocumented
    by = (ByLoadBalancer, ByNodePort)
    return next((each for each in by if each.when == f"exposure {keys.get('exposure')}"), OnHostNetwork)
