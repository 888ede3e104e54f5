"""A stack's settings: what each config key means, its type and its default. config.py reads and checks them.

Nothing here reads anything. The config's keys are the fields' names in camel case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic.alias_generators import to_camel

from clusters.kubeconfig import Context
from clusters.workstation import KindNode

UPSTREAM = "https://github.com/kubernetes-sigs/apiserver-network-proxy"
OWN_PORTS = range(8090, 8097)  # ANP's: frontend, agents, health, agent's health, agent's admin, admin; guard's metrics
BUILTIN_PORT = 8088  # fixed in the fork's code

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
COMMIT = r"^[0-9a-f]{40}$"
OPERATOR = r"^(Equal|Exists)$"
PATTERNS = {
    DNS_LABEL: "a DNS label: lower-case letters, digits and hyphens",
    OPERATOR: "Equal or Exists",
    COMMIT: "a whole commit: 40 hexadecimal digits",
}
"""What a value should be that does not match."""

Name = Annotated[str, StringConstraints(pattern=DNS_LABEL)]
Commit = Annotated[str, StringConstraints(pattern=COMMIT)]
Text = Annotated[str, StringConstraints(min_length=1)]
Replicas = Annotated[int, Field(ge=1, le=99)]
Generation = Annotated[int, Field(ge=1)]
Hours = Annotated[int, Field(ge=1, le=876_000)]


class Frontend(StrEnum):
    """How Karmada enters the tunnel."""

    GUARDED = "guarded"
    BUILTIN = "builtin"


class Exposure(StrEnum):
    """How agents reach proxy-server."""

    HOST_NETWORK = "hostNetwork"
    NODE_PORT = "nodePort"
    LOAD_BALANCER = "loadBalancer"


class Model(BaseModel):
    """A part of the config. Its keys are the fields' names in camel case; a key it does not have is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)


class Cluster(Model):
    """How to reach a cluster's API."""

    context: str
    kubeconfig: str = Field("", description="Path of its kubeconfig; without, KUBECONFIG's own rules")
    kind: str = Field("", description="It is the kind cluster of this name: images are loaded into it")
    namespace: Name = Field("karmada-system", description="Where the proxies run; it must exist")

    @property
    def api(self) -> Context:
        """How its API is asked."""
        return Context(self.kubeconfig, self.context)


class Host(Cluster):
    """The cluster that the Karmada control plane runs in."""

    context: Text = Field(description="Context of the host cluster")
    karmada_context: Text = Field("karmada-apiserver", description="Context of the Karmada API, in the same kubeconfig")
    karmada_namespace: Name = Field(
        "karmada-system", description="Namespace of Karmada's own pods, which alone may use the plain port"
    )
    address: str = Field("", description="Where members dial the host; without, looked up if it can be")

    @property
    def karmada(self) -> Context:
        """How the Karmada API is asked."""
        return Context(self.kubeconfig, self.karmada_context)


class Agent(Model):
    """Where karmada-agent runs in a member."""

    namespace: Name = Field("karmada-system", description="Namespace of karmada-agent's Deployment")
    deployment: Name = Field("karmada-agent", description="Name of that Deployment")
    container: Name = Field("karmada-agent", description="Name of the container that takes the flags")


class MemberSettings(Cluster):
    """A member cluster in pull mode."""

    name: Name = Field(description="Name of the Cluster object in Karmada")
    context: str = Field("", description="Context of the member; without, its name")
    api_endpoint: str = Field("", description="URL of its API server; without, its kubeconfig's, or the kind node's")
    registered: bool | None = Field(
        None, description="It was joined by `karmadactl register`; without, the Karmada API is asked"
    )
    paused: bool = Field(False, description="Keep what it has and leave it out of up and check")
    replicas: Replicas | None = Field(None, description="Number of proxy-agents; without, as many as proxy-servers")
    agent: Agent = Field(default_factory=lambda: Agent.model_validate({}), description="Where karmada-agent runs")

    @property
    def target(self) -> str:
        """What a CONNECT to this member names: `host:port` of its API endpoint."""
        url = urlsplit(self.api_endpoint)
        return f"[{url.hostname}]:{url.port or 443}" if ":" in self.host else f"{self.host}:{url.port or 443}"

    @property
    def host(self) -> str:
        """The host of its API endpoint: the identifier by which the server picks this member's agent."""
        return urlsplit(self.api_endpoint).hostname or ""


class Build(Model):
    """Sources of ANP, pinned. Without keys: upstream's current release."""

    repository: Text = Field(UPSTREAM, description="git repository of the sources")
    ref: Text = Field("v0.36.0", description="Tag or branch that is fetched")
    commit: Commit = Field("e8432610cab5a696fcbdb37969ac1aacb8bcf7f8", description="Commit that the ref must be")
    args: Mapping[str, str] = Field(
        {"GO_TOOLCHAIN": "golang", "GO_VERSION": "1.26", "BASEIMAGE": "scratch"},
        description="Build arguments of its Dockerfiles, beside the architecture",
    )
    tag: str = Field("", description="Tag of the built images; without, one that names ref, commit and args")

    @property
    def image_tag(self) -> str:
        """The tag of the built images: another source or argument is another tag, so that pods roll."""
        source = json.dumps([self.repository, self.commit, dict(self.args)], sort_keys=True)
        return self.tag or f"{self.ref.replace('/', '-')}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"


class Credentials(Model):
    """What a registry of images asks for."""

    username: Text = Field(description="User of the registry")
    password: SecretStr = Field(description="Password or token, as a secret: `pulumi config set --secret`")


class Images(Model):
    """The images: ANP's, built or published, and the guard's."""

    build: Build | None = Field(None, description="Build ANP's images from source")
    push: bool = Field(False, description="Push the built images to `registry`, from where the clusters pull them")
    server: str = Field("", description="Published image of proxy-server, best with its digest")
    agent: str = Field("", description="Published image of proxy-agent, best with its digest")
    registry: Text = Field("localhost/karmada-anp", description="Prefix of the built images' names")
    credentials: Credentials | None = Field(None, description="With which built images are pushed to `registry`")
    pull_secrets: Sequence[Name] = Field((), description="Secrets with which pods pull, there in every namespace used")
    guard: Text = Field("haproxy:3.2-alpine", description="Image of the guard (HAProxy 2.6 or later)")


class Toleration(Model):
    """A taint of nodes that proxy-server's pods may run on, as Kubernetes writes it."""

    key: str = Field("", description="The taint's key; without, every taint")
    operator: Annotated[str, StringConstraints(pattern=OPERATOR)] = Field(
        "Equal", description="`Equal`, or `Exists` for any value"
    )
    value: str = Field("", description="The taint's value")
    effect: str = Field("", description="The taint's effect; without, every effect")


class Proxy(Model):
    """proxy-server: how it is reached, how many there are and where they run."""

    frontend: Frontend = Field(Frontend.GUARDED, strict=False, description="The guard, or the fork's own plain port")
    exposure: Exposure = Field(
        Exposure.HOST_NETWORK,
        strict=False,
        description="How agents reach :8091: on the host's own network, or by a Service: `nodePort`, `loadBalancer`",
    )
    port: Annotated[int, Field(ge=1024, le=49151)] = Field(BUILTIN_PORT, description="The plain port for Karmada")
    node_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="The node port for agents; without, the cluster's choice"
    )
    service_annotations: Mapping[str, str] = Field(
        {}, description="Annotations of the Service that agents dial, for the cloud's load balancer"
    )
    allowed_sources: Sequence[str] = Field(
        (), description="Networks (CIDR) that may use the plain port of the host network; without, all"
    )
    replicas: Replicas = Field(1, description="Number of proxy-servers; 1 on the host network")
    node_selector: Mapping[str, str] = Field({}, description="Labels of the nodes that proxy-servers run on")
    tolerations: Sequence[Toleration] = Field((), description="Taints of nodes that proxy-servers tolerate")
    credential: Generation = Field(
        1, description="Generation of Karmada's credential for the guard: add 1 to change it"
    )
    adopt: bool = Field(False, description="Take the place of what the documented manual steps made, where it is there")


class Certificates(Model):
    """How long certificates live, in hours, and which keys sign them."""

    validity_hours: Hours = Field(8_760, description="Life of a leaf certificate")
    renew_before_hours: Hours = Field(720, description="How long before its end `up` renews one")
    ca_validity_hours: Hours = Field(87_600, description="Life of a CA")
    ca_key: Generation = Field(1, description="Generation of the CAs' keys that sign; `make rotate-ca` changes it")
    trusted_ca_keys: Sequence[Generation] = Field(
        (), description="Generations of CA keys that are trusted; without, the one that signs"
    )
    protect_ca_keys: bool = Field(False, description="Refuse to delete the CAs' keys")

    @property
    def trusted(self) -> Sequence[int]:
        """The generations that are trusted, the one that signs first."""
        return [self.ca_key, *(each for each in self.trusted_ca_keys if each != self.ca_key)]


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

    def key(self, member: MemberSettings) -> str:
        """The member's part of the config: `members[0]`."""
        return f"members[{self.members.index(member)}]"

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
