"""Members that run come to be reached by Karmada alone, and by their kubeconfig again, each in one `up`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pulumi import automation

from clusters.objects import Json
from components import anp
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import MEMBERS_CONFIG, member
from tests.stack.nodes import pods
from tests.stack.refusals import gives_back, succeeds
from tests.stack.traffic import Karmada, karmada, traffic
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def to(tmp_path_factory: pytest.TempPathFactory, up: automation.UpResult) -> Karmada:
    """The Karmada API, for requests."""
    return karmada(tmp_path_factory.mktemp("karmada"))


@pytest.mark.parametrize(
    ("access", "agents", "gone"),
    [("karmada", anp.DELIVERED_AGENT, anp.AGENT), ("kubeconfig", anp.AGENT, anp.DELIVERED_AGENT)],
)
def test_access_changes_in_one_up_and_no_request_is_lost(
    up: automation.UpResult, dev: Checkout, to: Karmada, access: str, agents: str, gone: str
) -> None:
    dev.configure(memberDefaults={"access": access, "kubeconfig": MEMBERS_CONFIG})
    with traffic(to, environment.members(), every=0.05) as seen:
        done = dev.run(*UP)
    note("Delivered", tried=f"access of two running members becomes {access}", expected="0 lost", seen=seen.summary)
    succeeds(done)
    for name in environment.members():
        assert f"{name}: reached through Karmada" in done.stdout
        assert (len(pods(member(name), agents)), len(pods(member(name), gone))) == (1, 0)
    assert seen.lost == []
    succeeds(dev.run(*UP))
    succeeds(dev.run("preview", "--expect-no-changes"))


def test_destroy_gives_everything_back(up: automation.UpResult, dev: Checkout, before: Mapping[str, Json]) -> None:
    gives_back(dev, before)
