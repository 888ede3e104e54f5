"""Delivery: the step by which a member that Karmada alone gets at has what it is to have, and reports the tunnel.

It is what its Works are not: it waits, for those members that are Ready. karmada-agent gets its flag through the tunnel
itself, by server-side apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ComponentResource, CustomResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.core.v1 import Namespace, Secret
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from checks.commands.deliver import DeliverInput
from checks.delivered import Delivered
from clusters.objects import Json
from components import anp
from components.field_manager import delivering, field_manager
from components.local_command import local_command
from components.works import Works
from config.settings import MemberSettings, Settings

OPERATOR = "karmada-anp-operator"
"""Role and RoleBinding of the user who runs the stack."""


@dataclass(frozen=True, kw_only=True)
class DeliveryArgs:
    """The stack's settings and the member, its Works, and the address of the tunnel's plain port.

    `after` is what Karmada and the tunnel need before karmada-agent reports it. `ready` is whether the member was when
    preflight asked, and `found` what an earlier `up` had made otherwise, and is to be made again; nothing where all is
    as it was.
    """

    settings: Settings
    member: MemberSettings
    works: Works
    proxy_url: Input[str]
    after: Sequence[Resource]
    ready: bool = True
    found: str = ""


class Delivery(ComponentResource):
    """Owns `proxyURL` of the Cluster object and the flag of karmada-agent's `args`, each unless it is there already.

    It is two Commands: what gives both back is there before either may be set, for of a Command that fails nothing is
    kept. Destroy waits until karmada-agent has come back without its flag.
    """

    revision: Output[str]
    """Another one after each time that something was to be made again."""

    def __init__(self, name: str, args: DeliveryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Delivery", name, None, opts)
        child = ResourceOptions(parent=self, ignore_changes=["*"] if args.member.paused else [])
        stdin = Output.all(args.proxy_url, *args.works.expected).apply(lambda of: _given(args, of))
        back = local.Command(
            f"{name}-back",
            create="true",
            delete=local_command("take_back"),
            stdin=stdin,
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[*args.works.resources, *args.after])),
        )
        # what an `up` has found is not there in the next one, which is no reason to do it again
        kept = [] if args.found or args.member.paused else ["environment.FOUND"]
        step = local.Command(
            name,
            create="true" if args.member.paused else local_command("deliver"),
            stdin=stdin,
            environment={"READY": str(args.ready).lower(), **({"FOUND": args.found} if args.found else {})},
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[back], ignore_changes=kept)),
        )
        self.revision = Output.json_dumps(step.environment, sort_keys=True)
        self.register_outputs({})


def _given(args: DeliveryArgs, known: Sequence[Json]) -> str:
    url, *expected = known
    member = args.member
    return DeliverInput.model_validate(
        {
            "of": _stack_and_member(args.settings, member),
            "inside": member.api,
            "agent": member.agent.model_dump(by_alias=True),
            "proxy_url": url,
            "api_endpoint": member.api_endpoint,
            "manager": delivering(),
            "former": field_manager(),
            "works": expected,
            "seconds": 60 * (member.rollout_minutes + args.settings.agents(member) - 1),
        }
    ).model_dump_json()


def works(name: str, settings: Settings, member: MemberSettings, opts: ResourceOptions) -> Works:
    """What makes a member's Works, and before any of them what deletes them all in the end, and waits where the member
    is Ready."""
    gone = local.Command(
        name,
        create="true",
        delete=local_command("take_away"),
        stdin=_stack_and_member(settings, member).model_dump_json(),
        opts=opts,
    )
    return Works(member.name, pulumi.get_stack(), adopt=settings.proxy.adopt, after=gone)


def _stack_and_member(settings: Settings, member: MemberSettings) -> Delivered:
    return Delivered(member=member.name, stack=pulumi.get_stack(), karmada=settings.host.karmada)


def own_namespace(name: str, member: MemberSettings, make: Works, opts: ResourceOptions) -> list[CustomResource]:
    """The namespace of the member's proxies, where it is not karmada-agent's, which is there."""
    if member.namespace == member.agent.namespace:
        return []
    return [make(Namespace, name, metadata={"name": member.namespace}, opts=opts)]


def pull_secrets(
    name: str, member: MemberSettings, make: Works, of_host: Mapping[str, Secret], opts: ResourceOptions
) -> dict[str, CustomResource]:
    """The host's Secrets to pull with, in the member too, by the names that they have there."""
    return {
        f"{anp.DELIVERED_AGENT}-{each}": make(
            Secret,
            f"{name}-pull-{each}",
            metadata={"name": f"{anp.DELIVERED_AGENT}-{each}", "namespace": member.namespace},
            type=secret.type,
            data=Output.secret(secret.data),
            opts=opts,
        )
        for each, secret in of_host.items()
    }


def operator_role(
    name: str, member: MemberSettings, make: Works, user: str, opts: ResourceOptions
) -> list[CustomResource]:
    """What the user who runs the stack does in the member through the tunnel, where Karmada shows him as himself: the
    flag, and the check's list of pods. Nothing for one who may do everything."""
    if not user:
        return []
    agent = {"api_groups": ["apps"], "resources": ["deployments"], "resource_names": [member.agent.deployment]}
    pods: Json = {"api_groups": [""], "resources": ["pods"], "verbs": ["list"]}
    rules: dict[str, list[Json]] = {member.namespace: [pods]}
    rules[member.agent.namespace] = [{**agent, "verbs": ["get", "patch"]}, pods]
    made: list[CustomResource] = []
    for i, (namespace, each) in enumerate(rules.items()):
        suffix = f"-{i}" if i else ""
        metadata = {"name": OPERATOR, "namespace": namespace}
        made.append(make(Role, f"{name}-operator{suffix}", metadata=metadata, rules=each, opts=opts))
        made.append(
            make(
                RoleBinding,
                f"{name}-operator{suffix}",
                metadata=metadata,
                role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": OPERATOR},
                subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
                opts=opts,
            )
        )
    return made
