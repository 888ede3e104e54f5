"""Many members that are found by a label, and reached through Karmada alone: what they cost and live through.

`make test` takes TRIED of them, `make prove` as many as MOST; skipped where the clusters have fewer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from clusters.errors import Unavailable
from clusters.objects import Json
from components import anp
from tests.proof import note
from tests.stack import fleet
from tests.stack.environment import HOST, KARMADA, ours_in
from tests.stack.interrupted import go_on, kill
from tests.stack.nodes import HOST_NODE, metric, pods, process, resident
from tests.stack.refusals import succeeds
from tests.stack.traffic import karmada, traffic
from tools.bench import cpu
from tools.checkout import DESTROY, UP, Checkout

LABEL = "karmada-anp.test/fleet"
PART = "A fleet"
TRIED, MOST = 20, 100
REQUESTS = 10_000
NO_CHECKPOINTS = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""The state is written once, at the end."""

MINUTE = 60
AT_ONCE, CLIENTS = 8, 32
"""Clients whose requests run at the same time."""


@pytest.fixture(scope="module")
def members() -> Sequence[str]:
    """All that there are."""
    try:
        return fleet.names()
    except Unavailable:
        return []


@pytest.fixture(scope="module")
def afar(
    tmp_path_factory: pytest.TempPathFactory, backend: Path, members: Sequence[str], before: Mapping[str, Json]
) -> Iterator[Checkout]:
    """A checkout whose images are in the nodes; its stack has no member until one is labelled. It is destroyed in the
    end, whatever happened."""
    if len(members) < TRIED:
        pytest.skip(f"these clusters have no fleet of {TRIED} members (Clusters with the label {fleet.IN_LAB})")
    many = Checkout(tmp_path_factory.mktemp("fleet"), backend, "fleet", like="dev")
    defaults = {**fleet.SETTINGS, "kind": fleet.CLUSTER}
    many.configure(memberDefaults=defaults, members={members[0]: {}}, images={"build": {"tag": "fleet"}})
    stack = many.select()
    images = stack.up().outputs["images"].value
    stack.destroy()
    many.configure(memberDefaults=fleet.SETTINGS, members={}, images=images, away={"most": len(members)})
    yield many
    stack.destroy()
    fleet.label(members, LABEL, None)


def found(of: Checkout, all_of_them: Sequence[str], count: int) -> Sequence[str]:
    """Labels so many of them, of which each may leave, and no others."""
    of.configure(discover={"selector": LABEL, "leaving": count})
    fleet.label(all_of_them[count:], LABEL, None)
    fleet.label(all_of_them[:count], LABEL)
    return all_of_them[:count]


def reached(output: str, count: int) -> bool:
    """Whether a run's check, which names ten, was answered by all of them."""
    return f"and {count - 10} more: reached through Karmada" in output


def test_twenty_are_taken_in_by_their_label_and_one_leaves_without_it(afar: Checkout, members: Sequence[str]) -> None:
    twenty = found(afar, members, TRIED)
    up = fleet.run(afar, *UP)
    note(PART, tried=f"`up` of {TRIED} members by a label", expected="all reached, 8 resources each", seen=str(up))
    assert reached(up.output, TRIED)
    assert "unchanged" in fleet.run(afar, *UP, "--expect-no-changes").output
    fleet.label(twenty[-1:], LABEL, None)
    assert reached(fleet.run(afar, *UP).output, TRIED - 1)
    assert fleet.left(twenty[-1:]).count(twenty[-1]) == 0
    fleet.run(afar, *DESTROY)
    assert fleet.left(twenty) == []
    assert ours_in(HOST) == []


@pytest.mark.long
@pytest.mark.parametrize("count", [10, 30, MOST])
def test_what_so_many_cost(afar: Checkout, members: Sequence[str], count: int) -> None:
    if len(members) < count:
        pytest.skip(f"the fleet has {len(members)} members")
    some = found(afar, members, count)
    ran = {"fresh up": fleet.run(afar, *UP), "without changes": fleet.run(afar, *UP, "--expect-no-changes")}
    captured = fleet.captured(afar.stack, some)
    afar.configure(certificates={"validityHours": 8_000})
    ran["every leaf renewed"] = fleet.run(afar, *UP)
    fleet.label(some[-1:], LABEL, None)
    ran["one leaves"] = fleet.run(afar, *UP)
    fleet.label(some[-1:], LABEL)
    ran["one more"] = fleet.run(afar, *UP)
    ran["destroy"] = fleet.run(afar, *DESTROY)
    afar.configure(certificates={})
    ran["fresh up without checkpoints"] = fleet.run(afar, *UP, **NO_CHECKPOINTS)
    ran["destroy without checkpoints"] = fleet.run(afar, *DESTROY, **NO_CHECKPOINTS)
    least = fleet.floor(captured)
    fleet.undo(captured)
    for what, each in ran.items():
        note(PART, tried=f"{count} members: {what}", expected=f"floor {least:.1f} s", seen=str(each))
    assert reached(ran["one more"].output, count)
    assert fleet.left(some) == []


@pytest.mark.long
def test_no_request_is_lost_while_every_leaf_of_a_hundred_is_renewed(
    afar: Checkout, members: Sequence[str], tmp_path: Path
) -> None:
    if len(members) < MOST:
        pytest.skip(f"the fleet has {len(members)} members")
    found(afar, members, MOST)
    fleet.run(afar, *UP)
    afar.configure(certificates={"validityHours": 8_000})
    begun, began = cpu.read(), time.monotonic()
    with traffic(karmada(tmp_path), members[:MOST], clients=AT_ONCE) as seen:
        renewed = fleet.run(afar, *UP)
        while len(seen.requests) < REQUESTS:
            time.sleep(1)
    took, spent = time.monotonic() - began, cpu.spent(begun, cpu.read())
    cores = ", ".join(f"{name} {seconds / took:.2f} cores" for name, seconds in spent.items())
    note(
        PART,
        tried=f"{REQUESTS:,} requests to {MOST} members, {AT_ONCE} at once, while every leaf is renewed",
        expected="0 lost",
        seen=f"{seen.summary} in {took:.0f} s; {held()}; {cores}; up: {renewed}",
    )
    assert seen.lost == []


@pytest.mark.long
def test_what_a_hundred_connected_members_cost_the_server(
    afar: Checkout, members: Sequence[str], tmp_path: Path
) -> None:
    """Idle, and with as many requests as this machine sends."""
    if len(members) < MOST:
        pytest.skip(f"the fleet has {len(members)} members")
    found(afar, members, MOST)
    fleet.run(afar, *UP)
    to, begun = karmada(tmp_path), cpu.read()
    time.sleep(MINUTE)
    note(PART, tried=f"{MOST} members connected, idle", expected="figures", seen=costs(begun, 0))
    begun = cpu.read()
    with traffic(to, members[:MOST], clients=CLIENTS) as seen:
        time.sleep(MINUTE)
        busy = costs(begun, len(seen.requests))
    tried = f"{len(seen.requests) / MINUTE:.0f} requests a second to {MOST} members, {CLIENTS} at once"
    note(PART, tried=tried, expected="0 lost", seen=f"{busy}; {seen.summary}")
    assert seen.lost == []


def costs(begun: cpu.Reading, requests: int) -> str:
    """Memory, and CPU since then: cores, and milliseconds a request."""
    spent = {role: seconds for role, seconds in cpu.spent(begun, cpu.read()).items() if seconds}
    each = [
        f"{role} {seconds / MINUTE:.3f} cores"
        + (f" ({1_000 * seconds / requests:.2f} ms a request)" if requests else "")
        for role, seconds in spent.items()
    ]
    return "; ".join([held(), *each])


def held() -> str:
    """Memory of proxy-server and its guard."""
    (server,) = pods(HOST, anp.SERVER)
    guard = resident(HOST_NODE, process(HOST_NODE, server, anp.GUARD))
    own = metric(HOST, server, anp.SERVER_HEALTH_PORT, "process_resident_memory_bytes")
    return f"{anp.SERVER} {own / 2**20:.0f} MiB, {anp.GUARD} {guard / 2**20:.0f} MiB"


@pytest.mark.long
def test_an_up_of_a_hundred_that_was_killed_at_half_goes_on(afar: Checkout, members: Sequence[str]) -> None:
    if len(members) < MOST:
        pytest.skip(f"the fleet has {len(members)} members")
    found(afar, members, MOST)
    fleet.run(afar, *DESTROY)
    length = fleet.run(afar, *UP).seconds
    fleet.run(afar, *DESTROY)
    killed = kill(afar, UP, length, 0.5, undo=DESTROY)
    typed = go_on(afar)
    done = afar.run(*UP, "--expect-no-changes")
    note(
        PART,
        tried=f"`up` of {MOST} members killed at half, then {'; '.join(typed)}",
        expected="all reached, and nothing left to do",
        seen=f"{killed}; then {'no changes' if done.returncode == 0 else 'changes'}",
    )
    succeeds(done)
    assert [name for name in members[:MOST] if not answers(name)] == []


def answers(name: str) -> bool:
    try:
        return fleet.apis.raw(fleet.karmada_api, anp.PROXY_PATH.format(name) + "/readyz") == "ok"
    except Unavailable:
        return False


@pytest.mark.long
def test_a_fleet_leaves_nothing(afar: Checkout, members: Sequence[str]) -> None:
    fleet.run(afar, *DESTROY)
    assert fleet.left(members) == []
    assert (ours_in(HOST), ours_in(KARMADA)) == ([], [])
