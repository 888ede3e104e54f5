"""Each version has its heading in CHANGELOG.md and a golden state (tests/golden.py), on which today's program is
previewed without an engine: by URNs, and by the inputs for which providers replace. What it takes away or makes anew,
the CHANGELOG's newer versions name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pulumi.runtime.proto.alias_pb2 import Alias

from checks.commands import agent_gone, take_away, take_back
from checks.delivered_agent import DeliveredMembers
from checks.preflight.stored_members import stored_members
from clusters.objects import Json, entries, text
from components.local_command import local_command
from tests import golden
from tests.unit.stacks import short
from tools.render.program import Run
from tools.render.stackfile import ROOT

HEADING = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", re.MULTILINE)
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
RELEASED: Sequence[tuple[str, str]] = HEADING.findall(CHANGELOG)
"""Each version and its day, the newest first."""

DELETES = {
    local_command(module.__name__.rpartition(".")[2]): reads
    for module, reads in (
        (agent_gone, agent_gone.AgentGoneInput),
        (take_away, DeliveredMembers),
        (take_back, DeliveredMembers),
    )
}
"""What states run when a resource of theirs is deleted, and what it reads."""

State = Mapping[str, Json]
Left = tuple[str, State, Run]
"""A version, what it has left of a stack, and today's program run on that stack's config."""


def left(version: str, stack: str) -> Left:
    state = golden.read(f"v{version}", stack)
    return version, state, golden.run(stack, entries(state, "config"))


@pytest.fixture(
    scope="module", params=[(version, stack) for version, _ in RELEASED for stack in golden.STACKS], ids="-".join
)
def was(request: pytest.FixtureRequest) -> Left:
    """Each of the stacks, as each version has left it."""
    return left(*request.param)


def gone(state: State, run: Run) -> list[str]:
    """The resources of a golden state that a run does not declare, by URN or by alias."""
    now = golden.declared(run)
    return [text(each, "urn") for each in golden.resources(state) if text(each, "urn") not in now]


def made_anew(state: State, run: Run) -> list[str]:
    """Those that it declares with other inputs, for which providers replace."""
    now = {urn: golden.state(each).get("replacing") for urn, each in golden.declared(run).items()}
    before = {text(each, "urn"): each.get("replacing") for each in golden.resources(state)}
    return [urn for urn, inputs in before.items() if urn in now and inputs != now[urn]]


def untold(version: str, state: State, urns: Sequence[str]) -> Iterator[str]:
    """Those that the CHANGELOG's newer versions do not name, as `Command NAME-check`."""
    told = CHANGELOG.partition(f"\n## {version} ")[0]
    members = "|".join(map(re.escape, entries(state, "config", "karmada-anp:members")))
    yield from (each for urn in urns if f"`{(each := re.sub(members, 'NAME', short(urn)))}`" not in told)


def test_the_newest_version_comes_first_and_what_is_not_released_before_it() -> None:
    assert RELEASED == sorted(RELEASED, key=lambda each: [*map(int, each[0].split("."))], reverse=True) != []
    first, *others = re.findall(r"^## .*$", CHANGELOG, re.MULTILINE)
    assert first == "## Unreleased" or HEADING.match(first)
    assert [each for each in others if not HEADING.match(each)] == []


def test_every_version_has_its_golden_state() -> None:
    assert {each.stem for each in golden.STATES.iterdir()} == {f"v{version}" for version, _ in RELEASED}


def test_what_a_version_has_left_is_still_declared_or_the_changelog_says_that_it_goes(was: Left) -> None:
    version, state, run = was
    assert list(untold(version, state, gone(state, run))) == []


def test_nothing_of_it_is_made_anew_but_what_the_changelog_names(was: Left) -> None:
    version, state, run = was
    assert list(untold(version, state, made_anew(state, run))) == []


def test_what_its_state_runs_on_deletion_is_still_there_and_understands_what_it_is_given(was: Left) -> None:
    deletes = [each["deletes"] for each in golden.resources(was[1]) if "deletes" in each]
    assert deletes
    for each in deletes:
        DELETES[text(each, "delete")].model_validate_json(text(each, "stdin"))


def test_what_its_state_remembers_of_members_is_still_read(was: Left) -> None:
    members = entries(was[1], "config", "karmada-anp:members")
    reached = [each for each in members if f"::member-{each}" in str(was[1])]
    assert sorted(name for name, each in stored_members(was[1]).items() if each.settings) == sorted(reached)


def named(name: str) -> Alias:
    return Alias(spec=Alias.Spec(name=name))


def typed(component: str) -> Alias:
    return Alias(spec=Alias.Spec(type=f"karmada-anp:index:{component}"))


SAME: Sequence[str] = ()
CHANGES: Sequence[tuple[str, str, Mapping[str, Any], Sequence[str], Sequence[str]]] = (
    ("Entry", "entry", {}, SAME, SAME),
    ("Entry", "entry", {"type": "karmada-anp:index:Other"}, ["Entry entry"], SAME),
    ("Secret", "proxy-guard", {"name": "other"}, ["Secret proxy-guard"], SAME),
    ("Secret", "proxy-guard", {"inputs": {"metadata": {"name": "other"}}}, SAME, ["Secret proxy-guard"]),
    ("Secret", "proxy-guard", {"provider": "karmada"}, SAME, ["Secret proxy-guard"]),
    ("Secret", "proxy-guard", {"name": "other", "aliases": [named("proxy-guard")]}, SAME, SAME),
    ("ProxyServer", "proxy-server", {"name": "other", "aliases": [named("proxy-server")]}, SAME, SAME),
    ("ProxyServer", "proxy-server", {"type": "a:b:C", "aliases": [typed("ProxyServer")]}, SAME, SAME),
)
"""Resources with other fields, and which are then found gone, and made anew."""


@pytest.mark.parametrize(("kind", "name", "change", "goes", "anew"), CHANGES)
def test_a_resource_that_is_not_what_it_was_is_found(
    kind: str, name: str, change: Mapping[str, Any], goes: Sequence[str], anew: Sequence[str]
) -> None:
    _, state, run = left(RELEASED[0][0], "dev")
    resource = run.the(kind, name)
    other = replace(run, resources={**run.resources, resource.urn: replace(resource, **change)})
    assert (list(map(short, gone(state, other))), list(map(short, made_anew(state, other)))) == (list(goes), list(anew))
