"""Many members that are found by a label, and reached through Karmada alone: what they cost and live through.

`make test` takes TRIED of them, `make prove` as many as MOST; skipped where the clusters have fewer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from checks.outcomes import NAMED
from clusters.errors import Unavailable
from clusters.objects import Json
from tests.proof import note
from tests.stack import fleet, interrupted
from tests.stack.environment import HOST, answer, ours_in
from tests.stack.nodes import in_mebibytes, memory_of_server
from tests.stack.refusals import succeeds
from tests.stack.traffic import LONGEST, karmada, traffic
from tests.turns import turn
from tools.bench import cpu
from tools.checkout import DESTROY, UP, Checkout

LABEL = "karmada-anp.test/fleet"
PART = "A fleet"
TRIED, MOST = 20, 100
RESOURCES_EACH = 8
REQUESTS = 10_000
NO_CHECKPOINTS = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""The state is written once, at the end."""

MINUTE = 60
MANY = 32
"""Clients whose requests run at the same time."""
PACE = 2
"""Seconds between a client's requests while leaves are renewed: a hundred rollouts need the machine's cores too."""

REPLACED = 40
"""Seconds within which the pod of a single server is replaced, and agents have found the new one."""


@pytest.fixture(scope="module")
def members() -> Sequence[str]:
    """All that there are."""
    try:
        return fleet.names()
    except Unavailable:
        return []


@pytest.fixture(scope="module")
def many(
    tmp_path_factory: pytest.TempPathFactory, backend: Path, members: Sequence[str], before: Mapping[str, Json]
) -> Iterator[Checkout]:
    """A checkout whose images are in the nodes; its stack has no member until one is labelled. It is destroyed in the
    end, whatever happened."""
    if len(members) < TRIED:
        pytest.skip(f"these clusters have no fleet of {TRIED} members (Clusters with the label {fleet.IN_LAB})")
    found = Checkout(tmp_path_factory.mktemp("fleet"), backend, "fleet", like="dev")
    found.seconds = 1_800
    first = {members[0]: {"kind": fleet.CLUSTER}}
    found.configure(memberDefaults=fleet.SETTINGS, members=first, images={"build": {"tag": "fleet"}})
    stack = found.select()
    try:
        images = stack.up().outputs["images"].value
        stack.destroy()
        found.configure(memberDefaults=fleet.SETTINGS, members={}, images=images, away={"most": len(members)})
        yield found
        interrupted.repair(found)
    finally:
        try:
            stack.destroy()
        finally:
            fleet.label(members, LABEL, None)


@pytest.fixture(scope="module")
def alone(many: Checkout, members: Sequence[str], turns: Path) -> Iterator[Checkout]:
    """The same for what is measured, once the tests of other stacks have ended."""
    with turn(turns):
        fleet.calm(members)
        fleet.settled(members)
        yield many


def labelled(of: Checkout, all_of_them: Sequence[str], count: int) -> Sequence[str]:
    """Labels so many members, of which each may leave, and no others. Skips where there are fewer."""
    if len(all_of_them) < count:
        pytest.skip(f"the fleet has {len(all_of_them)} members")
    of.configure(discover={"selector": LABEL, "leaving": count}, certificates={})
    fleet.label(all_of_them[count:], LABEL, None)
    fleet.label(all_of_them[:count], LABEL)
    return all_of_them[:count]


def reached(output: str, count: int) -> bool:
    """Whether a run's check was answered by all of them: a line each, or one for more than NAMED."""
    if count > NAMED:
        return f"and {count - NAMED} more: reached through Karmada" in output
    return len(set(re.findall(r"(\S+): reached through Karmada", output))) == count


def test_twenty_are_taken_in_by_their_label_and_one_leaves_without_it(many: Checkout, members: Sequence[str]) -> None:
    twenty = labelled(many, members, TRIED)
    fleet.settled(twenty)
    up = fleet.run(many, *UP)
    assert reached(up.output, TRIED), up.output
    fleet.settled(twenty)
    fleet.run(many, *UP, "--expect-no-changes")
    fleet.label(twenty[-1:], LABEL, None)
    less = fleet.run(many, *UP)
    note(
        PART,
        tried=f"`up` of {TRIED} members by a label",
        expected=f"all reached, {RESOURCES_EACH} resources each",
        seen=f"{up}; {up.resources - less.resources} resources each",
    )
    assert reached(less.output, TRIED - 1), less.output
    assert up.resources - less.resources == RESOURCES_EACH
    assert fleet.left(many.stack, twenty[-1:]) == []
    fleet.run(many, *DESTROY)
    assert fleet.left(many.stack, twenty) == []
    assert ours_in(HOST) == []


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("count", [10, 30, MOST])
def test_what_so_many_cost(alone: Checkout, members: Sequence[str], count: int) -> None:
    some = labelled(alone, members, count)
    ran = {"fresh up": fleet.run(alone, *UP)}
    fleet.settled(some)
    ran["without changes"] = fleet.run(alone, *UP, "--expect-no-changes")
    made = fleet.captured(alone.stack, some)
    alone.configure(certificates={"validityHours": 8_000})
    ran["every leaf renewed"] = fleet.run(alone, *UP)
    fleet.label(some[-1:], LABEL, None)
    ran["one leaves"] = fleet.run(alone, *UP)
    fleet.label(some[-1:], LABEL)
    ran["one more"] = fleet.run(alone, *UP)
    ran["destroy"] = fleet.run(alone, *DESTROY)
    ran["fresh up without checkpoints"] = fleet.run(alone, *UP, **NO_CHECKPOINTS)
    ran["destroy without checkpoints"] = fleet.run(alone, *DESTROY, **NO_CHECKPOINTS)
    for what, each in ran.items():
        note(PART, tried=f"{count} members: {what}", expected="figures", seen=str(each))
    try:
        note(PART, tried=f"{count} members: without Pulumi", expected="figures", seen=f"{fleet.floor(made):.1f} s")
    finally:
        fleet.undo(made)
    assert reached(ran["one more"].output, count)
    assert fleet.left(alone.stack, some) == []


@pytest.mark.long
@pytest.mark.alone
def test_while_every_leaf_of_a_hundred_is_renewed_requests_are_lost_only_as_the_one_server_is_replaced(
    alone: Checkout, members: Sequence[str], tmp_path: Path
) -> None:
    labelled(alone, members, MOST)
    fleet.run(alone, *UP)
    alone.configure(certificates={"validityHours": 8_000})
    begun, began = cpu.read(), time.monotonic()
    with traffic(karmada(tmp_path), members[:MOST], clients=MANY, every=PACE) as seen:
        renewed = fleet.run(alone, *UP)
        while len(seen.requests) < REQUESTS and time.monotonic() < began + LONGEST:
            time.sleep(1)
    took, spent = time.monotonic() - began, cpu.spent(begun, cpu.read())
    cores = ", ".join(f"{name} {seconds / took:.2f} cores" for name, seconds in spent.items())
    note(
        PART,
        tried=f"{REQUESTS:,} requests to {MOST} members, {MANY} clients every {PACE} s, while every leaf is renewed",
        expected=f"lost within {REPLACED} s alone",
        seen=f"{seen} in {took:.0f} s; {in_mebibytes(memory_of_server())}; {cores}; up: {renewed}",
    )
    assert renewed.seconds < LONGEST
    assert len(seen.requests) >= REQUESTS
    lost = [each.ended for each in seen.requests if each.wrong]
    assert max(lost, default=0) - min(lost, default=0) <= REPLACED, seen.lost


@pytest.mark.long
@pytest.mark.alone
def test_what_a_hundred_connected_members_cost_the_server(
    alone: Checkout, members: Sequence[str], tmp_path: Path
) -> None:
    """Idle, and with as many requests as this machine sends."""
    labelled(alone, members, MOST)
    fleet.run(alone, *UP)
    to, begun = karmada(tmp_path), cpu.read()
    time.sleep(MINUTE)
    note(PART, tried=f"{MOST} members connected, idle", expected="figures", seen=costs(begun, 0))
    begun = cpu.read()
    with traffic(to, members[:MOST], clients=MANY) as seen:
        time.sleep(MINUTE)
        busy = costs(begun, len(seen.requests))
    tried = f"{len(seen.requests) / MINUTE:.0f} requests a second to {MOST} members, {MANY} at once"
    note(PART, tried=tried, expected="0 lost", seen=f"{busy}; {seen}")
    assert seen.lost == []


def costs(begun: cpu.Reading, requests: int) -> str:
    """Memory, and CPU since then: cores, and milliseconds a request."""
    spent = {role: seconds for role, seconds in cpu.spent(begun, cpu.read()).items() if seconds}
    cores = [f"{role} {seconds / MINUTE:.3f} cores" for role, seconds in spent.items()]
    each = [f"{role} {1_000 * seconds / requests:.2f} ms a request" for role, seconds in spent.items() if requests]
    return "; ".join([in_mebibytes(memory_of_server()), *cores, *each])


@pytest.mark.long
@pytest.mark.alone
def test_an_up_of_a_hundred_that_was_killed_at_half_goes_on(alone: Checkout, members: Sequence[str]) -> None:
    labelled(alone, members, MOST)
    fleet.run(alone, *DESTROY)
    killed = interrupted.kill_at(alone, UP, RESOURCES_EACH * MOST // 2)
    typed = interrupted.go_on(alone)
    fleet.settled(members[:MOST])
    done = alone.run(*UP, "--expect-no-changes")
    away = [name for name in members[:MOST] if answer(name, "/readyz") != "ok"]
    note(
        PART,
        tried=f"`up` of {MOST} members killed at half, then {'; '.join(typed)}",
        expected="all reached, and nothing left to do",
        seen=f"{killed}; then {MOST - len(away)} reached, {'no changes' if done.returncode == 0 else 'changes'}",
    )
    succeeds(done)
    assert away == []


@pytest.mark.long
@pytest.mark.alone
def test_a_fleet_leaves_nothing(alone: Checkout, members: Sequence[str]) -> None:
    fleet.run(alone, *DESTROY)
    assert fleet.left(alone.stack, members) == []
    assert ours_in(HOST) == []
