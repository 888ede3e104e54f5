"""Members that are away: `up` goes on without them, and leaves what they have unchanged.

A member that does not answer is declared with the settings of its last `up`, and paused; so is one that has left the
config and does not answer. A new one is left out. The stack's state tells new from known ones; it is read only if a
member does not answer, is paused, or has left the config. For members that only Karmada reaches, Karmada keeps their
Works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pulumi

from checks.applied import owns
from checks.outcomes import listed
from checks.preflight.discovered import default_limit
from checks.preflight.facts import Facts
from checks.preflight.member_cluster import is_delivered
from checks.preflight.stored_members import StoredMember, exported_state, stored_members
from clusters.api import KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import Json, text
from clusters.pool import in_parallel
from config.problems import PROJECT, Problem, config_rm, config_set
from config.settings import Access, MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class Away:
    """The members that are away: `unready` ones with `access: karmada`, whose Works wait in Karmada; `new` and `known`
    ones, with why they do not answer. `leaving` are the known ones that have left the config too, `stored` the members
    with a kubeconfig in the stack's state. `waiting` are paused ones that have nothing of the stack yet, `delivered`
    those of them that only Karmada reaches until now; `half` ones that do not answer, paused or not, and in which an
    `up` ended half-way."""

    unready: Sequence[str] = ()
    new: Mapping[str, str] = field(default_factory=dict[str, str])
    known: Mapping[str, str] = field(default_factory=dict[str, str])
    leaving: frozenset[str] = frozenset()
    stored: Mapping[str, StoredMember] = field(default_factory=dict[str, StoredMember])
    waiting: Sequence[str] = ()
    delivered: Sequence[str] = ()
    half: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def names(self) -> list[str]:
        """The names of all members that are away."""
        return sorted([*self.unready, *self.new, *self.known])

    def without(self, settings: Settings) -> Settings:
        """The settings without members that are away, or paused, and have nothing yet; and with known and paused ones
        as stored, paused: what is not changed in a member must not be made or deleted there either."""
        paused = {each.name for each in settings.members if each.paused} & self.stored.keys()
        as_stored = {name: self._as_it_was(settings, name) for name in (*self.known, *paused)}
        named = {each.name: each for each in settings.members if each.name not in {*self.new, *self.waiting}}
        monitored = [each for each in settings.monitored if not isinstance(each, MemberSettings)]
        stay = [each for each in settings.monitored if isinstance(each, MemberSettings) and each.name in named]
        kept = [each for name, each in as_stored.items() if name in self.stored and self.stored[name].monitored]
        return replace(
            settings,
            members=[each for _, each in sorted({**named, **as_stored}.items())],
            monitored=[*monitored, *(each for each in stay if each.name not in as_stored), *kept],
        )

    def _as_it_was(self, settings: Settings, name: str) -> MemberSettings:
        found = self.stored[name].settings
        member = found or next(each for each in settings.members if each.name == name)
        return member.model_copy(update={"paused": True})

    def problems(self, settings: Settings) -> Iterator[Problem]:
        """Problems of members in which an `up` ended half-way: Pulumi would go on there; and of paused ones that only
        Karmada reaches until now: what they have would be taken back, and nothing put in its place. One if more members
        are away than may be, and, if `away.most` is not set, if no member answers at all."""
        for name in self.delivered:
            key = f"members.{name}.access"
            why = "the member is paused, and Karmada alone gets at it until now"
            yield Problem(key, why, config_set(key, Access.KARMADA))
        for name, reason in self.half.items():
            why = f"an `up` ended before all was ready there, and now it does not answer ({reason}): Pulumi would go on"
            gone = config_set(f"members.{name}.gone", "true")
            yield Problem(f"members.{name}", why, f"see to that cluster, or, if it never answers again: {gone}")
        names, most = self.names, settings.away.most
        every = {*(each.name for each in settings.active), *self.leaving}
        none_answers = most is None and bool(names) and every == {*self.new, *self.known}
        if none_answers or len(names) > (default_limit(len(every)) if most is None else most):
            reasons = {**self.new, **self.known}
            first = f" ({next(iter(reasons))}: {next(iter(reasons.values()))})" if reasons else ""
            why = f"{len(names)} of {len(every)} members do not answer or are not Ready: {listed(names)}{first}"
            yield Problem(
                "away.most",
                why,
                f"repair them, or allow that many to be away: {config_set('away.most', str(len(names)))}",
            )

    def warnings(self) -> Iterator[str]:
        """A warning for each member that does not answer."""
        goes_on = "and the first `up` after it answers again completes it"
        for name in self.waiting:
            yield f"{PROJECT}:members.{name}: it is paused: it gets nothing until it is not"
        for name, why in self.new.items():
            yield f"{PROJECT}:members.{name}: it does not answer ({why}): it gets nothing yet, {goes_on}"
        for name, why in self.known.items():
            stays = f"it does not answer ({why}): what it has stays as it is, {goes_on}"
            if name in self.leaving:
                stays = f"it has left the config and {stays}; if the cluster no longer exists, set members.{name}.gone"
            yield f"{PROJECT}:members.{name}: {stays}"


def members_away(
    apis: KubernetesApis,
    settings: Settings,
    active: Mapping[str, MemberSettings],
    found: Mapping[str, Facts],
    clusters: Sequence[Json],
    manager: str,
    stack: str,
) -> Away:
    """The members that are away, by the facts found. Raises Unavailable if the stack's state cannot be read."""
    silent = {each.name: found[key].away for key, each in active.items() if found[key].away}
    unready = [each.name for key, each in active.items() if not found[key].delivery.ready and not found[key].away]
    named = {each.name for each in [*settings.members, *settings.gone]}
    patched = {text(each, "metadata", "name") for each in clusters if owns(each, manager)}
    paused = {each.name: each for each in settings.members if each.paused}
    if not silent and not paused and patched <= named:
        return Away(unready=unready)
    stored = stored_members(exported_state(stack, pulumi.get_organization()))
    left = {name: each.settings for name, each in stored.items() if name not in named and each.settings}
    reasons = in_parallel({name: partial(_no_answer_reason, apis, each) for name, each in left.items()})
    leaving = {name: why for name, why in reasons.items() if why}
    known = {name: why for name, why in silent.items() if name in stored}
    half = {name for name, each in stored.items() if not each.complete}
    waiting = [name for name, each in paused.items() if name not in stored and not each.delivered]
    of_paused = {name: _no_answer_reason(apis, paused[name]) for name in half & paused.keys()}
    return Away(
        unready=unready,
        new={name: why for name, why in silent.items() if name not in stored},
        known={**known, **leaving},
        leaving=frozenset(leaving),
        stored=stored,
        waiting=waiting,
        delivered=[name for name in waiting if is_delivered(apis, paused[name], settings, stack)],
        half={name: why for name, why in {**known, **leaving, **of_paused}.items() if why and name in half},
    )


def answering_gone_members(apis: KubernetesApis, settings: Settings) -> Iterator[Problem]:
    """Problems of members that are `gone` in the config, but answer: their objects would be left behind, and their
    karmada-agent without its grant."""
    gone = {settings.key(each): each for each in settings.gone}
    reasons = in_parallel({key: partial(_no_answer_reason, apis, each) for key, each in gone.items()})
    for key in [key for key, why in reasons.items() if not why]:
        yield Problem(f"{key}.gone", f'the API of "{gone[key].context}" answers', config_rm(f"{key}.gone"))


def _no_answer_reason(apis: KubernetesApis, member: MemberSettings) -> str:
    """Why a member does not answer, or an empty text if it does."""
    try:
        apis.raw(member.api, "/version")
    except Unavailable as reason:
        return str(reason)
    return ""
