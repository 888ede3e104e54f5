"""Member: everything that one member has of the tunnel, in its own cluster and in the Karmada API.

Names come from the member's name, so that a member can leave, pause or move to another stack without touching another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pulumi_kubernetes as kubernetes
from pulumi import (
    ComponentResource,
    Input,
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
from components.karmada_agent import KarmadaAgentPatch, KarmadaAgentPatchArgs, given_back
from components.monitoring import agent_monitoring
from components.pki import TunnelPki
from components.proxy_agent import ProxyAgent, ProxyAgentArgs
from components.proxy_server import ProxyServer
from components.registration import Registration, RegistrationArgs
from components.works import Works, made
from config.settings import Host, MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class MemberArgs:
    """The stack's settings and the member, and the ends of its tunnel. `karmada` is the provider for the Karmada API.

    By the settings' frontend there is a guard, which knows credentials by `mac_keys`, or all is as documented. `adopts`
    is whether the member's part takes the place of what was made by hand, `former` by which other identifiers its
    agents are to be found, in this `up` still.

    `returns` is whether karmada-agent's flag is still the one that was set through the tunnel. Of a member that Karmada
    alone gets at, `works` make what it is handed, `facts` are what preflight knows, and `pull_secrets` the host's.
    `frozen` is whether Karmada knows a paused one no more: what it had there stays too, as it is.
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
    frozen: bool = False


@dataclass(frozen=True, kw_only=True)
class GoneMemberArgs:
    """The member, the host, and the address of the tunnel's plain port."""

    member: MemberSettings
    host: Host
    proxy_url: Input[str]


class Member(ComponentResource):
    """A member's agent certificate, proxy-agent, registration and flags. Its provider is the member cluster's, or the
    Karmada API's where that hands it what it gets.

    The agent does not wait for proxy-server, which is ready only once an agent is connected; the flags wait for both.
    A paused member keeps what it has in its cluster as it is, so that one that is out of reach stops nobody's `up`.
    What the Karmada API holds of it goes with the stack.
    """

    certificate_ends: Output[str]
    """When the agent's certificate ends, RFC 3339."""
    revision: Output[str]
    """Another one after each change on this member's part of the path."""

    def __init__(self, name: str, args: MemberArgs, opts: ResourceOptions | None = None) -> None:
        settings, member = args.settings, args.member
        super().__init__("karmada-anp:index:Member", name, None, opts)
        child = ResourceOptions(parent=self, transformations=[_kept] if member.paused else [])
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
            ),
            ResourceOptions(parent=self, provider=args.karmada, transformations=[_kept] if args.frozen else []),
        )
        if works:
            registration.show([args.server.ready, works.after])
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
                    beside=agent.needs,
                    adopts=args.adopts or args.returns,
                ),
                child,
            )
            registration.show([args.server.ready, flags.gone])
            flags.report([agent.deployment, args.server.ready, *registration.headers])
            self.revision = Output.format("{0} {1} {2}", agent.revision, registration.revision, flags.revision)
        if member in settings.monitored:
            agent_monitoring(f"{name}-monitoring", member, settings.monitoring, child)
        self.certificate_ends = certificate.ends
        # what an `up` in which it does not answer goes by (checks/preflight/memory.py)
        kept = member.model_copy(update={"replicas": settings.agents(member)})
        self.register_outputs(
            {
                "certificateEnds": self.certificate_ends,
                "settings": kept.model_dump_json(by_alias=True, exclude_unset=True),
                "monitored": member in settings.monitored,
            }
        )


class GoneMember(ComponentResource):
    """What is left of a member that will never answer again: the step that gives back what Karmada has of it, when it
    leaves the config. Its provider forgets the rest."""

    def __init__(self, name: str, args: GoneMemberArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Member", name, None, opts)
        # as in the member that it was: the same step, which is told that nobody answers
        flags = f"{name}-karmada-agent"
        of = ComponentResource("karmada-anp:index:KarmadaAgentPatch", flags, None, ResourceOptions(parent=self))
        given_back(flags, args.member, args.host, args.proxy_url, ResourceOptions(parent=of))
        self.register_outputs({})


def _kept(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
    if not args.type_.startswith("kubernetes:"):
        return None
    kept = ResourceOptions(ignore_changes=["*"])
    return ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, kept))
