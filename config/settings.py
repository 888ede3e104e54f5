"""A stack's settings: clusters, members, and all of them together (Settings).

`certificates`, `images`, `monitoring` and `proxy` have files of their own. Nothing here reads the config; its keys are
the fields' names in camel case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, model_validator

from clusters.kubeconfig import Context
from clusters.workstation import KindNode
from components.anp import AGENT, DELIVERED_AGENT, PROXY_PATH
from config.certificate_settings import Certificates
from config.fields import (
    Address,
    ContextName,
    Endpoint,
    HostPort,
    ImageReference,
    KindName,
    LogLevel,
    Model,
    Name,
    NameInMember,
    Port,
    ProxyUrl,
    Replicas,
    Text,
)
from config.image_settings import Images
from config.monitoring_settings import MonitoringSettings
from config.pod_settings import PodSettings
from config.problems import InvalidValue, config_key, config_rm, set_to
from config.proxy_settings import Proxy


class Access(StrEnum):
    """How the stack reaches a member."""

    KUBECONFIG = "kubeconfig"
    """Through the member's own API, which this machine can dial."""
    KARMADA = "karmada"
    """Only through the Karmada API: the member's karmada-agent fetches the member's objects, as Works."""


class Reached(Model):
    """Keys of the host cluster and of members alike: a cluster's kubeconfig, and the proxies' namespace in it."""

    kubeconfig: str = Field(
        "", description="Path of the kubeconfig; by default KUBECONFIG or ~/.kube/config, as kubectl has it"
    )
    namespace: Name = Field("karmada-system", description="Namespace in which the proxies run; it must exist")


class Cluster(Reached):
    """A cluster and its context in a kubeconfig."""

    context: ContextName
    kind: KindName = Field("", description="Name of the kind cluster, if it is one; built images are loaded into it")

    @property
    def api(self) -> Context:
        """The context of the cluster's API."""
        return Context(self.kubeconfig, self.context)


class Host(Cluster):
    """The cluster in which the Karmada control plane runs."""

    context: ContextName = Field(description="Context of the host cluster")
    karmada_context: ContextName = Field(
        "karmada-apiserver", description="Context of the Karmada API in the same kubeconfig"
    )
    karmada_namespace: Name = Field(
        "karmada-system",
        description="Namespace of Karmada's own pods; off the host network, only they may use the plain port",
    )
    address: Address = Field(
        "", description="Address or DNS name at which members dial the host; by default looked up, if possible"
    )

    @model_validator(mode="after")
    def _is_not_karmada(self) -> Host:
        if self.context == self.karmada_context:
            given = "karmada_context" in self.model_fields_set
            key, other = ("karmadaContext", "context") if given else ("context", "karmadaContext")
            why = f'"{self.context}" is host.{other} too: the host cluster and the Karmada API that runs in it are two'
            raise InvalidValue(why, set_to("CONTEXT"), at=key)
        return self

    @property
    def karmada(self) -> Context:
        """The context of the Karmada API."""
        return Context(self.kubeconfig, self.karmada_context)


class Agent(Model):
    """Where karmada-agent runs in a member."""

    namespace: NameInMember = Field(
        "karmada-system",
        description="Namespace of karmada-agent's Deployment; `{name}` in it stands for the member's name",
    )
    deployment: Name = Field("karmada-agent", description="Name of karmada-agent's Deployment")
    container: Name = Field("karmada-agent", description="Name of its container that gets the two flags")


class EgressProxy(Model):
    """The HTTP proxy through which a member's agents dial proxy-server, where there is no other way out."""

    url: ProxyUrl = Field(description="http://HOST:PORT of the HTTP proxy, which must allow CONNECT to proxy-server")
    no_proxy: Sequence[Text] = Field((), description="Hosts, domains and networks to dial without the HTTP proxy")

    @property
    def port(self) -> int:
        """The port of the HTTP proxy."""
        return urlsplit(self.url).port or 80


class MemberDefaults(PodSettings, Reached):
    """Defaults for every member. A key below `members.NAME` overrides the same key here."""

    access: Literal[Access.KUBECONFIG, Access.KARMADA] = Field(
        Access.KUBECONFIG,
        description="Reach the member by its `kubeconfig`, or only by `karmada`: no kubeconfig, no route to it needed",
    )
    namespace: NameInMember = Field(
        "karmada-system",
        description="Namespace in which proxy-agent runs; with `access: kubeconfig` it must exist; "
        "`{name}` in it stands for the member's name",
    )
    registered: bool | None = Field(
        None, description="Whether `karmadactl register` joined the member; by default the Karmada API is asked"
    )
    paused: bool = Field(False, description="Skip the member in `up` and its check; keep its resources as they are")
    replicas: Replicas | None = Field(
        None, description="Number of proxy-agents; by default that of proxy-servers (`proxy.replicas`)"
    )
    api_ports: Sequence[Port] = Field(
        (443, 6443), description="Ports of API servers that a NetworkPolicy lets proxy-agent's pods dial"
    )
    log_level: LogLevel = Field(0, description="Verbosity of proxy-agent's log (klog's), 0 to 10")
    egress_proxy: EgressProxy | None = Field(
        None, description="HTTP proxy through which proxy-agent dials proxy-server"
    )
    image: ImageReference | None = Field(None, description="Image of proxy-agent in the member; by default the stack's")
    guard_image: ImageReference | None = Field(
        None, description="Image of the guard in the member; by default `images.guard`"
    )
    agent: Agent = Field(
        default_factory=lambda: Agent.model_validate({}), description="Where karmada-agent runs in the member"
    )


class MemberSettings(Cluster, MemberDefaults):
    """A member cluster in pull mode. Its name is its key in `members`, and that of its Cluster object in Karmada."""

    context: ContextName = Field("", description="Context of the member's cluster; by default the member's name")
    api_endpoint: Endpoint = Field(
        "",
        description="URL that karmada-agent reports; its host must be in the API server's certificate; "
        "by default the kubeconfig's or the kind node's",
    )
    api_address: HostPort = Field(
        "",
        description="Address at which pods dial the API server, HOST or HOST:PORT, a DNS name in full; "
        "by default the one that Kubernetes tells every pod",
    )
    gone: bool = Field(
        False,
        description="Give up a member that will never answer again: `up` forgets the resources in its cluster; "
        "remove the member from the config after that",
    )
    _name: str = PrivateAttr("")

    @model_validator(mode="after")
    def _is_forgotten_by_its_api(self) -> MemberSettings:
        if self.gone and self.delivered:
            why = "Karmada alone gets at this member, and forgets what is in its cluster with its Cluster"
            raise InvalidValue(
                why, lambda key: f"take the member out: {config_rm(key.removesuffix('.gone'))}", at="gone"
            )
        return self

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401  pydantic's own signature
        self._name = str(context)

    @property
    def name(self) -> str:
        """Name of the Cluster object in Karmada."""
        return self._name

    @property
    def delivered(self) -> bool:
        """Whether the member has `access: karmada`. Its kubeconfig and context are then the Karmada API's."""
        return self.access is Access.KARMADA

    @property
    def agents_name(self) -> str:
        """Name of its proxy-agents' Deployment, and the `app` label of their pods."""
        return DELIVERED_AGENT if self.delivered else AGENT

    @property
    def api(self) -> Context:
        """The context of its API; with `access: karmada`, Karmada's own path to it, through the tunnel."""
        below = PROXY_PATH.format(self.name) if self.delivered else ""
        return Context(self.kubeconfig, self.context, below)

    @property
    def host(self) -> str:
        """The host of its API endpoint; with `frontend: documented`, the identifier of its proxy-agents."""
        return urlsplit(self.api_endpoint).hostname or ""

    @property
    def endpoint_port(self) -> int:
        """The port of its API endpoint."""
        return urlsplit(self.api_endpoint).port or 443

    @property
    def address_ports(self) -> Sequence[int]:
        """The port of apiAddress, or none where that is not set."""
        return [int(self.api_address.rpartition(":")[2])] if self.api_address else []


class Discover(Model):
    """Members found by the labels of their Cluster objects, beside those that `members` names."""

    selector: str = Field(
        "",
        description="Label selector, as kubectl takes it: every matching Cluster in pull mode, also one that joins "
        "later, is a member with `access: karmada`, unless `members.NAME` says otherwise",
    )
    leaving: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Number of members that may leave in one `up`; one, or a tenth of all if more, always may",
    )


class Away(Model):
    """Members that do not answer or are not Ready in Karmada. `up` goes on without them."""

    most: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Number of members that may be away in one `up`; by default one, or a tenth of all if more"
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A stack's whole config, with addresses and endpoints looked up and defaults filled in."""

    host: Host
    members: Sequence[MemberSettings]
    """All members except those with `gone: true`."""
    gone: Sequence[MemberSettings] = ()
    discover: Discover
    away: Away
    images: Images
    proxy: Proxy
    certificates: Certificates
    monitoring: MonitoringSettings
    kind_nodes: Mapping[str, KindNode] = field(default_factory=dict[str, KindNode])
    monitored: Sequence[Cluster] = ()
    """The clusters that get the prometheus-operator's objects; none where monitoring is off."""

    @property
    def active(self) -> Sequence[MemberSettings]:
        """The members that are not paused."""
        return [member for member in self.members if not member.paused]

    @property
    def delivered(self) -> Sequence[MemberSettings]:
        """The members with `access: karmada`."""
        return [member for member in self.members if member.delivered]

    @property
    def checked(self) -> Mapping[str, Sequence[MemberSettings]]:
        """The members that are not paused, by the name of their check: one for each that has a kubeconfig, and one for
        all others, of which there may be a hundred."""
        delivered = [each for each in self.active if each.delivered]
        return {
            **{f"{each.name}-check": [each] for each in self.active if not each.delivered},
            **({"check-delivered": delivered} if delivered else {}),
        }

    def key(self, member: MemberSettings) -> str:
        """The config key of a member: `members.member3`."""
        return config_key("members", member.name)

    def removal(self, member: MemberSettings) -> str:
        """What takes a member out of the stack, as a remedy."""
        command, selector = config_rm(self.key(member)), self.discover.selector
        both = f'{command}, if the config has it, and, if "{selector}" finds it, take that label off its Cluster'
        return both if selector else command

    def joined(self, registered: Collection[str]) -> Settings:
        """A copy in which `registered` of each member is set: whether its name is among `registered`."""
        members = [each.model_copy(update={"registered": each.name in registered}) for each in self.members]
        same = dict(zip((each.name for each in self.members), members, strict=True))
        monitored = [same[each.name] if isinstance(each, MemberSettings) else each for each in self.monitored]
        return replace(self, members=members, monitored=monitored)

    def agents(self, member: MemberSettings) -> int:
        """The number of a member's proxy-agents."""
        return member.replicas or self.proxy.replicas

    def node(self, cluster: Cluster) -> KindNode | None:
        """The kind node of a cluster, or None where it is no kind cluster."""
        return self.kind_nodes.get(cluster.kind)
