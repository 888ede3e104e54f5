"""Member: everything that one member has of the tunnel, in its own cluster and in the Karmada API.

Names come from the member's name, so that a member can leave, pause or move to another stack without touching another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pulumi_kubernetes as kubernetes
from pulumi import (
    ComponentResource,
    Output,
    ResourceOptions,
    ResourceTransformationArgs,
    ResourceTransformationResult,
)
from pulumi_kubernetes.core.v1 import Secret

from checks.delivered import DeliveryFacts
from components import delivery
from components.certificate import CLIENT_USAGES, Certificate, CertificateArgs
from components.entry import Entry
from components.images import Image, loaded_into_kind
from components.karmada_agent import KarmadaAgentPatch, KarmadaAgentPatchArgs
from components.monitoring import agent_monitoring
from components.pki import TunnelPki
from components.proxy_agent import ProxyAgent, ProxyAgentArgs
from components.proxy_server import ProxyServer
from components.registration import Registration, RegistrationArgs
from components.works import Works, made
from config.settings import MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class MemberArgs:
    """The stack's settings and the member, and the ends of its tunnel. `karmada` is the provider for the Karmada API.

    By the settings' frontend there is a guard, which knows credentials by `mac_keys`, or all is as documented. `adopts`
    is whether the member's part takes the place of what was made by hand, `former` by which other identifiers its
    agents are to be found, in this `up` still.

    `returns` is whether karmada-agent's flag is still the one that was set through the tunnel. Of a member that Karmada
    alone gets at, `works` make what it is handed, `facts` are what preflight knows, and `pull_secrets` the host's.
    """

    settings: Settings
    member: MemberSettings
    image: Image
    pki: TunnelPki
    entry: Entry
    server: ProxyServer
    karmada: kubernetes.Provider
    mac_keys: Sequence[Output[str]]
    adopts: bool
    former: Sequence[str] = ()
    returns: bool = False
    works: Works | None = None
    facts: DeliveryFacts = field(default_factory=DeliveryFacts)
    pull_secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])


class Member(ComponentResource):
    """A member's agent certificate, proxy-agent, registration and flags. Its provider is the member cluster's, or the
    Karmada API's where that hands it what it gets.

    The agent does not wait for proxy-server, which is ready only once an agent is connected; the flags wait for both.
    A paused member keeps what it has in its clusters as it is, so that one that is out of reach stops nobody's `up`.
    """

    certificate_ends: Output[str]
    """When the agent's certificate ends, RFC 3339."""
    revision: Output[str]
    """Another one after each change on this member's part of the path."""

    def __init__(self, name: str, args: MemberArgs, opts: ResourceOptions | None = None) -> None:
        settings, member = args.settings, args.member
        kept = ResourceOptions(transformations=[_kept] if member.paused else [])
        super().__init__("karmada-anp:index:Member", name, None, ResourceOptions.merge(opts, kept))
        child = ResourceOptions(parent=self)
        certificate = Certificate(
            f"{name}-agent",
            CertificateArgs(
                authority=args.pki.agent_ca,
                common_name=f"proxy-agent-{name}",
                usages=CLIENT_USAGES,
                settings=settings.certificates,
            ),
            child,
        )
        image = args.image
        if member.image:
            image = Image(reference=Output.from_input(member.image), pull_secrets=args.image.pull_secrets)
        works = args.works
        if works:
            if not args.facts.has_namespace:
                delivery.own_namespace(name, member, works, child)
            pulled = delivery.pull_secrets(name, member, works, args.pull_secrets, child)
            image = replace(image, pull_secrets=list(pulled))
            delivery.operator_role(name, member, works, args.facts.operator, child)
        agent = ProxyAgent(
            f"{name}-proxy-agent",
            ProxyAgentArgs(
                make=works or made,
                settings=settings,
                member=member,
                image=image,
                entry=args.entry,
                server_ca_pem=args.pki.agent_trust,
                former=args.former,
                certificate=certificate,
                after=loaded_into_kind(f"{name}-image", image, member.kind, settings.node(member), child),
            ),
            child,
        )
        registration = Registration(
            f"{name}-registration",
            RegistrationArgs(
                cluster=member.name,
                # where nobody has said it and nobody was asked, as when it is rendered, it was not
                registered=bool(member.registered),
                frontend=settings.proxy.frontend,
                mac_keys=args.mac_keys,
                guard=[args.server.ready],
            ),
            ResourceOptions(parent=self, provider=args.karmada),
        )
        if works:
            # the steps themselves make the Cluster another than it was; what that has lost preflight finds
            self.revision = Output.format("{0} {1}", agent.revision, registration.checksum)
        else:
            flags = KarmadaAgentPatch(
                f"{name}-karmada-agent",
                KarmadaAgentPatchArgs(
                    member=member,
                    host=settings.host,
                    proxy_url=args.entry.proxy_url,
                    grant=registration.grant,
                    tunnel=[agent.deployment, args.server.ready, *registration.headers],
                    beside=agent.needs,
                    adopts=args.adopts or args.returns,
                ),
                child,
            )
            self.revision = Output.format("{0} {1} {2}", agent.revision, registration.revision, flags.revision)
        if member in settings.monitored:
            agent_monitoring(f"{name}-monitoring", member, settings.monitoring, child)
        self.certificate_ends = certificate.ends
        self.register_outputs({"certificateEnds": self.certificate_ends})


def _kept(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
    if not args.type_.startswith("kubernetes:"):
        return None
    kept = ResourceOptions(ignore_changes=["*"])
    return ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, kept))
