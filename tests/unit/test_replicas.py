"""Several proxy-servers and proxy-agents: how many, where, and how one hands over to the next."""

from __future__ import annotations

from functools import cache

import pytest

from clusters.objects import Json, at, entries, items, number, text
from components import anp
from tests.unit.reading import (
    agents,
    arguments,
    containers,
    guard_configuration,
    member_guard_configuration,
    of_kind,
    pods,
)
from tests.unit.stacks import MEMBER3, MEMBER4, balanced, changed
from tools.render.program import Run
from tools.render.recorded import Recorded

KUBERNETES_GRACE = 30
"""Seconds that a pod has to end which says nothing of it."""

ONE_MORE_FIRST: Json = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def server(run: Run) -> Recorded:
    return run.the("Deployment", "proxy-server")


@cache
def servers(count: int) -> Run:
    """A stack with so many of them, behind a load balancer."""
    return balanced(proxy={"exposure": "loadBalancer", "replicas": count})


def replicas(run: Run) -> dict[str, int]:
    """The number of pods of each Deployment."""
    return {"proxy-server": number(server(run).inputs, "spec", "replicas")} | {
        name: number(each.inputs, "spec", "replicas") for name, each in agents(run).items()
    }


def pause(container: Json) -> int:
    """The seconds before a container is told to end."""
    return number(container, "lifecycle", "preStop", "sleep", "seconds")


def seconds(said: str) -> int:
    assert said.endswith("s")
    return int(said.removesuffix("s"))


@pytest.fixture(params=["load_balancer", "prod"])
def several_servers(request: pytest.FixtureRequest) -> Run:
    """Stacks whose servers hand over to each other."""
    run: Run = request.getfixturevalue(request.param)
    return run


@pytest.fixture(params=["dev", "node_port"])
def single_server(request: pytest.FixtureRequest) -> Run:
    """Stacks with one server, on the host network and off it."""
    run: Run = request.getfixturevalue(request.param)
    return run


# how many


def test_servers_know_how_many_there_are(load_balancer: Run, node_port: Run, dev: Run) -> None:
    """An agent dials until it has as many connections as the server says."""
    for run, count in ((load_balancer, 2), (node_port, 1), (dev, 1)):
        assert replicas(run)["proxy-server"] == count
        assert arguments(pods(run)["proxy-server"], "proxy-server")["server-count"] == str(count)


def test_there_are_as_many_agents_as_servers(load_balancer: Run, node_port: Run) -> None:
    assert replicas(load_balancer) == {"proxy-server": 2, "member3-proxy-agent": 2, "member4-proxy-agent": 2}
    assert replicas(node_port) == {"proxy-server": 1, "member3-proxy-agent": 1, "member4-proxy-agent": 1}


def test_a_members_own_number_of_agents_wins_over_the_servers() -> None:
    run = balanced(members={"member3": {**MEMBER3, "replicas": 1}, "member4": {**MEMBER4, "replicas": 3}})
    assert replicas(run) == {"proxy-server": 2, "member3-proxy-agent": 1, "member4-proxy-agent": 3}


def test_on_the_host_network_a_member_may_have_several_agents_of_the_one_server() -> None:
    assert replicas(changed(members={"member3": {**MEMBER3, "replicas": 2}})) == {
        "proxy-server": 1,
        "member3-proxy-agent": 2,
    }


def test_an_agent_dials_until_it_has_every_server_that_there_is_and_is_silent_then(guarded_stack: Run) -> None:
    """With --sync-forever it would open a connection each second for ever. A new server of a roll takes an old one's
    place, so that it lacks one then."""
    for name in agents(guarded_stack):
        given = arguments(pods(guarded_stack)[name], "proxy-agent")
        assert "sync-forever" not in given
        assert seconds(given["sync-interval"]) <= seconds(given["sync-interval-cap"]) <= 5


# where


def test_a_drain_takes_one_pod_at_a_time_where_there_are_several(load_balancer: Run) -> None:
    budgets = of_kind(load_balancer, "PodDisruptionBudget")
    assert budgets.keys() == {"proxy-server", "member3-proxy-agent", "member4-proxy-agent"}
    for name, budget in budgets.items():
        deployment = load_balancer.the("Deployment", name)
        labels = at(deployment.inputs, "spec", "selector", "matchLabels")
        assert at(budget.inputs, "spec") == {
            "maxUnavailable": 1,
            "selector": {"matchLabels": labels},
            # pods whose line is cut are not ready, and must not keep their node from being drained
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }
        assert budget.provider == deployment.provider
        assert text(budget.inputs, "metadata", "namespace") == text(deployment.inputs, "metadata", "namespace")


def test_a_single_pod_has_no_budget_which_would_never_let_its_node_go(node_port: Run, dev: Run, fork: Run) -> None:
    for run in (node_port, dev, fork):
        assert of_kind(run, "PodDisruptionBudget") == {}
    one = balanced(members={"member3": {**MEMBER3, "replicas": 1}, "member4": MEMBER4})
    assert of_kind(one, "PodDisruptionBudget").keys() == {"proxy-server", "member4-proxy-agent"}


def test_pods_of_one_kind_go_to_different_nodes_as_far_as_there_are_any(guarded_stack: Run) -> None:
    for pod in pods(guarded_stack).values():
        assert items(pod, "spec", "topologySpreadConstraints") == [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": text(pod, "metadata", "labels", "app")}},
                # the pods that a roll replaces do not count
                "matchLabelKeys": ["pod-template-hash"],
            }
        ]


def test_readiness_is_probed_often_only_where_a_service_goes_by_it(guarded_stack: Run) -> None:
    for name, pod in pods(guarded_stack).items():
        for container in containers(pod).values():
            assert number(container, "readinessProbe", "periodSeconds") == (1 if name == "proxy-server" else 5)


# handing over


@pytest.mark.parametrize("exposure", ["nodePort", "loadBalancer"])
def test_where_the_number_of_servers_changes_agents_dial_those_alone_that_tell_the_new_one(exposure: str) -> None:
    """One that connected to a server of the old number last would take that for the number."""
    for count, told in ((2, {"karmada-anp/server-count": "2"}), (3, {"karmada-anp/server-count": "3"}), (1, {})):
        run = balanced(proxy={"exposure": exposure, "replicas": count})
        service = run.the("Service", "proxy-server-agents").inputs
        assert at(service, "spec", "selector") == {"app": "proxy-server", **told}
        assert at(pods(run)["proxy-server"], "metadata", "labels") == {"app": "proxy-server", **told}
        assert arguments(pods(run)["proxy-server"], "proxy-server")["server-count"] == str(count)
        assert at(server(run).inputs, "spec", "selector", "matchLabels") == {"app": "proxy-server"}


def test_karmada_asks_servers_of_either_number() -> None:
    plain = servers(3).the("Service", "proxy-server").inputs
    assert at(plain, "spec", "selector") == {"app": "proxy-server"}


def test_of_several_servers_one_goes_on_until_the_others_are_replaced_and_none_is_there_beside_them() -> None:
    """A new one beside the old would never be ready: agents have all that they were told of, and look for no more."""
    for count in (2, 3):
        assert at(server(servers(count)).inputs, "spec", "strategy") == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 0, "maxUnavailable": count - 1},
        }


def test_a_single_server_goes_before_the_next_one_comes(dev: Run, fork: Run, node_port: Run) -> None:
    """On the host network it would find its ports taken, and elsewhere no agent."""
    for run in (dev, fork, node_port):
        assert at(server(run).inputs, "spec", "strategy") == {"type": "Recreate"}


def test_a_new_agent_is_connected_before_an_old_one_goes(guarded_stack: Run) -> None:
    for name, agent in agents(guarded_stack).items():
        assert at(agent.inputs, "spec", "strategy") == ONE_MORE_FIRST
        probe = at(containers(pods(guarded_stack)[name])["proxy-agent"], "readinessProbe")
        assert probe == {"httpGet": {"path": "/readyz", "port": 8093}, "periodSeconds": 5}


def test_where_servers_hand_over_an_agent_is_ready_for_as_long_as_services_forget(load_balancer: Run) -> None:
    forgotten = pause(containers(pods(load_balancer)["proxy-server"])["proxy-server"])
    for agent in agents(load_balancer).values():
        assert number(agent.inputs, "spec", "minReadySeconds") >= forgotten > 0


def test_the_more_servers_there_are_the_longer_is_looked_for_a_new_one() -> None:
    for count, old, ready in ((2, 30, 10), (3, 45, 15)):
        run = servers(count)
        probe = at(containers(pods(run)["proxy-server"])["proxy-server"], "readinessProbe")
        assert number(probe, "initialDelaySeconds") == old
        assert {number(each.inputs, "spec", "minReadySeconds") for each in agents(run).values()} == {ready}


def test_a_server_that_takes_over_is_not_used_in_its_first_seconds(several_servers: Run) -> None:
    """It is ready with any agent: each of the others must have had time to find it, at its longest interval. Where
    there are more servers, an agent finds a given one later, for it tries at random."""
    probe = entries(containers(pods(several_servers)["proxy-server"])["proxy-server"], "readinessProbe")
    assert probe == {
        "httpGet": {"path": "/readyz", "port": 8092},
        "periodSeconds": 1,
        "initialDelaySeconds": anp.READY_SECONDS * replicas(several_servers)["proxy-server"],
    }
    for name in agents(several_servers):
        interval = arguments(pods(several_servers)[name], "proxy-agent")["sync-interval-cap"]
        assert seconds(interval) < anp.READY_SECONDS


def test_where_nobody_hands_over_a_server_is_ready_at_once(single_server: Run) -> None:
    probe = at(containers(pods(single_server)["proxy-server"])["proxy-server"], "readinessProbe")
    assert probe == {"httpGet": {"path": "/readyz", "port": 8092}, "periodSeconds": 1, "initialDelaySeconds": 0}


def test_a_server_that_expects_no_agent_is_ready_without() -> None:
    run = balanced(members={"member3": {**MEMBER3, "paused": True}})
    probe = at(containers(pods(run)["proxy-server"])["proxy-server"], "readinessProbe")
    assert probe == {"httpGet": {"path": "/healthz", "port": 8092}, "periodSeconds": 1, "initialDelaySeconds": 0}


def test_a_probe_that_fails_once_and_then_not_is_enough_to_be_used_again(guarded_stack: Run) -> None:
    """A server that lost all its agents, as by a cut network, must not wait when one is back."""
    for pod in pods(guarded_stack).values():
        for container in containers(pod).values():
            for probe in ("livenessProbe", "readinessProbe"):
                assert at(container, probe, "successThreshold") in (None, 1)


def test_where_servers_hand_over_services_forget_them_before_they_end_and_the_guard_goes_last(
    several_servers: Run,
) -> None:
    ending = containers(pods(several_servers)["proxy-server"])
    assert pause(ending["proxy-guard"]) > pause(ending["proxy-server"]) >= 5


def test_nobody_waits_for_services_to_forget_a_single_server(single_server: Run) -> None:
    """There is no other to which they would send who comes."""
    for container in containers(pods(single_server)["proxy-server"]).values():
        assert "lifecycle" not in entries(container)


@pytest.mark.parametrize("container", ["proxy-server", "proxy-guard"])
def test_a_server_pods_grace_covers_the_pause_and_what_still_runs(guarded_stack: Run, container: str) -> None:
    pod = pods(guarded_stack)["proxy-server"]
    (stop,) = [line for line in guard_configuration(guarded_stack).splitlines() if "hard-stop-after" in line]
    still = {
        "proxy-server": seconds(arguments(pod, "proxy-server")["graceful-shutdown-timeout"]),
        "proxy-guard": seconds(stop.split()[1]),
    }[container]
    assert still > 0
    assert pause(containers(pod)[container]) + still < number(pod, "spec", "terminationGracePeriodSeconds")


def test_an_agent_ends_as_long_after_its_signal_as_a_server_does(guarded_stack: Run) -> None:
    """It drains, and sits out the whole of its grace period: what runs through it has as long as at the server."""
    still = seconds(arguments(pods(guarded_stack)["proxy-server"], "proxy-server")["graceful-shutdown-timeout"])
    for name in agents(guarded_stack):
        assert number(pods(guarded_stack)[name], "spec", "terminationGracePeriodSeconds") == still


def test_a_member_guard_goes_on_for_as_long_as_what_runs_through_its_agent(guarded_stack: Run) -> None:
    """By a command: members may be of a Kubernetes that knows no sleep action. It is killed with the agent."""
    for name, agent in agents(guarded_stack).items():
        pod = pods(guarded_stack)[name]
        grace = number(pod, "spec", "terminationGracePeriodSeconds")
        guard = containers(pod)["member-guard"]
        assert at(guard, "lifecycle") == {"preStop": {"exec": {"command": ["sleep", str(grace)]}}}
        assert "lifecycle" not in entries(containers(pod)["proxy-agent"])
        configuration = member_guard_configuration(guarded_stack, agent.name.removesuffix("-proxy-agent"))
        assert f"hard-stop-after {grace}s" in configuration


def test_up_waits_for_ten_minutes_and_for_a_minute_more_for_each_further_pod(any_stack: Run) -> None:
    """70 MB of images take five minutes at 2 Mbit/s."""
    for name in pods(any_stack):
        whole = f"{9 + replicas(any_stack)[name]}m"
        assert any_stack.the("Deployment", name).timeouts == {"create": whole, "update": whole}


def test_a_roll_takes_less_than_up_waits_for(any_stack: Run) -> None:
    for name, pod in pods(any_stack).items():
        deployment = any_stack.the("Deployment", name)
        delays = [number(each, "readinessProbe", "initialDelaySeconds") for each in containers(pod).values()]
        ready = max(*delays, number(deployment.inputs, "spec", "minReadySeconds"), 0)
        each = ready + (number(pod, "spec", "terminationGracePeriodSeconds") or KUBERNETES_GRACE)
        assert replicas(any_stack)[name] * each < 60 * int(deployment.timeouts["update"].removesuffix("m"))


def test_up_and_kubernetes_wait_for_as_long_as_the_config_says() -> None:
    run = changed(proxy={"rolloutMinutes": 2}, memberDefaults={"rolloutMinutes": 30})
    server, agent = run.the("Deployment", "proxy-server"), run.the("Deployment", "member3-proxy-agent")
    assert (server.timeouts["create"], agent.timeouts["create"]) == ("2m", "30m")
    # Kubernetes itself gives up after ten minutes, and Pulumi with it
    assert "progressDeadlineSeconds" not in entries(server.inputs, "spec")
    assert number(agent.inputs, "spec", "progressDeadlineSeconds") == 30 * 60


def test_what_hangs_is_noticed_within_half_a_minute(guarded_stack: Run) -> None:
    for pod in pods(guarded_stack).values():
        for name, container in containers(pod).items():
            probe = entries(container, "livenessProbe")
            between = max(number(probe, "periodSeconds"), number(probe, "timeoutSeconds"))
            assert 15 <= number(probe, "periodSeconds") + between * number(probe, "failureThreshold") <= 30, name
            assert number(probe, "timeoutSeconds") > 5, f"{name} is restarted on a node that is short of CPU"


def test_what_starts_slowly_is_not_restarted_before_it_has_started(guarded_stack: Run) -> None:
    for pod in pods(guarded_stack).values():
        for name, container in containers(pod).items():
            probe = entries(container, "startupProbe")
            assert number(probe, "periodSeconds") * number(probe, "failureThreshold") >= 120, name
            assert at(probe, "httpGet", "port") == at(container, "livenessProbe", "httpGet", "port"), name
            assert at(probe, "httpGet", "path") == "/healthz", name


def test_a_server_is_made_anew_where_a_roll_would_never_end(any_stack: Run) -> None:
    """One that leaves the host network would keep its ports; and where one becomes several, which its strategy tells,
    agents of the one look for no other."""
    anew = {each.name: each.replace_on_changes for each in of_kind(any_stack, "Deployment").values()}
    assert anew.pop("proxy-server") == ("spec.template.spec.hostNetwork", "spec.strategy.type")
    assert not any(anew.values())


@pytest.mark.parametrize(("before", "after", "anew"), [(1, 2, True), (1, 3, True), (2, 1, True), (2, 3, False)])
def test_another_number_of_servers_is_another_strategy_where_one_becomes_several_or_several_one(
    before: int, after: int, anew: bool
) -> None:
    one, other = (text(server(servers(count)).inputs, "spec", "strategy", "type") for count in (before, after))
    assert (one != other) == anew


def test_a_server_that_is_made_anew_goes_first_for_the_next_one_has_its_name(any_stack: Run) -> None:
    assert server(any_stack).delete_before_replace
