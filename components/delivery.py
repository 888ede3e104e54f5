"""Delivery: the Commands for members with `access: karmada`, which only Karmada can reach.

works.py makes these members' objects as Works, which are not waited for. These Commands wait until Ready members have
applied them, give each karmada-agent its flag through the tunnel (server-side apply), and take everything away in the
end. Each serves all members: with Commands for each member, a hundred members took 92 s where these take 14.
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

from checks.commands.deliver import DeliverInput, DesiredDelivery
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
"""Name of the Role and RoleBinding for the user who runs the stack; there is no controller of that name."""


class Deliveries:
    """The Works of all members with `access: karmada`, and the Command `delivery-works`, which deletes them on destroy.

    That Command exists before any Work. Its stdout is JSON: by a member's name, where its karmada-agent runs; members
    that left the stack stay in it while they may have Works. `proxy_url` is the URL of the tunnel's plain port.
    `formerly_delivered` are members whose `access` was `karmada` until now: the Commands stay for one more `up`, to
    undo what they set.
    """

    works: Mapping[str, Works]
    """The maker of Works of each member with `access: karmada`, by the member's name."""

    def __init__(self, settings: Settings, proxy_url: Input[str], formerly_delivered: Collection[str] = ()) -> None:
        self._settings, self._proxy_url = settings, Output.from_input(proxy_url)
        self._memory = None
        self.works = {}
        if settings.delivered or formerly_delivered:
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
        """Makes each karmada-agent report the tunnel, once `after` exists. `facts` are preflight's, by a member's name.

        Returns for each member a text that changes when it becomes Ready or not, or when something lost is set again.
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
    """The stack's settings, the URL of the tunnel's plain port, and the members' Works by name.

    `known` is JSON, from `delivery-works`: where karmada-agent runs in each member that has Works. `after` must exist
    before a karmada-agent reports the tunnel. `facts` are preflight's; their `found` says what an earlier `up` had set
    in the member and is lost, so that it must be made again.
    """

    settings: Settings
    proxy_url: Output[str]
    known: Output[str]
    works: Mapping[str, Works]
    after: Sequence[Resource]
    facts: Mapping[str, DeliveryFacts]


class Delivery(ComponentResource):
    """Server-side apply patches, made by Commands: `proxyURL` of each Cluster object and the flag in karmada-agent's
    `args`. The patches own only these fields. A flag that another field manager has set is left to it.

    It is two Commands, since Pulumi keeps nothing of a Command that fails: the one that undoes this on destroy
    (take_back) exists before the other sets the fields. In Ready members, destroy removes both and waits until
    karmada-agent runs without its flag.
    """

    revisions: Mapping[str, Output[str]]
    """By a member's name, a text that changes when it becomes Ready or not, or when something lost is set again."""

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
        # the next `up` finds nothing lost; without ignore_changes that alone would run the Command again
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
    """A text that changes when the member becomes Ready or not, or when something lost is found in it."""
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
        each.name: DesiredDelivery(
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
    """A Work with the namespace of the member's proxies, unless it is karmada-agent's own, which exists."""
    if member.namespace == member.agent.namespace:
        return []
    return [make(Namespace, name, metadata={"name": member.namespace}, opts=opts)]


def pull_secrets(
    name: str, member: MemberSettings, make: Works, of_host: Mapping[str, Secret], opts: ResourceOptions
) -> dict[str, CustomResource]:
    """Works with copies of the host's imagePullSecrets, by the names that they have in the member."""
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
    name: str, member: MemberSettings, make: Works, user: str, secret: Input[str], opts: ResourceOptions
) -> list[CustomResource]:
    """RBAC in the member for the user who runs the stack, whom Karmada impersonates in requests through the tunnel.

    It allows setting karmada-agent's flag, listing pods, as the check does, and what `make doctor` reads: proxy-agents'
    Deployment, their Secret of that name, and their ports. Nothing where `user` is "": the user may do everything
    already.
    """
    if not user:
        return []
    agent, proxies = member.agent.namespace, member.namespace
    pods: Mapping[str, object] = {"api_groups": [""], "resources": ["pods"], "verbs": ["list"]}
    rules: dict[str, list[Mapping[str, object]]] = {proxies: [pods], agent: [pods]}
    rules[agent] += [_named("apps", "deployments", member.agent.deployment, "get", "patch")]
    rules[proxies] += [
        _named("apps", "deployments", member.agents_name, "get"),
        _named("", "secrets", secret, "get"),
        {"api_groups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]},
    ]
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


def _named(group: str, resource: str, name: Input[str], *verbs: str) -> Mapping[str, object]:
    """A rule of RBAC for one object."""
    return {"api_groups": [group], "resources": [resource], "resource_names": [name], "verbs": list(verbs)}
