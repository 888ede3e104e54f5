"""What the clusters are asked before anything is made, and what each answer leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pulumi
import pytest

import preflight
from answers import Json, items
from components.registration import FIELD_MANAGER
from settings import Settings
from tests.unit.clusters import NAMESPACE, Clusters, cluster, deployment, role
from tests.unit.machines import MEMBER, OTHER, load

SET = "pulumi config set --path 'karmada-anp:{0}' {1}"


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> Clusters:
    """Clusters that are as they should be, in the place of those that kubectl and docker would ask."""
    fake = Clusters()
    monkeypatch.setattr(preflight, "objects", fake.objects)
    monkeypatch.setattr(preflight, "ask", fake.ask)
    return fake


@pytest.fixture
def settings() -> Settings:
    """A stack with one member, whose images are built."""
    return load()


def refusal(settings: Settings) -> str:
    with pytest.raises(pulumi.RunError) as error:
        preflight.check(settings)
    return str(error.value)


def test_nothing_is_said_when_everything_is_as_it_should_be(clusters: Clusters, settings: Settings) -> None:
    preflight.check(settings)
    assert set(clusters.asked) == {"karmada-host", "karmada-apiserver", "member3"}


Change = Callable[[Clusters], None]


def without(context: str) -> Change:
    def change(clusters: Clusters) -> None:
        del clusters.apis[context]

    return change


def having(context: str, resource: str, *objects: Json) -> Change:
    def change(clusters: Clusters) -> None:
        clusters.apis[context][resource] = objects

    return change


def no_engine(clusters: Clusters) -> None:
    clusters.engine = False


PROBLEMS: Mapping[str, tuple[Change, str, str, str]] = {
    "the host's API does not answer": (
        without("karmada-host"),
        "host.context",
        'the API of "karmada-host" does not answer: connection refused',
        "see to the cluster or the credentials",
    ),
    "the Karmada API does not answer": (
        without("karmada-apiserver"),
        "host.karmadaContext",
        'the API of "karmada-apiserver" does not answer: connection refused',
        "see to the cluster or the credentials",
    ),
    "a member's API does not answer": (
        without("member3"),
        "members[0].context",
        'the API of "member3" does not answer: connection refused',
        "or pause it: " + SET.format("members[0].paused", "true"),
    ),
    "the host has no such namespace": (
        having("karmada-host", "namespace/karmada-system"),
        "host.namespace",
        'there is no namespace "karmada-system" in karmada-host',
        "kubectl --context karmada-host create namespace karmada-system",
    ),
    "a member has no such namespace": (
        having("member3", "namespace/karmada-system"),
        "members[0].namespace",
        'there is no namespace "karmada-system" in member3',
        "kubectl --context member3 create namespace karmada-system",
    ),
    "karmada-agent's Deployment is not there": (
        having("member3", "deployment/karmada-agent"),
        "members[0].agent.deployment",
        'there is no Deployment "karmada-agent" in namespace "karmada-system" of member3',
        SET.format("members[0].agent.deployment", "NAME"),
    ),
    "it has no such container, and those that it has are listed": (
        having("member3", "deployment/karmada-agent", deployment(container="agent")),
        "members[0].agent.container",
        'has no container "karmada-agent", but agent',
        SET.format("members[0].agent.container", "NAME"),
    ),
    "its args are somebody else's": (
        having("member3", "deployment/karmada-agent", deployment(["--v=4"], ["kubectl-patch"])),
        "members[0].agent.container",
        "has args of kubectl-patch",
        "take them away from deployment/karmada-agent",
    ),
    "its args are ours and somebody else's": (
        having("member3", "deployment/karmada-agent", deployment(["--v=4"], [FIELD_MANAGER, "argocd"])),
        "members[0].agent.container",
        f"has args of argocd, {FIELD_MANAGER}",
        "take them away from deployment/karmada-agent",
    ),
    "its args are nobody's that we know": (
        having("member3", "deployment/karmada-agent", deployment(["--v=4"])),
        "members[0].agent.container",
        "has args of an unknown manager",
        "take them away from deployment/karmada-agent",
    ),
    "Karmada does not know the member, and those that it knows are listed": (
        having("karmada-apiserver", "clusters.cluster.karmada.io", cluster("member4")),
        "members[0].name",
        'Karmada has no Cluster "member3"; it has member4',
        "join it first, or " + SET.format("members[0].name", "NAME"),
    ),
    "Karmada knows no cluster": (
        having("karmada-apiserver", "clusters.cluster.karmada.io"),
        "members[0].name",
        'Karmada has no Cluster "member3"; it has none',
        "join it first",
    ),
    "the member is in push mode": (
        having("karmada-apiserver", "clusters.cluster.karmada.io", cluster("member3", "Push")),
        "members[0].name",
        'the Cluster "member3" is in Push mode',
        "take members[0] out of the config",
    ),
    "the member was joined by register, and the config does not say so": (
        having("karmada-apiserver", "clusterroles", role("member3")),
        "members[0].registered",
        '`karmadactl register` joined "member3"',
        SET.format("members[0].registered", "true"),
    ),
    "the Docker engine does not answer": (
        no_engine,
        "images.build",
        "the Docker engine, which would build, does not answer: Cannot connect to the Docker daemon",
        "images.server and images.agent",
    ),
}


@pytest.mark.parametrize(("change", "key", "found", "mend"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_is_said_with_its_key_what_was_found_and_what_mends_it(
    clusters: Clusters, settings: Settings, change: Change, key: str, found: str, mend: str
) -> None:
    change(clusters)
    headline, problem, deed = refusal(settings).split("\n")
    assert headline == "The clusters are not ready for this stack; nothing was changed (1):"
    assert problem.startswith(f"  - karmada-anp:{key}: ")
    assert found in problem
    assert mend in deed


def test_args_that_are_ours_are_no_problem(clusters: Clusters, settings: Settings) -> None:
    having("member3", "deployment/karmada-agent", deployment(["--cluster-api-endpoint=x"], [FIELD_MANAGER]))(clusters)
    preflight.check(settings)


def test_args_of_another_container_are_no_problem(clusters: Clusters, settings: Settings) -> None:
    one, other = deployment(["--v=4"], ["helm"], container="sidecar"), deployment()
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    containers: list[Json] = [*_containers(one), *_containers(other)]
    both: Json = {**one, "spec": {"template": {"spec": {"containers": containers}}}}
    having("member3", "deployment/karmada-agent", both)(clusters)
    preflight.check(settings)


def _containers(of: Json) -> Sequence[Json]:
    return items(of, "spec", "template", "spec", "containers")


def test_a_registered_member_that_is_said_to_be_one_is_no_problem(clusters: Clusters) -> None:
    having("karmada-apiserver", "clusterroles", role("member3"))(clusters)
    preflight.check(load(members=[{**MEMBER, "registered": True}]))


def test_a_member_said_to_be_registered_that_is_not_is_no_problem(clusters: Clusters) -> None:
    # the grant is then one too many, and does no harm
    preflight.check(load(members=[{**MEMBER, "registered": True}]))


def test_a_paused_member_is_not_asked_and_may_be_anything(clusters: Clusters) -> None:
    without("member4")(clusters)
    having("karmada-apiserver", "clusters.cluster.karmada.io", cluster("member3"))(clusters)
    preflight.check(load(members=[MEMBER, {**OTHER, "paused": True}]))
    assert "member4" not in clusters.asked


def test_a_stack_of_paused_members_is_no_problem(clusters: Clusters) -> None:
    preflight.check(load(members=[{**MEMBER, "paused": True}]))


def test_published_images_need_no_docker_engine(clusters: Clusters) -> None:
    no_engine(clusters)
    preflight.check(load(images={"server": "example.org/server", "agent": "example.org/agent"}))


PULLED: Json = {"server": "example.org/server", "agent": "example.org/agent", "pullSecrets": ["pull"]}


def test_pull_secrets_that_are_there_are_no_problem(clusters: Clusters) -> None:
    preflight.check(load(images=PULLED))


@pytest.mark.parametrize("context", ["karmada-host", "member3"])
def test_a_pull_secret_that_is_missing_in_a_cluster_is_said_with_what_makes_it(
    clusters: Clusters, context: str
) -> None:
    clusters.pull_secrets[context] = set()
    headline, problem, deed = refusal(load(images=PULLED)).split("\n")
    assert headline.endswith("(1):")
    assert problem == (
        f'  - karmada-anp:images.pullSecrets[0]: there is no Secret "pull" in namespace "karmada-system" of {context}'
    )
    create = f"kubectl --context {context} --namespace karmada-system create secret docker-registry pull"
    assert deed.strip() == f"{create}, with a token that may only pull"


def test_each_pull_secret_is_looked_for_in_the_clusters_own_namespace(clusters: Clusters) -> None:
    clusters.apis["member3"]["namespace/tunnel"] = [{"kind": "Namespace", "metadata": {"name": "tunnel"}}]
    images: Json = {"server": "example.org/server", "agent": "example.org/agent", "pullSecrets": ["pull", "other"]}
    said = refusal(load(images=images, members=[{**MEMBER, "namespace": "tunnel"}]))
    assert said.count("images.pullSecrets[1]") == 2
    assert 'no Secret "other" in namespace "karmada-system" of karmada-host' in said
    assert 'no Secret "other" in namespace "tunnel" of member3' in said
    assert "images.pullSecrets[0]" not in said


def test_a_paused_members_pull_secrets_are_not_asked_for(clusters: Clusters) -> None:
    clusters.pull_secrets["member4"] = set()
    preflight.check(load(images=PULLED, members=[MEMBER, {**OTHER, "paused": True}]))


def test_without_pull_secrets_no_secret_is_asked_for(clusters: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[str]] = []

    def ask(command: Sequence[str], seconds: float = 15) -> str:
        asked.append(command)
        return clusters.ask(command)

    monkeypatch.setattr(preflight, "ask", ask)
    preflight.check(load())
    assert [each[0] for each in asked] == ["docker"]


def test_another_place_of_karmada_agent_is_where_it_is_looked_for(clusters: Clusters) -> None:
    agent = {"deployment": "agent", "container": "main"}
    clusters.apis["member3"] = {
        "namespace/karmada-system": [NAMESPACE],
        "deployment/agent": [deployment(container="main")],
    }
    preflight.check(load(members=[{**MEMBER, "agent": agent}]))


def test_everything_that_is_wrong_is_in_one_message(clusters: Clusters) -> None:
    without("karmada-host")(clusters)
    no_engine(clusters)
    having("karmada-apiserver", "clusters.cluster.karmada.io", cluster("member3", "Push"))(clusters)
    having("member3", "namespace/karmada-system")(clusters)
    having("member3", "deployment/karmada-agent")(clusters)
    without("member4")(clusters)
    said = refusal(load(members=[MEMBER, OTHER]))
    keys = ["host.context", "members[0].name", "members[1].name", "images.build", "members[0].namespace"]
    keys += ["members[0].agent.deployment", "members[1].context"]
    assert said.startswith(f"The clusters are not ready for this stack; nothing was changed ({len(keys)}):")
    assert [key for key in keys if f"  - karmada-anp:{key}: " not in said] == []


def test_only_reading_commands_are_given(clusters: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Sequence[str]] = []

    def objects(command: Sequence[str], seconds: float = 10) -> Sequence[Json]:
        given.append(command)
        return clusters.objects(command, seconds)

    def ask(command: Sequence[str], seconds: float = 15) -> str:
        given.extend([command] if command[0] == "kubectl" else [])
        return clusters.ask(command, seconds)

    monkeypatch.setattr(preflight, "objects", objects)
    monkeypatch.setattr(preflight, "ask", ask)
    preflight.check(load(images=PULLED))
    assert len([each for each in given if "secret/pull" in each]) == 2
    assert [each for each in given if each[0] != "kubectl" or "get" not in each] == []
