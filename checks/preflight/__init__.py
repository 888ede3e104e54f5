"""Preflight: `check` reads the clusters before any resource is made. Only __main__.py calls it, in previews too.

It changes nothing. It finds problems that a provider would meet half-way, or report badly, and reports all of them
together. Paused members are not checked; what needs no cluster, config/ has checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pulumi

from checks.delivered import DeliveryFacts
from checks.preflight.away import Away, answering_gone_members, members_away
from checks.preflight.delivered_member import InKarmada, facts_of_delivered
from checks.preflight.discovered import facts_of_discovered
from checks.preflight.docker_engine import facts_of_engine
from checks.preflight.facts import Facts
from checks.preflight.host_cluster import facts_of_host
from checks.preflight.identity import ApiIdentity, mismatches
from checks.preflight.karmada_api import facts_of_karmada
from checks.preflight.member_cluster import facts_of_member
from clusters.api import KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.objects import Json, text
from clusters.pool import CachingApis, in_parallel
from components.anp import IDENTIFIER, SERVER
from components.field_manager import field_manager
from components.host_guard import HEADER, member_of
from config.problems import PROJECT, Problem
from config.proxy_settings import Frontend
from config.run_error import refusal
from config.settings import Cluster, MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class PreflightResult:
    """The settings, with each member's `registered` as the clusters have it, and what else preflight found.

    `taken_over` are the clusters in which the stack takes over objects made by hand (adoption.py). `former` are, by a
    member's name, the identifiers of its agents from an earlier version or the fork stack, which they keep until
    Karmada's requests have the name. `delivered` is, by name, what was found of members that only Karmada reaches, and
    `operator` the user as whom Karmada's requests reach them.

    Names of members: `formerly_delivered` are those that only Karmada reached until now, `behind` those that are away,
    `unknown_to_karmada` paused ones without a Cluster, `unreachable` those that are declared as paused because they do
    not answer.
    """

    settings: Settings
    taken_over: Sequence[Cluster]
    former: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    formerly_delivered: frozenset[str] = frozenset()
    delivered: Mapping[str, DeliveryFacts] = field(default_factory=dict[str, DeliveryFacts])
    operator: str = ""
    behind: Sequence[str] = ()
    unknown_to_karmada: frozenset[str] = frozenset()
    unreachable: frozenset[str] = frozenset()

    @property
    def awaited(self) -> Sequence[MemberSettings] | None:
        """The Ready members, if only Karmada reaches all active ones; else None."""
        active = self.settings.active
        if not active or not all(each.delivered for each in active):
            return None
        return [each for each in active if self.delivery(each.name).ready]

    @property
    def expected(self) -> Sequence[MemberSettings]:
        """The members whose agents should be connected: all but paused ones."""
        return [each for each in self.settings.members if not each.paused or each.name in self.unreachable]

    def delivery(self, member: str) -> DeliveryFacts:
        """What preflight found of a member that only Karmada reaches; defaults for a paused one, which it skips."""
        return replace(self.delivered.get(member, DeliveryFacts()), operator=self.operator)


def check(settings: Settings, apis: KubernetesApis | None = None) -> PreflightResult:
    """Checks clusters and the Docker engine. Raises pulumi.RunError with all problems together."""
    uncached = apis or OfficialClient()
    apis = CachingApis(uncached)
    # read here: Pulumi knows the stack in this thread alone
    ours, stack = field_manager(), pulumi.get_stack()
    in_karmada = InKarmada(uncached, settings.host.karmada, stack)
    members = {settings.key(each): each for each in settings.members}
    active = {key: each for key, each in members.items() if not each.paused}
    found = in_parallel(
        {
            "host": partial(facts_of_host, apis, settings),
            "karmada": partial(facts_of_karmada, apis, settings, members),
            "engine": partial(facts_of_engine, settings.images),
            **({"discover": partial(facts_of_discovered, apis, settings, stack)} if settings.discover.selector else {}),
            **{
                key: partial(facts_of_delivered, uncached, in_karmada, key, each, settings, stack)
                if each.delivered
                else partial(facts_of_member, apis, key, each, settings, ours, stack)
                for key, each in active.items()
            },
        }
    )
    for key, problem in _mismatches(settings, active, found):
        # its other problems are those of the wrong cluster
        found[key].problems = [problem]
    karmada = found["karmada"].clusters
    problems = [problem for each in found.values() for problem in each.problems]
    problems += answering_gone_members(apis, settings)
    try:
        missing = members_away(apis, settings, active, found, karmada, ours, stack)
        problems += missing.problems(settings)
    except Unavailable as reason:
        why = f"the stack's state does not tell what members have that do not answer, or have left: {reason}"
        problems.append(Problem("members", why, "see to that, and to the members"))
        missing = Away()
    if problems:
        raise refusal("The clusters are not ready for this stack; nothing was changed", problems)
    here = {key: each for key, each in active.items() if each.name not in {*missing.new, *missing.known}}
    elsewhere = _tunnelled_elsewhere(settings, here, found["host"].has_server, karmada)
    warnings = [*(warning for each in found.values() for warning in each.warnings), *missing.warnings()]
    for warning in [*warnings, *elsewhere]:
        pulumi.log.warn(warning)
    for each in found.values():
        for line in each.news:
            pulumi.log.info(line)
    guarded = settings.proxy.frontend is Frontend.GUARDED
    joined = missing.without(settings.joined(found["karmada"].registered))
    clusters: Mapping[str, Cluster] = {"host": joined.host, **{joined.key(each): each for each in joined.members}}
    taken_over = [cluster for key, cluster in clusters.items() if key in found and found[key].takes_over]
    # a server made by hand does not admit agents of the stack's CA: no request finds these by a former identifier
    own = {} if joined.host in taken_over else {key: each for key, each in here.items() if not found[key].takes_over}
    former = _former(own, found, karmada) if guarded else {}
    return PreflightResult(
        settings=joined,
        taken_over=taken_over,
        former=former,
        formerly_delivered=frozenset(each.name for key, each in active.items() if found[key].was_delivered),
        delivered={each.name: found[key].delivery for key, each in active.items() if each.delivered},
        operator=found["karmada"].operator,
        behind=missing.names,
        unreachable=frozenset(missing.known),
        unknown_to_karmada=frozenset(each.name for each in joined.members if each.paused)
        - {text(each, "metadata", "name") for each in karmada},
    )


def _former(
    active: Mapping[str, MemberSettings], found: Mapping[str, Facts], clusters: Sequence[Json]
) -> dict[str, Sequence[str]]:
    headers = {text(each, "metadata", "name"): text(each, *HEADER) for each in clusters}
    former: dict[str, Sequence[str]] = {}
    for key, each in active.items():
        others = [host for host in found[key].identifiers if host != IDENTIFIER.format(each.name)]
        if others and member_of(headers.get(each.name, "")) != each.name:
            former[each.name] = others
    return former


def _mismatches(
    settings: Settings, active: Mapping[str, MemberSettings], found: Mapping[str, Facts]
) -> Iterator[tuple[str, Problem]]:
    """Contexts that are of the wrong cluster: the key, and the problem."""
    identities = [
        ApiIdentity(key="host", context=settings.host.context, uid=found["host"].uid),
        *(
            ApiIdentity(key=key, context=each.context, uid=found[key].uid, member=each.name)
            for key, each in active.items()
        ),
    ]
    karmada_facts = found["karmada"]
    return mismatches(karmada_facts.uid, karmada_facts.clusters, [each.name for each in settings.members], identities)


def _tunnelled_elsewhere(
    settings: Settings, active: Mapping[str, MemberSettings], has_server: bool, clusters: Sequence[Json]
) -> Iterator[str]:
    """Warnings of members with a proxyURL, though the host has no proxy-server, which may have been deleted."""
    ways = {text(each, "metadata", "name"): text(each, "spec", "proxyURL") for each in clusters}
    for key, each in active.items():
        if ways.get(each.name) and not has_server:
            server = f'no {SERVER} in namespace "{settings.host.namespace}" of {settings.host.context}'
            why = f'Karmada goes to "{each.name}" by {ways[each.name]}, but there is {server}'
            remedy = "if that is another stack's tunnel, `up` will fail: take the member out of one of the two"
            yield f"{PROJECT}:{key}: {why}; {remedy}"
