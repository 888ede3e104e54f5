"""The policy pack's rules over a run of the program, and over one with a single resource changed."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from clusters.objects import Json
from policy.resources import Resource
from policy.rules import STACK_RULES, rules
from tools.render.program import Run
from tools.render.recorded import Recorded


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One resource of a run, changed: `properties` are values by their path, `options` fields of a Resource.

    The one rule that refuses it has that name, and says `says` of it.
    """

    kind: str
    name: str
    rule: str
    says: str
    properties: Mapping[str, Json] = field(default_factory=dict[str, Json])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def seen(recorded: Recorded) -> Resource:
    """A resource of a run as the engine would hand it to the pack."""
    return Resource(
        type=recorded.type,
        name=recorded.name,
        urn=recorded.urn,
        properties=recorded.inputs,
        provider=recorded.provider,
        protect=recorded.protect,
        secret_outputs=frozenset(path[0] for path in recorded.secret_outputs if len(path) == 1),
        dependencies=recorded.dependencies,
    )


def breaches(resources: Iterable[Resource], signs: int = 1) -> dict[tuple[str, str], str]:
    """What the rules say, by the rule's and the resource's name."""
    found: dict[tuple[str, str], str] = {}
    all_of_them = {each.urn: each for each in resources}
    for rule in rules(signs):
        for resource in all_of_them.values():
            for why in rule.broken(resource):
                found[rule.name, resource.name] = why
    for rule in STACK_RULES:
        for resource, why in rule.broken(all_of_them):
            found[rule.name, resource.name] = why
    return found


def of(run: Run) -> list[Resource]:
    """The resources of a run as the pack sees them."""
    return [seen(each) for each in run.resources.values()]


def broken(run: Run, by: Broken) -> list[Resource]:
    """A run's resources with one of them changed."""
    urn = run.the(by.kind, by.name).urn
    return [_changed(each, by) if each.urn == urn else each for each in of(run)]


def _changed(resource: Resource, by: Broken) -> Resource:
    properties = resource.properties
    for path, value in by.properties.items():
        properties = altered(properties, path, value)
    return replace(resource, properties=properties, **by.options)


def altered(properties: Json, path: str, value: Json) -> Json:
    """Properties with another value somewhere; keys on the way are made, and taken away where the value is None."""
    changed: Any = copy.deepcopy(properties)
    *way, last = path.split("/")
    here = changed
    for key in way:
        here = here[int(key)] if key.isdigit() else here.setdefault(key, {})
    if value is None:
        del here[last]
    else:
        here[int(last) if last.isdigit() else last] = value
    return cast("Json", changed)
