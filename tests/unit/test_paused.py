"""A paused member: it keeps what it has, and stops nobody's `up` when it is out of reach."""

from __future__ import annotations

from clusters.objects import at, items
from tests.unit.reading import commands
from tests.unit.stacks import MEMBER3, MEMBER4, PAIR, balanced, changed, differing, short
from tools.render.program import Run

EARLIER = {
    "Secret member4-proxy-agent-cert",
    "Deployment member4-proxy-agent",
    "NetworkPolicy member4-proxy-agent-policy",
    "PodDisruptionBudget member4-proxy-agent",
    "DeploymentPatch member4-karmada-agent",
    "PodMonitor member4-monitoring",
    "PrometheusRule member4-monitoring",
}
"""What the version had in a member that told members apart by their endpoint, with everything that there is."""


def test_pausing_a_member_takes_away_its_check_and_tells_its_provider_and_nothing_else(
    pair: Run, paused_pair: Run
) -> None:
    assert differing(pair, paused_pair) == {
        "TunnelCheck member4-check",
        "Command member4-check",
        "kubernetes member-member4",
    }
    assert "member4-check" not in commands(paused_pair)


def test_only_a_paused_members_cluster_may_be_out_of_reach_and_nothing_in_it_is_forgotten(paused_pair: Run) -> None:
    """To forget what does not answer is for one `up`, by the environment: it must not be in the state."""
    providers = {each.name: each.inputs for each in paused_pair.resources.values() if short(each.urn).startswith("kub")}
    assert {name for name, inputs in providers.items() if inputs.get("skipUpdateUnreachable") == "true"} == {
        "member-member4"
    }
    assert [name for name, inputs in providers.items() if "deleteUnreachable" in inputs] == []


def test_a_member_that_comes_back_is_as_it_was(pair: Run, paused_pair: Run) -> None:
    back = changed(paused_pair.resources.values(), members=PAIR)
    assert {each for each in differing(pair, back) if not each.startswith("Command")} == set()


def test_what_a_paused_member_has_in_its_clusters_is_left_as_it_is(paused_pair: Run) -> None:
    left = {short(each.urn) for each in paused_pair.resources.values() if each.ignore_changes}
    there = {short(each.urn) for each in paused_pair.resources.values() if each.provider == "member-member4"}
    assert left == there


def test_what_karmada_holds_of_it_goes_with_the_stack(pair: Run) -> None:
    """Another credential is not refused later, when the former two are forgotten."""
    members = {"member3": MEMBER3, "member4": {**MEMBER4, "paused": True}}
    run = changed(pair.resources.values(), members=members, proxy={"credential": 2})
    header = "ClusterPatch member4-registration-header"
    assert header in differing(pair, run)


def test_a_paused_member_that_an_earlier_version_made_gets_no_object_that_it_did_not_have() -> None:
    """What is left as it is must be there: what is new would be made, in a cluster that may be out of reach."""
    run = balanced(members={"member3": MEMBER3, "member4": {**MEMBER4, "paused": True}}, monitoring={"enabled": True})
    made = {short(each.urn) for each in run.resources.values() if each.provider == "member-member4"}
    assert made == EARLIER


def test_a_stack_of_paused_members_does_not_wait_for_an_agent(dev: Run) -> None:
    paused = changed(dev.resources.values(), members={"member3": {**MEMBER3, "paused": True}})
    (server, _) = items(paused.the("Deployment", "proxy-server").inputs, "spec", "template", "spec", "containers")
    assert at(server, "readinessProbe", "httpGet", "path") == "/healthz"
