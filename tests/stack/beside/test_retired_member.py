"""A member that is paused, then dead, then let go, while the others go on. Its node is gone afterwards.

The last of its directory, by its name: the clusters have to be made again for another run of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pulumi import automation

from clusters.objects import Json, at, items, text
from clusters.programs import output_of
from tests.stack import environment
from tests.stack.environment import KARMADA, NAMESPACE, SECOND, beside, member, settings_of
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import node_of
from tools.checkout import Checkout

pytestmark = pytest.mark.long

EXPENDABLE = SECOND.plain
"""A member whose node the test removes, where there is one."""

PAUSED: dict[str, Json] = {"paused": True}


@pytest.fixture(scope="module")
def up(dev: Checkout) -> automation.UpResult:
    """A fresh up of all members."""
    clusters = objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io", EXPENDABLE))
    node = output_of(["docker", "ps", "--quiet", "--filter", f"name=^{node_of(EXPENDABLE)}$"])
    if not clusters or not node.strip():
        pytest.skip(f"there is no kind cluster {EXPENDABLE} that could be removed")
    dev.configure(members=settings_of(*staying(), EXPENDABLE))
    return dev.select().up(on_output=print)


def staying() -> list[str]:
    return [name for name in beside().joined if name != EXPENDABLE]


def of_the_member(dev: Checkout) -> list[str]:
    """The resources in the state that are the expendable member's, but for what has no cluster."""
    found = [text(each, "urn") for each in items(dev.select().export_stack().deployment, "resources")]
    return [urn for urn in found if EXPENDABLE in urn.rpartition("::")[2]]


def test_every_member_is_reached(up: automation.UpResult) -> None:
    for name in [*staying(), EXPENDABLE]:
        assert f"{name}: reached through Karmada" in up.stdout


def test_a_paused_member_that_is_there_is_left_as_it_is(up: automation.UpResult, dev: Checkout) -> None:
    agent = ("get", "deployment/proxy-agent", f"--namespace={NAMESPACE}")
    was = at(objects(kubectl(*member(EXPENDABLE), *agent))[0], "metadata", "generation")
    paused = settings_of(EXPENDABLE)[EXPENDABLE] | PAUSED
    dev.configure(members=settings_of(*staying()) | {EXPENDABLE: paused}, certificates={"validityHours": 8_000})
    result = dev.select().up(on_output=print)
    assert f"{EXPENDABLE}: reached" not in result.stdout
    assert at(objects(kubectl(*member(EXPENDABLE), *agent))[0], "metadata", "generation") == was


def test_the_others_are_renewed_and_checked_while_it_is_dead(up: automation.UpResult, dev: Checkout) -> None:
    output_of(["docker", "rm", "--force", "--volumes", node_of(EXPENDABLE)], 60)
    dev.configure(certificates={"validityHours": 8_760})
    result = dev.select().up(on_output=print)
    for name in staying():
        assert f"{name}: reached through Karmada" in result.stdout


def test_a_refresh_does_not_forget_it(up: automation.UpResult, dev: Checkout) -> None:
    had = sorted(of_the_member(dev))
    dev.select().up(refresh=True)
    assert sorted(of_the_member(dev)) == had


def test_it_is_let_go_though_nobody_can_ask_it(up: automation.UpResult, dev: Checkout) -> None:
    dev.configure(members=settings_of(*staying()) | {EXPENDABLE: {**settings_of(EXPENDABLE)[EXPENDABLE], "gone": True}})
    dev.select().up(on_output=print)
    assert [each for each in of_the_member(dev) if each.rpartition("$")[2].startswith("kubernetes:")] == []
    dev.configure(members=settings_of(*staying()))
    dev.select().up(on_output=print)
    assert of_the_member(dev) == []
    cluster = objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io", EXPENDABLE))[0]
    assert at(cluster, "spec", "proxyHeader") is None


def test_afterwards_up_changes_nothing(up: automation.UpResult, dev: Checkout) -> None:
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


def test_destroy_gives_everything_back_to_the_others(
    up: automation.UpResult, dev: Checkout, before: Mapping[str, Json]
) -> None:
    dev.select().destroy()
    now = environment.agent_specs(staying())
    assert now == {what: before[what] for what in now}
    for name in staying():
        assert environment.ours_in(member(name)) == []
