"""Where the documented manual steps were done already, or an earlier version of the stack is up: what is said of it,
when the stack takes its place, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import pulumi
import pytest

from checks import preflight
from checks.preflight import PreflightResult
from clusters.objects import Json, at, parse, text
from components.providers import providers
from config.settings import Settings
from tests.unit.fake_clusters import OURS, Clusters, deployment, secret
from tests.unit.machines import load
from tests.unit.mistakes.refusal import member
from tests.unit.reading import commands, identifiers, needs
from tests.unit.stacks import MEMBER3, MEMBER4, PAIR, changed, differing
from tests.unit.test_network_policies import dialled
from tools.render.program import Run

FLAGS = ["--cluster-api-endpoint=https://10.0.0.3:6443", "--proxy-server-address=http://10.0.0.1:8088"]
PULUMI = "pulumi-kubernetes-1a2b3c4d"

ADOPT = "pulumi config set --path 'karmada-anp:proxy.adopt' true"


@pytest.fixture
def adopting() -> Settings:
    """The same stack with the key."""
    return load(proxy={"adopt": True})


def steps_done(clusters: Clusters, maker: str = "kubectl-client-side-apply", args: Json = FLAGS) -> None:
    """What the six steps leave behind, by `maker`; karmada-agent's args are kubectl-patch's."""
    assert isinstance(args, list)
    agent = deployment([str(each) for each in args], ["kubectl-patch"])
    clusters.apis["karmada-host"] |= {
        "deployments/proxy-server": [deployment(name="proxy-server", container="proxy-server", maker=maker)],
        "secrets/proxy-server-cert": [secret("proxy-server-cert", maker)],
    }
    clusters.apis["member3"] |= {
        "deployments/proxy-agent": [deployment(name="proxy-agent", container="proxy-agent", maker=maker)],
        "secrets/proxy-agent-cert": [secret("proxy-agent-cert", maker)],
        "deployments/karmada-agent": [agent],
    }


def refusal(settings: Settings) -> list[str]:
    """The lines of the refusal, without its headline."""
    with pytest.raises(pulumi.RunError) as error:
        preflight.check(settings)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def adopted(settings: Settings) -> list[str]:
    return [each.context for each in preflight.check(settings).taken_over]


def test_what_was_made_by_hand_is_named_with_who_made_it_and_the_key_that_takes_its_place(
    clusters: Clusters, settings: Settings
) -> None:
    steps_done(clusters)
    assert refusal(settings) == [
        '- karmada-anp:proxy.adopt: there already, in namespace "karmada-system" of karmada-host: Deployment '
        '"proxy-server", Secret "proxy-server-cert" (by kubectl-client-side-apply)',
        f"to take its place: {ADOPT}",
        '- karmada-anp:proxy.adopt: there already, in namespace "karmada-system" of member3: Deployment '
        '"proxy-agent", Secret "proxy-agent-cert" (by kubectl-client-side-apply)',
        f"to take its place: {ADOPT}",
        '- karmada-anp:members.member3.agent.container: the container "karmada-agent" has args of kubectl-patch, '
        "which this program would have to overwrite",
        f"they are the two flags alone: {ADOPT} takes their place",
    ]


def test_with_the_key_the_stack_takes_its_place(clusters: Clusters, adopting: Settings) -> None:
    steps_done(clusters)
    assert adopted(adopting) == ["karmada-host", "member3"]


def test_where_nothing_was_made_by_hand_the_key_does_nothing(clusters: Clusters, adopting: Settings) -> None:
    assert adopted(adopting) == []


@pytest.mark.parametrize("maker", [PULUMI, OURS])
def test_what_a_pulumi_stack_made_is_never_taken(
    clusters: Clusters, settings: Settings, adopting: Settings, maker: str
) -> None:
    """This stack's own needs no taking, and another's would be overwritten."""
    steps_done(clusters, maker)
    clusters.apis["member3"]["deployments/karmada-agent"] = [deployment(FLAGS, [OURS])]
    assert adopted(settings) == []
    assert adopted(adopting) == []


def test_flags_of_another_stack_are_not_taken_over(clusters: Clusters, adopting: Settings) -> None:
    clusters.apis["member3"]["deployments/karmada-agent"] = [deployment(FLAGS, ["karmada-anp-prod"])]
    (problem, _) = refusal(adopting)
    assert 'has the tunnel of the stack "prod" already' in problem


def test_the_flags_alone_are_reason_enough_to_take_over_in_that_member(clusters: Clusters, adopting: Settings) -> None:
    clusters.apis["member3"]["deployments/karmada-agent"] = [deployment(FLAGS, ["kubectl-edit"])]
    assert adopted(adopting) == ["member3"]


def test_flags_that_nobody_owns_are_taken_over_as_an_interrupted_up_leaves_them(
    clusters: Clusters, adopting: Settings
) -> None:
    clusters.apis["member3"]["deployments/karmada-agent"] = [deployment(FLAGS)]
    assert adopted(adopting) == ["member3"]


@pytest.mark.parametrize("args", [["--v=4"], [*FLAGS, "--v=4"]], ids=["others", "others beside the two"])
def test_other_args_would_be_lost_and_are_refused_with_the_key_too(
    clusters: Clusters, adopting: Settings, args: list[Json]
) -> None:
    steps_done(clusters, args=args)
    problem, remedy = refusal(adopting)
    assert "has args of kubectl-patch, which this program would have to overwrite" in problem
    assert remedy.startswith("move them into its command, or take them away")


def sidecar(clusters: Clusters) -> None:
    clusters.apis["karmada-host"]["deployments/proxy-server"] = [deployment(name="proxy-server", container="anp")]


def selector(clusters: Clusters) -> None:
    found = deployment(name="proxy-server", container="proxy-server")
    assert isinstance(found, dict)
    spec = found["spec"]
    assert isinstance(spec, dict)
    other: Json = {**found, "spec": {**spec, "selector": {"matchLabels": {"app": "anp"}}}}
    clusters.apis["karmada-host"]["deployments/proxy-server"] = [other]


@pytest.mark.parametrize(
    ("change", "differs"), [(sidecar, "containers anp"), (selector, "a selector other than the documented one")]
)
def test_a_deployment_that_the_stacks_own_would_run_beside_is_refused(
    clusters: Clusters, adopting: Settings, change: Callable[[Clusters], None], differs: str
) -> None:
    steps_done(clusters)
    change(clusters)
    problem, remedy = refusal(adopting)
    assert problem.startswith("- karmada-anp:proxy.adopt: ")
    assert f'"proxy-server" in namespace "karmada-system" of karmada-host has {differs}' in problem
    where = f"--kubeconfig={Path('~/karmada.config').expanduser()} --context=karmada-host --namespace=karmada-system"
    assert remedy == f"kubectl {where} delete deployment/proxy-server"


def test_it_is_looked_for_where_the_proxies_run(clusters: Clusters) -> None:
    clusters.apis["member3"]["namespaces/tunnel"] = [{"kind": "Namespace", "metadata": {"name": "tunnel"}}]
    preflight.check(load(**member(namespace="tunnel", agent={"namespace": "karmada-system"})))
    assert {each for each in clusters.asked if "secrets/" in each} == {
        "karmada-host karmada-system secrets/proxy-server-cert",
        "member3 tunnel secrets/proxy-agent-cert",
    }


def test_who_may_not_look_at_them_is_not_held_up_by_that(clusters: Clusters, settings: Settings) -> None:
    clusters.refuses |= {"karmada-host secrets/proxy-server-cert", "member3 secrets/proxy-agent-cert"}
    assert adopted(settings) == []


def test_a_proxy_in_karmada_agents_own_command_is_warned_of(
    clusters: Clusters, settings: Settings, warned: list[str]
) -> None:
    """It stays, and the stack's wins; once the stack is destroyed it would name a proxy that is gone."""
    command = ["/bin/karmada-agent", "--proxy-server-address=http://10.0.0.1:8088"]
    clusters.apis["member3"]["deployments/karmada-agent"] = [deployment(command=command)]
    assert adopted(settings) == []
    (warning,) = warned
    assert warning.startswith("karmada-anp:members.member3.agent: the command of the container")
    assert "take it out before you destroy the stack" in warning


def test_the_flags_that_joining_a_member_leaves_are_not(
    clusters: Clusters, settings: Settings, warned: list[str]
) -> None:
    command = ["/bin/karmada-agent", "--cluster-api-endpoint=https://10.0.0.3:6443", "--proxy-server-address="]
    clusters.apis["member3"]["deployments/karmada-agent"] = [deployment(command=command)]
    assert adopted(settings) == []
    assert warned == []


def test_only_providers_of_clusters_in_which_something_is_taken_over_may_overwrite(adopting: Settings) -> None:
    with patch("components.providers.kubernetes.Provider") as made:
        providers(adopting, [adopting.host])
    may = {
        call.args[0]: (call.kwargs["upsert_existing_objects"], call.kwargs["enable_patch_force"])
        for call in made.call_args_list
    }
    assert may == {"host": (True, True), "karmada": (None, None), "member-member3": (None, None)}


def made(by_hand: bool, **sections: Json) -> Run:
    """The dev stack's `up`, where everything was made by hand or nothing."""

    def ready(settings: Settings) -> PreflightResult:
        return PreflightResult(settings=settings, taken_over=[settings.host, *settings.members] if by_hand else [])

    with patch("tools.render.program.ready", ready):
        return changed((), **sections)


def test_a_deployment_on_the_host_network_is_first_let_have_another_strategy() -> None:
    run = made(True)
    command = run.the("Command", "proxy-server-strategy")
    assert command.urn in run.needs(run.the("Deployment", "proxy-server"))
    assert text(command.inputs, "create") == "sh checks/commands/run.sh free_strategy"
    assert parse(text(command.inputs, "stdin")) == {
        "host": {"kubeconfig": "~/.kube/karmada.config", "name": "karmada-host", "path": ""},
        "namespace": "karmada-system",
        "deployment": "proxy-server",
    }


def test_args_that_were_set_by_hand_are_first_made_the_stacks_alone() -> None:
    run = made(True)
    command = run.the("Command", "member3-karmada-agent-args")
    assert run.the("Deployment", "proxy-server").urn in run.needs(command)
    assert command.urn in run.needs(run.the("DeploymentPatch", "member3-karmada-agent"))
    assert text(command.inputs, "create") == "sh checks/commands/run.sh disown_args"
    assert parse(text(command.inputs, "stdin")) == {
        "member": {"kubeconfig": "~/.kube/members.config", "name": "member3", "path": ""},
        "namespace": "karmada-system",
        "deployment": "karmada-agent",
        "container": "karmada-agent",
        "manager": "karmada-anp-dev",
        "seconds": 10,
    }


def test_where_nothing_is_taken_over_nothing_is_prepared() -> None:
    assert set(made(True).resources) - set(made(False).resources) == {
        made(True).the("Command", name).urn for name in ("proxy-server-strategy", "member3-karmada-agent-args")
    }


@pytest.mark.parametrize(("replicas", "prepared"), [(1, True), (2, False)])
def test_a_rolling_update_needs_no_other_strategy(replicas: int, prepared: bool) -> None:
    run = made(True, proxy={"exposure": "nodePort", "replicas": replicas})
    assert ("proxy-server-strategy" in commands(run)) == prepared


# agents that are known by another host, as an earlier version, the manual steps or the fork left them


FORMER: Mapping[str, Sequence[str]] = {"member3": ["192.0.2.4", "edge.example.org"]}
MEMBERS: Mapping[str, Json] = {**PAIR, "member3": {**MEMBER3, "apiEndpoint": "https://192.0.2.4:16443"}}
FIRST = "proxy-server-agents-first"
"""The command that waits until agents are known by both."""


def renamed(former: Mapping[str, Sequence[str]], members: Json, **sections: Json) -> Run:
    """The `up` in which some members' agents are to be found by former hosts too."""

    def ready(settings: Settings) -> PreflightResult:
        return PreflightResult(settings=settings, taken_over=[], former=former)

    with patch("tools.render.program.ready", ready):
        return changed((), members=members, **sections)


@pytest.fixture(scope="module")
def renaming() -> Run:
    """Of two members one was known by other hosts."""
    return renamed(FORMER, MEMBERS)


@pytest.fixture(scope="module")
def after(renaming: Run) -> Run:
    """The next `up`."""
    return changed(renaming.resources.values(), members=MEMBERS)


def test_a_members_agents_are_found_by_its_name(pair: Run) -> None:
    assert [identifiers(pair, name) for name in PAIR] == ["host=member3.member", "host=member4.member"]


def test_while_karmada_does_not_show_the_name_yet_they_are_found_by_former_hosts_too(renaming: Run) -> None:
    assert identifiers(renaming, "member3") == "host=192.0.2.4&host=edge.example.org&host=member3.member"
    assert identifiers(renaming, "member4") == "host=member4.member"


def test_while_agents_are_renamed_they_dial_servers_that_do_not_tell_their_number_by_a_label() -> None:
    """The servers of an earlier version, which roll after the agents."""
    several: Json = {"exposure": "nodePort", "replicas": 2}
    run = renamed(FORMER, MEMBERS, proxy=several)
    assert at(run.the("Service", "proxy-server-agents").inputs, "spec", "selector") == {"app": "proxy-server"}
    then = changed(members=MEMBERS, proxy=several)
    selected = {"app": "proxy-server", "karmada-anp/server-count": "2"}
    assert at(then.the("Service", "proxy-server-agents").inputs, "spec", "selector") == selected


def test_proxy_server_is_rolled_after_agents_are_known_by_both_and_headers_follow(renaming: Run) -> None:
    command = commands(renaming)[FIRST]
    assert text(command.inputs, "create") == "sh checks/commands/run.sh renamed"
    assert parse(text(command.inputs, "stdin")) == {
        "agents": [
            {
                "member": "member3",
                "at": {"kubeconfig": "~/.kube/members.config", "name": "member3", "path": ""},
                "namespace": "karmada-system",
            }
        ],
        "seconds": 120,
    }
    assert f"Command {FIRST}" in needs(renaming, "Deployment", "proxy-server")
    assert "Deployment proxy-server" in needs(renaming, "ClusterPatch", "member3-registration-header")


def test_it_is_the_command_that_waits_for_agents_and_not_pulumi_or_one_that_is_away_would_stop_all(
    renaming: Run,
) -> None:
    assert [each for each in needs(renaming, "Command", FIRST) if "agent" in each.lower()] == []


def test_where_every_agent_is_known_by_its_member_nobody_waits(pair: Run, after: Run) -> None:
    for run in (pair, after):
        assert FIRST not in commands(run)
        assert f"Command {FIRST}" not in needs(run, "Deployment", "proxy-server")


def test_for_a_paused_members_agents_nobody_waits() -> None:
    paused = {"member3": MEMBER3, "member4": {**MEMBER4, "paused": True}}
    assert FIRST not in commands(renamed({"member4": ["192.0.2.104"]}, paused))


def test_by_a_former_host_an_agent_dials_the_endpoint_itself_which_its_policy_allows_as_long(
    renaming: Run, after: Run
) -> None:
    assert [16443 in dialled(run, "member3") for run in (renaming, after)] == [True, False]
    assert 16443 not in dialled(renaming, "member4")


def test_the_next_up_drops_the_former_hosts_and_touches_nobody_elses_pods(renaming: Run, after: Run) -> None:
    assert identifiers(after, "member3") == "host=member3.member"
    assert differing(renaming, after) == {
        f"Command {FIRST}",
        "Deployment member3-proxy-agent",
        "NetworkPolicy member3-proxy-agent-policy",
        "Command member3-check",
    }
