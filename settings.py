"""A stack's settings: what each config key means, its type and its default. config.py reads and checks them.

Nothing here reads anything. The config's keys are the fields' names in camel case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from workstation import KindNode

UPSTREAM = "https://github.com/kubernetes-sigs/apiserver-network-proxy"
ANP_OWN_PORTS = range(8090, 8096)  # ANP's defaults: frontend, agents, health, agent's health, agent's admin, admin
BUILTIN_PORT = 8088  # fixed in the fork's code

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
COMMIT = r"^[0-9a-f]{40}$"
PATTERNS = {
    DNS_LABEL: "a DNS label: lower-case letters, digits and hyphens",
    COMMIT: "a whole commit: 40 hexadecimal digits",
}
"""What a value should be that does not match."""

Name = Annotated[str, StringConstraints(pattern=DNS_LABEL)]
Commit = Annotated[str, StringConstraints(pattern=COMMIT)]
Text = Annotated[str, StringConstraints(min_length=1)]
Hours = Annotated[int, Field(ge=1, le=876_000)]


class Frontend(StrEnum):
    """How Karmada enters the tunnel."""

    GUARDED = "guarded"
    BUILTIN = "builtin"


class Model(BaseModel):
    """A part of the config. Its keys are the fields' names in camel case; a key it does not have is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)


class Cluster(Model):
    """How to reach a cluster's API."""

    kubeconfig: str = Field("", description="Path of its kubeconfig; without, KUBECONFIG's own rules")
    kind: str = Field("", description="It is the kind cluster of this name: images are loaded into it")
    namespace: Name = Field("karmada-system", description="Where the proxies run; it must exist")


class Host(Cluster):
    """The cluster that the Karmada control plane runs in."""

    context: Text = Field(description="Context of the host cluster")
    karmada_context: Text = Field("karmada-apiserver", description="Context of the Karmada API, in the same kubeconfig")
    address: str = Field("", description="Where members and Karmada reach the host; with `kind`, looked up")


class Agent(Model):
    """Where karmada-agent runs in a member."""

    namespace: Name = Field("karmada-system", description="Namespace of karmada-agent's Deployment")
    deployment: Name = Field("karmada-agent", description="Name of that Deployment")
    container: Name = Field("karmada-agent", description="Name of the container that takes the flags")


class Member(Cluster):
    """A member cluster in pull mode."""

    name: Name = Field(description="Name of the Cluster object in Karmada")
    context: str = Field("", description="Context of the member; without, its name")
    api_endpoint: str = Field("", description="URL of its API server; without, its kubeconfig's, or the kind node's")
    registered: bool = Field(False, description="It was joined by `karmadactl register`")
    paused: bool = Field(False, description="Keep what it has and leave it out of up and check")
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


class Images(Model):
    """The images: ANP's, built or published, and the guard's."""

    build: Build | None = Field(None, description="Build ANP's images from source")
    server: str = Field("", description="Published image of proxy-server")
    agent: str = Field("", description="Published image of proxy-agent")
    registry: Text = Field("localhost/karmada-anp", description="Prefix of the built images' names")
    guard: Text = Field("haproxy:3.2-alpine", description="Image of the guard (HAProxy 2.6 or later)")


class Proxy(Model):
    """The proxy-server and its plain port."""

    frontend: Frontend = Field(Frontend.GUARDED, strict=False, description="The guard, or the fork's own plain port")
    port: Annotated[int, Field(ge=1024, le=49151)] = Field(BUILTIN_PORT, description="The plain port for Karmada")
    replicas: int = Field(1, description="Number of proxy-servers; 1 on the host network")
    credential: Annotated[int, Field(ge=1)] = Field(
        1, description="Generation of Karmada's credential for the guard: add 1 to change it"
    )


class Certificates(Model):
    """How long certificates live, in hours."""

    validity_hours: Hours = Field(8_760, description="Life of a leaf certificate")
    renew_before_hours: Hours = Field(720, description="How long before its end `up` renews one")
    ca_validity_hours: Hours = Field(87_600, description="Life of a CA")
    protect_ca_keys: bool = Field(False, description="Refuse to delete the CAs' keys")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A stack's whole config, complete: addresses and endpoints are looked up, defaults filled in."""

    host: Host
    members: Sequence[Member]
    images: Images
    proxy: Proxy
    certificates: Certificates
    kind_nodes: Mapping[str, KindNode] = field(default_factory=dict[str, KindNode])

    @property
    def active(self) -> Sequence[Member]:
        """The members that are not paused."""
        return [member for member in self.members if not member.paused]

    def node(self, cluster: Cluster) -> KindNode | None:
        """The kind node of a cluster, or None where it is no kind cluster."""
        return self.kind_nodes.get(cluster.kind)
