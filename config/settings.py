"""A stack's settings: clusters, certificates, monitoring, and the whole. Images and the proxy have files of their own.

Nothing here reads anything. The config's keys are the fields' names in camel case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from clusters.kubeconfig import Context
from clusters.workstation import KindNode
from components.anp import AGENT, DELIVERED_AGENT, PROXY_PATH
from config.fields import (
    Address,
    ContextName,
    Endpoint,
    Generation,
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
from config.pod_settings import PodSettings
from config.problems import Wrong, config_key, config_rm, set_to
from config.proxy_settings import Proxy

LONGEST_LIFE = 9_528  # hours, 397 days


class Access(StrEnum):
    """How the stack gets at a member."""

    KUBECONFIG = "kubeconfig"
    """By the member's own API, which this machine can reach."""
    KARMADA = "karmada"
    """By the Karmada API alone: the member's karmada-agent fetches what is meant for it."""


class Reached(Model):
    """Where a cluster's credentials are, and where the proxies run in it."""

    kubeconfig: str = Field("", description="Path of its kubeconfig; without, KUBECONFIG's own rules")
    namespace: Name = Field("karmada-system", description="Where the proxies run; it must exist")


class Cluster(Reached):
    """How to reach a cluster's API."""

    context: ContextName
    kind: KindName = Field("", description="It is the kind cluster of this name: images are loaded into it")

    @property
    def api(self) -> Context:
        """How its API is asked."""
        return Context(self.kubeconfig, self.context)


class Host(Cluster):
    """The cluster that the Karmada control plane runs in."""

    context: ContextName = Field(description="Context of the host cluster")
    karmada_context: ContextName = Field(
        "karmada-apiserver", description="Context of the Karmada API, in the same kubeconfig"
    )
    karmada_namespace: Name = Field(
        "karmada-system", description="Namespace of Karmada's own pods, which alone may use the plain port"
    )
    address: Address = Field("", description="Where members dial the host; without, looked up if it can be")

    @model_validator(mode="after")
    def _is_not_karmada(self) -> Host:
        if self.context == self.karmada_context:
            given = "karmada_context" in self.model_fields_set
            key, other = ("karmadaContext", "context") if given else ("context", "karmadaContext")
            why = f'"{self.context}" is host.{other} too: the host cluster and the Karmada API that runs in it are two'
            raise Wrong(why, set_to("CONTEXT"), at=key)
        return self

    @property
    def karmada(self) -> Context:
        """How the Karmada API is asked."""
        return Context(self.kubeconfig, self.karmada_context)


class Agent(Model):
    """Where karmada-agent runs in a member."""

    namespace: NameInMember = Field(
        "karmada-system", description="Namespace of karmada-agent's Deployment; `{name}` in it is the member's name"
    )
    deployment: Name = Field("karmada-agent", description="Name of that Deployment")
    container: Name = Field("karmada-agent", description="Name of the container that takes the flags")


class EgressProxy(Model):
    """The HTTP proxy by which a member's agents get out, where nothing else does."""

    url: ProxyUrl = Field(description="http://HOST:PORT: agents reach proxy-server through it, by CONNECT")
    no_proxy: Sequence[Text] = Field((), description="Hosts, domains and networks that are dialled without it")

    @property
    def port(self) -> int:
        """The port that is dialled."""
        return urlsplit(self.url).port or 80


class MemberDefaults(PodSettings, Reached):
    """What counts for every member that does not say otherwise."""

    access: Literal[Access.KUBECONFIG, Access.KARMADA] = Field(
        Access.KUBECONFIG,
        description="By its `kubeconfig`, or by `karmada` alone, which needs neither one nor a way to the member",
    )
    namespace: NameInMember = Field(
        "karmada-system",
        description="Where proxy-agent runs; with a kubeconfig it must exist; `{name}` in it is the member's name",
    )
    registered: bool | None = Field(
        None, description="Was it joined by `karmadactl register`; without, the Karmada API is asked"
    )
    paused: bool = Field(False, description="Keep what it has and leave it out of up and check")
    replicas: Replicas | None = Field(None, description="Number of proxy-agents; without, as many as proxy-servers")
    api_ports: Sequence[Port] = Field(
        (443, 6443), description="Ports of API servers, to which a NetworkPolicy lets proxy-agent's pods out"
    )
    log_level: LogLevel = Field(0, description="How much proxy-agent logs: klog's verbosity, 0 to 10")
    egress_proxy: EgressProxy | None = Field(None, description="HTTP proxy by which proxy-agent gets out")
    image: ImageReference | None = Field(None, description="Image of proxy-agent there; without, the stack's")
    guard_image: ImageReference | None = Field(None, description="Image of the guard there; without, images.guard")
    agent: Agent = Field(default_factory=lambda: Agent.model_validate({}), description="Where karmada-agent runs")


class MemberSettings(Cluster, MemberDefaults):
    """A member cluster in pull mode. Validated in the context of its name, which is its key."""

    context: ContextName = Field("", description="Context of the member; without, its name")
    api_endpoint: Endpoint = Field(
        "",
        description="URL that karmada-agent reports, and whose host its API server's certificate has; "
        "without, its kubeconfig's, or the kind node's",
    )
    api_address: HostPort = Field(
        "",
        description="Where pods reach its API server, HOST or HOST:PORT, a name in full; without, what pods are told",
    )
    gone: bool = Field(
        False, description="It will never answer again: `up` forgets what is in its cluster; then take it out"
    )
    _name: str = PrivateAttr("")

    @model_validator(mode="after")
    def _is_forgotten_by_its_api(self) -> MemberSettings:
        if self.gone and self.delivered:
            why = "Karmada alone gets at this member, and forgets what is in its cluster with its Cluster"
            raise Wrong(why, lambda key: f"take the member out: {config_rm(key.removesuffix('.gone'))}", at="gone")
        return self

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401  pydantic's own signature
        self._name = str(context)

    @property
    def name(self) -> str:
        """Name of the Cluster object in Karmada."""
        return self._name

    @property
    def delivered(self) -> bool:
        """Whether Karmada hands the member what it gets. Its kubeconfig and context are the Karmada API's then."""
        return self.access is Access.KARMADA

    @property
    def agents_name(self) -> str:
        """Name of the Deployment of its proxy-agents, and the `app` of their pods."""
        return DELIVERED_AGENT if self.delivered else AGENT

    @property
    def api(self) -> Context:
        """How its API is asked: through the tunnel itself where nothing else leads to it."""
        below = PROXY_PATH.format(self.name) if self.delivered else ""
        return Context(self.kubeconfig, self.context, below)

    @property
    def host(self) -> str:
        """The host of its API endpoint: as documented, the identifier by which the server picks this member's agent."""
        return urlsplit(self.api_endpoint).hostname or ""

    @property
    def endpoint_port(self) -> int:
        """The port of its API endpoint."""
        return urlsplit(self.api_endpoint).port or 443

    @property
    def address_ports(self) -> Sequence[int]:
        """The port of apiAddress, where there is one."""
        return [int(self.api_address.rpartition(":")[2])] if self.api_address else []


def _life(hours: int) -> int:
    if hours > LONGEST_LIFE:
        why = f"{hours} is above {LONGEST_LIFE} (397 days): nobody can take a certificate back: ANP knows no revocation"
        raise Wrong(why, set_to("8760"))
    return hours


Hours = Annotated[int, Field(ge=1, le=876_000)]
LeafHours = Annotated[int, Field(ge=1), AfterValidator(_life)]


class Certificates(Model):
    """How long certificates live, in hours, and which keys sign them."""

    validity_hours: LeafHours = Field(
        8_760, description=f"Life of a leaf certificate, {LONGEST_LIFE} (397 days) at most"
    )
    renew_before_hours: Hours = Field(720, description="How long before its end `up` renews one", validate_default=True)
    ca_validity_hours: Hours = Field(87_600, description="Life of a CA", validate_default=True)
    ca_keys: Sequence[Generation] = Field(
        (1,),
        description="Generations of the CAs' keys that are trusted, the first one signs; `make rotate-ca` changes them",
    )
    protect_ca_keys: bool = Field(False, description="Refuse to delete the CAs' keys")

    @property
    def ca_renew_before_hours(self) -> int:
        """A CA is renewed before a leaf that it signs could outlive it."""
        return self.validity_hours + self.renew_before_hours

    @field_validator("renew_before_hours")
    @classmethod
    def _is_before_the_end(cls, before: int, read: ValidationInfo) -> int:
        life = read.data.get("validity_hours", before + 1)
        if before >= life:
            why = f"{before} is not below validityHours ({life}): every `up` would renew"
            raise Wrong(why, set_to(str(max(1, life // 12))))
        return before

    @field_validator("ca_validity_hours")
    @classmethod
    def _outlives_leaves(cls, ca: int, read: ValidationInfo) -> int:
        least = read.data.get("validity_hours", 0) + read.data.get("renew_before_hours", 0)
        if ca <= least:
            why = f"{ca} is not above validityHours and renewBeforeHours together ({least}): it must outlive leaves"
            raise Wrong(why, set_to(str(10 * least)))
        return ca

    @field_validator("ca_keys")
    @classmethod
    def _are_in_a_row(cls, keys: Sequence[int]) -> Sequence[int]:
        if not (len(keys) == 1 or (len(keys) == 2 and abs(keys[0] - keys[1]) == 1)):
            why = f"{list(keys)} are neither one nor two in a row: a change of keys goes from one to the next"
            raise Wrong(why, lambda _: "`make rotate-ca` goes from one key to the next")
        return keys


class Discover(Model):
    """Members that are found by the labels of their Cluster objects, beside those that are named."""

    selector: str = Field(
        "",
        description="Labels of Clusters in pull mode, as kubectl takes them: each is a member with `access: karmada`, "
        "also one that joins tomorrow; what `members.NAME` says of it wins",
    )
    leaving: Annotated[int, Field(ge=0)] = Field(
        0, description="As many may leave in one `up`, where those are two or more and above a tenth of all"
    )


class Away(Model):
    """Members that do not answer, or are not Ready in Karmada: `up` goes on without them."""

    most: Annotated[int, Field(ge=0)] | None = Field(
        None, description="As many may be away in one `up`; without, one, or a tenth of all where that is more"
    )


class MonitoringSettings(Model):
    """What a Prometheus may read, and the prometheus-operator's objects by which it does."""

    enabled: bool = Field(False, description="Make PodMonitors and PrometheusRules, where a cluster has these kinds")
    namespaces: Sequence[Name] = Field((), description="Namespaces whose pods may read health and metrics")
    labels: Mapping[str, str] = Field({}, description="Labels by which a Prometheus finds these objects")
    certificate_days: Annotated[int, Field(ge=1, le=365)] = Field(
        14, description="How many days before a certificate's end the alert fires"
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A stack's whole config, complete: addresses and endpoints are looked up, defaults filled in."""

    host: Host
    members: Sequence[MemberSettings]
    """Without those that are gone."""
    gone: Sequence[MemberSettings] = ()
    discover: Discover
    away: Away
    images: Images
    proxy: Proxy
    certificates: Certificates
    monitoring: MonitoringSettings
    kind_nodes: Mapping[str, KindNode] = field(default_factory=dict[str, KindNode])
    monitored: Sequence[Cluster] = ()
    """The clusters that get prometheus-operator's objects; none where monitoring is off."""

    @property
    def active(self) -> Sequence[MemberSettings]:
        """The members that are not paused."""
        return [member for member in self.members if not member.paused]

    @property
    def delivered(self) -> Sequence[MemberSettings]:
        """The members that Karmada alone gets at."""
        return [member for member in self.members if member.delivered]

    def key(self, member: MemberSettings) -> str:
        """The member's part of the config: `members.member3`."""
        return config_key("members", member.name)

    def joined(self, registered: Collection[str]) -> Settings:
        """The same, knowing of each member whether `karmadactl register` joined it."""
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
