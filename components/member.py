"""Member: one member's part of the tunnel, in its own cluster and in the Karmada API.

Resource names begin with the member's name: it can leave, pause or move to another stack without touching the others.
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
    """The stack's settings, the member, and the two ends of its tunnel. `karmada` is the provider for the Karmada API.

    `mac_keys` are the keys with which the host guard verifies credentials, none with `frontend: documented`.
    `takes_over` lets the member's part take over what was made by hand. `former` are identifiers from before, under
    which its agents must still be found during this `up`.

    `was_delivered` is true where the member has a kubeconfig again but karmada-agent's flag is still the one set
    through the tunnel. Only with `access: karmada`: `works` makes the member's objects as Works, `facts` are
    preflight's, and `pull_secrets` are the host's. `unknown_to_karmada` is true for a paused member whose Cluster
    object is gone from Karmada: its resources in the Karmada API are then left unchanged too.
    """

    settings: Settings
    member: MemberSettings
    image: Image
    pki: TunnelPki
    entry: Entry
    server: ProxyServer
    karmada: kubernetes.Provider
    mac_keys: Sequence[Output[str]]
    takes_over: bool
    former: Sequence[str] = ()
    was_delivered: bool = False
    works: Works | None = None
    facts: DeliveryFacts = field(default_factory=DeliveryFacts)
    pull_secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    unknown_to_karmada: bool = False


@dataclass(frozen=True, kw_only=True)
class GoneMemberArgs:
    """The member, the host, and `proxy_url`, the URL of the tunnel's plain port."""

    member: MemberSettings
    host: Host
    proxy_url: Input[str]


class Member(ComponentResource):
    """A member's agent certificate, proxy-agent, registration and karmada-agent's flags.

    Its provider is the member cluster's, or with `access: karmada` the Karmada API's. proxy-agent does not wait for
    proxy-server, whose pods are ready only once an agent is connected; the flags wait for both. Resources in a paused
    member's cluster are left unchanged (`ignore_changes`), so that a member out of reach stops nobody's `up`; those in
    the Karmada API change with the stack.
    """

    certificate_ends: Output[str]
    """The end of the agent's certificate, RFC 3339."""
    revision: Output[str]
    """Changes whenever this member's part of the path changes; the check runs again then."""

    def __init__(self, name: str, args: MemberArgs, opts: ResourceOptions | None = None) -> None:
        settings, member = args.settings, args.member
        super().__init__("karmada-anp:index:Member", name, None, opts)
        child = ResourceOptions(parent=self, transformations=[_ignoring_changes] if member.paused else [])
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
        if works:
            delivery.operator_role(name, member, works, args.facts.operator, agent.secret_name, child)
        registration = Registration(
            f"{name}-registration",
            RegistrationArgs(
                cluster=member.name,
                # None, as in `make render`, where no cluster is asked, counts as not registered
                registered=bool(member.registered),
                frontend=settings.proxy.frontend,
                mac_keys=args.mac_keys,
            ),
            ResourceOptions(
                parent=self,
                provider=args.karmada,
                transformations=[_ignoring_changes] if args.unknown_to_karmada else [],
            ),
        )
        if works:
            registration.show([args.server.ready, works.after])
            # not registration.revision: the delivery steps change the Cluster themselves; preflight finds what it lost
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
                    takes_over=args.takes_over or args.was_delivered,
                ),
                child,
            )
            registration.show([args.server.ready, flags.gone])
            flags.report([agent.deployment, args.server.ready, *registration.headers])
            self.revision = Output.format("{0} {1} {2}", agent.revision, registration.revision, flags.revision)
        if member in settings.monitored:
            agent_monitoring(f"{name}-monitoring", member, settings.monitoring, child)
        self.certificate_ends = certificate.ends
        # an `up` in which the member does not answer reads these outputs (checks/preflight/stored_members.py)
        kept = member.model_copy(update={"replicas": settings.agents(member)})
        self.register_outputs(
            {
                "certificateEnds": self.certificate_ends,
                "settings": kept.model_dump_json(by_alias=True, exclude_unset=True),
                "monitored": member in settings.monitored,
            }
        )


class GoneMember(ComponentResource):
    """A member with `gone: true`, which will never answer again. All that is left of it is the Command that removes the
    tunnel from its Cluster object when it leaves the config; its provider drops its other resources from the state."""

    def __init__(self, name: str, args: GoneMemberArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Member", name, None, opts)
        # the same URN as in Member, so that Pulumi updates that Command, whose input now says `gone`
        flags = f"{name}-karmada-agent"
        of = ComponentResource("karmada-anp:index:KarmadaAgentPatch", flags, None, ResourceOptions(parent=self))
        given_back(flags, args.member, args.host, args.proxy_url, ResourceOptions(parent=of))
        self.register_outputs({})


def _ignoring_changes(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
    """A Pulumi transformation: Kubernetes resources ignore all changes of their inputs."""
    if not args.type_.startswith("kubernetes:"):
        return None
    kept = ResourceOptions(ignore_changes=["*"])
    return ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, kept))
