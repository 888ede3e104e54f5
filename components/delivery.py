"""Delivery: the steps by which members that Karmada alone gets at have what they are to have, and report the tunnel.

They are what Works are not: they wait, for those members that are Ready. karmada-agent gets its flag through the tunnel
itself, by server-side apply. Each is one for all members: as Commands of each, a hundred took 92 s where these take 14.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
from pulumi import ComponentResource, CustomResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.core.v1 import Namespace, Secret
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from checks.commands.deliver import DeliverInput, Wanted
from checks.delivered import DeliveryFacts, Expected
from checks.delivered_agent import AGENTS, DeliveredMembers
from clusters.objects import Json
from components import anp
from components.availability import rollout_minutes
from components.field_manager import delivering, field_manager
from components.local_command import local_command
from components.works import Works
from config.settings import Agent, MemberSettings, Settings

OPERATOR = "karmada-anp-operator"
"""Role and RoleBinding of the user who runs the stack."""


class Deliveries:
    """The Works of all such members, and before any of them the step that deletes them in the end.

    Its stdout are the members that have some, also those that have left the stack. `proxy_url` is the address of the
    tunnel's plain port. `returning` are members that the stack reaches by a kubeconfig again: the steps stay for one
    more `up`.
    """

    works: Mapping[str, Works]
    """By a member's name; none where Karmada alone gets at nobody."""

    def __init__(self, settings: Settings, proxy_url: Input[str], returning: Collection[str] = ()) -> None:
        self._settings, self._proxy_url = settings, Output.from_input(proxy_url)
        self._memory = None
        self.works = {}
        if settings.delivered or returning:
            agents = {each.name: each.agent for each in settings.delivered}
            self._memory = local.Command(
                "delivery-works",
                create=local_command("remember"),
                delete=local_command("take_away"),
                stdin=self._proxy_url.apply(lambda url: _given(settings, url, agents).model_dump_json()),
                logging=local.Logging.NONE,
            )
            self.works = {
                each.name: Works(each.name, pulumi.get_stack(), adopt=settings.proxy.adopt, after=self._memory)
                for each in settings.delivered
            }

    def reported(self, after: Sequence[Resource], facts: Mapping[str, DeliveryFacts]) -> Mapping[str, Output[str]]:
        """Has each karmada-agent report the tunnel, once `after` is there, by what preflight knows of its member.

        Returns, by a member's name, another text after each time that something was to be made again there.
        """
        if self._memory is None:
            return {}
        args = DeliveryArgs(
            settings=self._settings,
            proxy_url=self._proxy_url,
            known=self._memory.stdout,
            works=self.works,
            after=after,
            facts=facts,
        )
        return Delivery("delivery", args).revisions


@dataclass(frozen=True, kw_only=True)
class DeliveryArgs:
    """The stack's settings, the address of the tunnel's plain port, the members that are `known` to have Works, by
    where their karmada-agents run, as JSON, and the Works that they are to have.

    `after` is what Karmada and the tunnel need before a karmada-agent reports it. `facts` are what preflight knows;
    what it has found is what an earlier `up` had made otherwise, and is to be made again.
    """

    settings: Settings
    proxy_url: Output[str]
    known: Output[str]
    works: Mapping[str, Works]
    after: Sequence[Resource]
    facts: Mapping[str, DeliveryFacts]


class Delivery(ComponentResource):
    """Owns `proxyURL` of each Cluster object and the flag of each karmada-agent's `args`, unless it is there already.

    It is two Commands: what gives both back is there before either may be set, for of a Command that fails nothing is
    kept. Destroy waits until each karmada-agent has come back without its flag.
    """

    revisions: Mapping[str, Output[str]]

    def __init__(self, name: str, args: DeliveryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Delivery", name, None, opts)
        child, settings = ResourceOptions(parent=self), args.settings
        back = local.Command(
            f"{name}-back",
            create="true",
            delete=local_command("take_back"),
            stdin=Output.all(args.proxy_url, args.known).apply(
                lambda of: _given(settings, of[0], AGENTS.validate_json(of[1])).model_dump_json()
            ),
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=list(args.after))),
        )
        found = {each.name: args.facts[each.name].found for each in settings.delivered if args.facts[each.name].found}
        # what an `up` has found is not there in the next one, which is no reason to do it again
        kept = [] if found else ["environment.FOUND"]
        expected = {each: Output.all(*works.expected) for each, works in args.works.items()}
        step = local.Command(
            name,
            create=local_command("deliver"),
            stdin=Output.all(args.proxy_url, args.known, expected).apply(
                lambda of: _wanted(args, *of).model_dump_json()
            ),
            environment={"FOUND": json.dumps(found, sort_keys=True)},
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[back], ignore_changes=kept)),
        )
        self.revisions = {
            each.name: step.environment.apply(partial(_revision, each.name, args.facts[each.name].ready))
            for each in settings.delivered
        }
        self.register_outputs({})


def _revision(member: str, ready: bool, environment: Mapping[str, str] | None) -> str:
    found = json.loads((environment or {}).get("FOUND", "{}"))
    return f"{ready} {found.get(member, '')}"


def _given(settings: Settings, proxy_url: str, agents: Mapping[str, Agent]) -> DeliveredMembers:
    return DeliveredMembers(
        stack=pulumi.get_stack(),
        karmada=settings.host.karmada,
        proxy_url=proxy_url,
        manager=delivering(),
        former=field_manager(),
        agents=agents,
        reached=[each.name for each in settings.members if not each.delivered and each.name in agents],
    )


def _wanted(args: DeliveryArgs, proxy_url: str, known: str, expected: Mapping[str, Sequence[Json]]) -> DeliverInput:
    settings = args.settings
    wanted = {
        each.name: Wanted(
            works=[Expected.model_validate(work) for work in expected[each.name]],
            seconds=60 * rollout_minutes(each, settings.agents(each)),
            api_endpoint=each.api_endpoint,
            ready=args.facts[each.name].ready,
        )
        for each in settings.delivered
        if not each.paused
    }
    paused = [each.name for each in settings.delivered if each.paused]
    given = _given(settings, proxy_url, AGENTS.validate_json(known))
    return DeliverInput(**dict(given), wanted=wanted, paused=paused)


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
