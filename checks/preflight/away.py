"""Members that are away, which is nobody else's problem: what they have stays as it is, and `up` goes on without them.

One that does not answer and has its part of the stack is declared as it was when it last answered, and paused; so is
one that has left the config meanwhile, until it answers; a new one is left out. What they have the stack's state tells,
which is read only where somebody is away or leaves. Karmada itself waits for those that it alone gets at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from checks.applied import owns
from checks.outcomes import listed
from checks.preflight.discovered import unasked
from checks.preflight.facts import Facts
from checks.preflight.memory import Remembered, exported, remembered
from clusters.api import Asking
from clusters.errors import Unavailable
from clusters.objects import Json, text
from clusters.pool import side_by_side
from config.problems import PROJECT, Problem, config_rm, config_set
from config.settings import MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class Away:
    """Who is away: the names of those whose Works wait, of new ones, and by name what the state remembers of the others
    and why they do not answer; `leaving` are those of these that have left the config."""

    unready: Sequence[str] = ()
    new: Mapping[str, str] = field(default_factory=dict[str, str])
    known: Mapping[str, str] = field(default_factory=dict[str, str])
    leaving: frozenset[str] = frozenset()
    memory: Mapping[str, Remembered] = field(default_factory=dict[str, Remembered])

    @property
    def names(self) -> list[str]:
        """All of them."""
        return sorted([*self.unready, *self.new, *self.known])

    def without(self, settings: Settings) -> Settings:
        """The settings without new ones, and with the others as they were, paused."""
        was = {name: self._as_it_was(settings, name) for name in self.known}
        named = {each.name: each for each in settings.members if each.name not in self.new}
        monitored = [each for each in settings.monitored if not isinstance(each, MemberSettings)]
        stay = [each for each in settings.monitored if isinstance(each, MemberSettings) and each.name in named]
        kept = [each for name, each in was.items() if name in self.memory and self.memory[name].monitored]
        return replace(
            settings,
            members=[each for _, each in sorted({**named, **was}.items())],
            monitored=[*monitored, *(each for each in stay if each.name not in was), *kept],
        )

    def _as_it_was(self, settings: Settings, name: str) -> MemberSettings:
        found = self.memory[name].settings
        member = found or next(each for each in settings.members if each.name == name)
        return member.model_copy(update={"paused": True})

    def too_many(self, settings: Settings) -> Iterator[Problem]:
        """That more are away than may be; and, where nobody has said how many that are, that none answers at all."""
        names, most = self.names, settings.away.most
        every = {*(each.name for each in settings.active), *self.leaving}
        none = most is None and bool(names) and every == {*self.new, *self.known}
        if none or len(names) > (unasked(len(every)) if most is None else most):
            reasons = {**self.new, **self.known}
            first = f" ({next(iter(reasons))}: {next(iter(reasons.values()))})" if reasons else ""
            why = f"{len(names)} of {len(every)} members do not answer or are not Ready: {listed(names)}{first}"
            yield Problem(
                "away.most", why, f"see to them, or go on without: {config_set('away.most', str(len(names)))}"
            )

    def warnings(self) -> Iterator[str]:
        """Of each that does not answer what becomes of it."""
        goes_on = "and the first `up` after it is back goes on"
        for name, why in self.new.items():
            yield f"{PROJECT}:members.{name}: it does not answer ({why}): it gets nothing yet, {goes_on}"
        for name, why in self.known.items():
            stays = f"it does not answer ({why}): what it has stays as it is, {goes_on}"
            if name in self.leaving:
                stays = f"it has left the config and {stays}; where it is gone for good, say members.{name}.gone"
            yield f"{PROJECT}:members.{name}: {stays}"


def members_away(
    asking: Asking,
    settings: Settings,
    active: Mapping[str, MemberSettings],
    found: Mapping[str, Facts],
    clusters: Sequence[Json],
    manager: str,
    stack: str,
) -> Away:
    """Who is away. Raises Unavailable where the state does not tell what they have."""
    silent = {each.name: found[key].away for key, each in active.items() if found[key].away}
    unready = [each.name for key, each in active.items() if not found[key].delivery.ready and not found[key].away]
    named = {each.name for each in [*settings.members, *settings.gone]}
    shown = {text(each, "metadata", "name") for each in clusters if owns(each, manager)}
    if not silent and shown <= named:
        return Away(unready=unready)
    memory = remembered(exported(stack))
    left = {name: each.settings for name, each in memory.items() if name not in named and each.settings}
    leaving = {name: why for name, each in left.items() if (why := _why_not(asking, each))}
    known = {name: why for name, why in silent.items() if name in memory}
    return Away(
        unready=unready,
        new={name: why for name, why in silent.items() if name not in memory},
        known={**known, **leaving},
        leaving=frozenset(leaving),
        memory=memory,
    )


def gone_ones_that_answer(asking: Asking, settings: Settings) -> Iterator[Problem]:
    """That a member answers that is said to be gone: what is forgotten there would be left, and its karmada-agent
    without its grant."""
    gone = {settings.key(each): each for each in settings.gone}
    asked = side_by_side({key: partial(_why_not, asking, each) for key, each in gone.items()})
    for key in [key for key, why in asked.items() if not why]:
        yield Problem(f"{key}.gone", f'the API of "{gone[key].context}" answers', config_rm(f"{key}.gone"))


def _why_not(asking: Asking, member: MemberSettings) -> str:
    """Why a member does not answer, or nothing where it does."""
    try:
        asking.raw(member.api, "/version")
    except Unavailable as reason:
        return str(reason)
    return ""
