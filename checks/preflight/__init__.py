"""What the clusters themselves say, asked before anything is made: `check`, called by __main__.py alone.

Changes nothing, in previews too. It finds what a provider would only meet half-way, or say badly, and reports all of it
together. Paused members are left out; what this machine alone knows, config/ has checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pulumi

from checks.delivered import DeliveryFacts
from checks.preflight.away import Away, gone_ones_that_answer, members_away
from checks.preflight.delivered_member import facts_of_delivered
from checks.preflight.discovered import facts_of_discovered
from checks.preflight.docker_engine import facts_of_engine
from checks.preflight.facts import Facts
from checks.preflight.host_cluster import facts_of_host
from checks.preflight.identity import Asked, mistaken
from checks.preflight.karmada_api import facts_of_karmada
from checks.preflight.member_cluster import facts_of_member
from clusters.api import Apis, Asking
from clusters.errors import Unavailable
from clusters.objects import Json, text
from clusters.pool import Remembering, side_by_side
from components.anp import IDENTIFIER, SERVER
from components.field_manager import field_manager
from components.host_guard import HEADER, member_of
from config.problems import PROJECT, Problem
from config.proxy_settings import Frontend
from config.run_error import refusal
from config.settings import Cluster, MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The settings with what only the clusters know, `registered` of each member, and the clusters in which the stack
    takes the place of what was made by hand (adoption.py).

    `former` are the hosts, by a member's name, by which its agents are found until Karmada shows the guard that name:
    in the `up` that takes the place of an earlier version or of the fork stack. `returning` are the names of those that
    Karmada alone got at until now, `behind` of those that are away, `frozen` of paused ones that Karmada does not know,
    and `silent` of those that are declared as paused because they do not answer.
    """

    settings: Settings
    adopting: Sequence[Cluster]
    former: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    returning: frozenset[str] = frozenset()
    delivered: Mapping[str, DeliveryFacts] = field(default_factory=dict[str, DeliveryFacts])
    operator: str = ""
    behind: Sequence[str] = ()
    frozen: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()

    @property
    def awaited(self) -> Sequence[MemberSettings] | None:
        """Where Karmada alone gets at every member, those that are Ready; None where others are there."""
        active = self.settings.active
        if not active or not all(each.delivered for each in active):
            return None
        return [each for each in active if self.delivery(each.name).ready]

    @property
    def expected(self) -> Sequence[MemberSettings]:
        """The members whose agents should be connected."""
        return [each for each in self.settings.members if not each.paused or each.name in self.silent]

    def delivery(self, member: str) -> DeliveryFacts:
        """What is known of a member for its delivery, if it has one; of a paused one nothing was asked."""
        return replace(self.delivered.get(member, DeliveryFacts()), operator=self.operator)


def check(settings: Settings, asking: Asking | None = None) -> Ready:
    """What the program goes on with. Raises pulumi.RunError with all that the clusters and the engine object to."""
    at_once = asking or Apis()
    asking = Remembering(at_once)
    # asked here: Pulumi knows the stack in this thread alone
    ours, stack = field_manager(), pulumi.get_stack()
    members = {settings.key(each): each for each in settings.members}
    active = {key: each for key, each in members.items() if not each.paused}
    found = side_by_side(
        {
            "host": partial(facts_of_host, asking, settings),
            "karmada": partial(facts_of_karmada, asking, settings, members),
            "engine": partial(facts_of_engine, settings.images),
            **(
                {"discover": partial(facts_of_discovered, asking, settings, stack)}
                if settings.discover.selector
                else {}
            ),
            **{
                key: partial(facts_of_delivered, at_once, key, each, settings, stack)
                if each.delivered
                else partial(facts_of_member, asking, key, each, settings, ours, stack)
                for key, each in active.items()
            },
        }
    )
    for key, problem in _mistaken(settings, active, found):
        # what else is wrong there is wrong of another cluster than the one that is meant
        found[key].problems = [problem]
    karmada = found["karmada"].clusters
    problems = [problem for each in found.values() for problem in each.problems]
    problems += gone_ones_that_answer(asking, settings)
    try:
        missing = members_away(asking, settings, active, found, karmada, ours, stack)
        problems += missing.too_many(settings)
    except Unavailable as reason:
        why = f"the stack's state does not tell what members have that do not answer, or have left: {reason}"
        problems.append(Problem("members", why, "see to that, and to the members"))
        missing = Away()
    if problems:
        raise refusal("The clusters are not ready for this stack; nothing was changed", problems)
    here = {key: each for key, each in active.items() if each.name not in {*missing.new, *missing.known}}
    elsewhere = _tunnelled_elsewhere(settings, here, found["host"].has_server, karmada)
    told = [*(warning for each in found.values() for warning in each.warnings), *missing.warnings()]
    for warning in [*told, *elsewhere]:
        pulumi.log.warn(warning)
    for each in found.values():
        for line in each.news:
            pulumi.log.info(line)
    guarded = settings.proxy.frontend is Frontend.GUARDED
    joined = missing.without(settings.joined(found["karmada"].registered))
    clusters: Mapping[str, Cluster] = {"host": joined.host, **{joined.key(each): each for each in joined.members}}
    adopting = [cluster for key, cluster in clusters.items() if key in found and found[key].adopts]
    # agents of the stack's own CA do not get into what was made by hand: no request finds them by a former host
    own = {} if joined.host in adopting else {key: each for key, each in here.items() if not found[key].adopts}
    former = _former(own, found, karmada) if guarded else {}
    return Ready(
        settings=joined,
        adopting=adopting,
        former=former,
        returning=frozenset(each.name for key, each in active.items() if found[key].returns),
        delivered={each.name: found[key].delivery for key, each in active.items() if each.delivered},
        operator=found["karmada"].operator,
        behind=missing.names,
        silent=frozenset(missing.known),
        frozen=frozenset(each.name for each in joined.members if each.paused)
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


def _mistaken(
    settings: Settings, active: Mapping[str, MemberSettings], found: Mapping[str, Facts]
) -> Iterator[tuple[str, Problem]]:
    """What is not the cluster that is meant: who was asked, and the problem."""
    asked = [
        Asked(key="host", context=settings.host.context, uid=found["host"].uid),
        *(Asked(key=key, context=each.context, uid=found[key].uid, member=each.name) for key, each in active.items()),
    ]
    known = found["karmada"]
    return mistaken(known.uid, known.clusters, [each.name for each in settings.members], asked)


def _tunnelled_elsewhere(
    settings: Settings, active: Mapping[str, MemberSettings], has_server: bool, clusters: Sequence[Json]
) -> Iterator[str]:
    """Members that have a tunnel, though the host has no proxy-server. No problem: the server may have been deleted."""
    ways = {text(each, "metadata", "name"): text(each, "spec", "proxyURL") for each in clusters}
    for key, each in active.items():
        if ways.get(each.name) and not has_server:
            server = f'no {SERVER} in namespace "{settings.host.namespace}" of {settings.host.context}'
            why = f'Karmada goes to "{each.name}" by {ways[each.name]}, but there is {server}'
            mend = "if that is another stack's tunnel, `up` will fail: take the member out of one of the two"
            yield f"{PROJECT}:{key}: {why}; {mend}"
