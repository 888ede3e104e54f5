"""What the clusters are asked before anything is made, and what each answer leads to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pulumi
import pytest

from checks import preflight
from clusters.api import FORBIDDEN
from clusters.objects import Json, at, entries, items
from config.settings import Settings
from tests.proof import note
from tests.unit.fake_clusters import NAMESPACE, OURS, Clusters, binding, cluster, deployment, identity
from tests.unit.machines import MEMBER, load
from tests.unit.mistakes.refusal import RM, SET, documented, member, members

HOME = Path.home()


def refusal(settings: Settings) -> str:
    with pytest.raises(pulumi.RunError) as error:
        preflight.check(settings)
    return str(error.value)


def test_nothing_is_said_when_everything_is_as_it_should_be(clusters: Clusters, settings: Settings) -> None:
    preflight.check(settings)
    assert {each.split()[0] for each in clusters.asked} == {"karmada-host", "karmada-apiserver", "member3"}


Change = Callable[[Clusters], object]
"""What is done to clusters that are as they should be."""


def without(context: str) -> Change:
    return lambda clusters: clusters.apis.pop(context)


def having(context: str, resource: str, *objects: Json) -> Change:
    return lambda clusters: clusters.apis[context].update({resource: objects})


def no_engine(clusters: Clusters) -> None:
    clusters.engine = False


def saying(context: str, status: int, said: str) -> Change:
    return lambda clusters: clusters.says.update({context: (status, said)})


def being(context: str, other: str) -> Change:
    """A context that names the cluster of another one."""
    return having(context, "namespaces/kube-system", identity(f"uid of {other}"))


BINDINGS = "clusterrolebindings"
OF_MEMBER3 = f"{BINDINGS}/system:karmada:member3:agent"


def refusing(*what: str) -> Change:
    return lambda clusters: clusters.refuses.update(what)


def denying(context: str, *what: str) -> Change:
    return lambda clusters: clusters.denied.update({context: set(what)})


def running(context: str, minor: str) -> Change:
    """Another version of Kubernetes."""
    return lambda clusters: clusters.minors.update({context: minor})


def too_old(context: str, minor: str, found: str) -> Row:
    change, key = running(context, minor), KEYS[context]
    why = f'"{context}" runs Kubernetes 1.{minor.rstrip("+")}, and {found} or later'
    return change, key, why, f"upgrade that cluster, or {SET.format(key, 'CONTEXT')}"


LOGGED_OUT = 401, "Unauthorized"
DENIED = FORBIDDEN, 'namespaces "karmada-system" is forbidden: User "nobody" cannot get resource'

KEYS = {
    "karmada-host": "host.context",
    "karmada-apiserver": "host.karmadaContext",
    "member3": "members.member3.context",
}
"""The key of each context."""

SEE_TO_CREDENTIALS = "see to the credentials of that context"
AGENT = "members.member3.agent"

Row = tuple[Change, str, str, str]
"""What is done, and what the refusal names: the key, what was found, and what mends it."""


def to_set(change: Change, key: str, found: str, value: str = "CONTEXT") -> Row:
    return change, key, found, SET.format(key, value)


def unanswering(context: str, remedy: str) -> Row:
    found = f'the API of "{context}" does not answer: connection refused'
    return without(context), KEYS[context], found, remedy


def no_namespace(context: str, section: str, kubeconfig: str) -> Row:
    found = f'there is no namespace "karmada-system" in {context}'
    remedy = f"kubectl --kubeconfig={HOME}/{kubeconfig} --context={context} create namespace karmada-system"
    return having(context, "namespaces/karmada-system"), f"{section}.namespace", found, remedy


def others_args(managers: Sequence[str], found: str) -> Row:
    change = having("member3", "deployments/karmada-agent", deployment(["--v=4"], managers))
    return change, f"{AGENT}.container", f"has args of {found}", "take them away from deployment/karmada-agent"


def mistaken(context: str, other: str, found: str) -> Row:
    return to_set(being(context, other), KEYS[context], f'"{context}" is {found}')


def lacking(context: str, found: str, *rights: str) -> Row:
    remedy = "give that user a role with these rights, or " + SET.format(KEYS[context], "CONTEXT")
    return denying(context, *rights), KEYS[context], f'the user of "{context}" may not {found}', remedy


def deleted(name: str) -> Json:
    """A Cluster that waits for somebody to go."""
    return {**entries(cluster(name)), "metadata": {"name": name, "deletionTimestamp": "now"}}


PROBLEMS: Mapping[str, Row] = {
    "the host's API does not answer": unanswering("karmada-host", "see to the cluster or the credentials"),
    "the Karmada API does not answer": unanswering("karmada-apiserver", "see to the cluster or the credentials"),
    "the only member's API does not answer": to_set(
        without("member3"),
        "away.most",
        "1 of 1 members do not answer or are not Ready: member3 (member3: connection refused)",
        "1",
    ),
    "the host has no such namespace": no_namespace("karmada-host", "host", "karmada.config"),
    "a member has no such namespace": no_namespace("member3", "members.member3", "members.config"),
    "the host's Kubernetes is too old": too_old("karmada-host", "29+", "a guarded proxy-server needs 1.30"),
    "a member's Kubernetes is too old": too_old("member3", "26", "a guarded proxy-agent needs 1.27"),
    "karmada-agent's Deployment is not there": to_set(
        having("member3", "deployments/karmada-agent"),
        f"{AGENT}.deployment",
        'there is no Deployment "karmada-agent" in namespace "karmada-system" of member3',
        "NAME",
    ),
    "it has no such container, and those that it has are listed": to_set(
        having("member3", "deployments/karmada-agent", deployment(container="agent")),
        f"{AGENT}.container",
        'has no container "karmada-agent", but agent',
        "NAME",
    ),
    "its args are somebody else's": others_args(["kubectl-patch"], "kubectl-patch"),
    "its args are ours and somebody else's": others_args([OURS, "argocd"], f"argocd, {OURS}"),
    "its args are nobody's that we know": others_args([], "an unknown manager"),
    "its args are another stack's": (
        having("member3", "deployments/karmada-agent", deployment(["--cluster-api-endpoint=x"], ["karmada-anp-prod"])),
        "members.member3",
        '"member3" has the tunnel of the stack "prod" already',
        "take it out of one of the two: members.member3 here, or that stack's",
    ),
    "Karmada does not know the member, and those that it knows are listed": (
        having("karmada-apiserver", "clusters", cluster("member4")),
        "members.member3",
        'Karmada has no Cluster "member3"; it has member4',
        "join it first, or " + RM.format("members.member3"),
    ),
    "Karmada knows no cluster": (
        having("karmada-apiserver", "clusters"),
        "members.member3",
        'Karmada has no Cluster "member3"; it has none',
        "join it first",
    ),
    "the member is in push mode": (
        having("karmada-apiserver", "clusters", cluster("member3", "Push")),
        "members.member3",
        'the Cluster "member3" is in Push mode',
        RM.format("members.member3"),
    ),
    "the Karmada API's user may not look how the member was joined": to_set(
        refusing(f"karmada-apiserver {BINDINGS}", f"karmada-apiserver {OF_MEMBER3}"),
        "members.member3.registered",
        'the Karmada API may not be asked whether `karmadactl register` joined "member3"',
        "true, or false if it was not",
    ),
    "the host's credentials have expired": (
        saying("karmada-host", *LOGGED_OUT),
        "host.context",
        'the API of "karmada-host" does not accept the credentials, which may have expired: Unauthorized',
        SEE_TO_CREDENTIALS,
    ),
    "the Karmada API's credentials have expired": to_set(
        saying("karmada-apiserver", *LOGGED_OUT),
        "host.karmadaContext",
        'the API of "karmada-apiserver" does not accept the credentials',
    ),
    "a member's credentials have expired": (
        saying("member3", *LOGGED_OUT),
        "members.member3.context",
        'the API of "member3" does not accept the credentials',
        "or pause it",
    ),
    "the host's user may not even ask": (
        saying("karmada-host", *DENIED),
        "host.context",
        'the user of "karmada-host" may not even ask: namespaces "karmada-system"',
        SEE_TO_CREDENTIALS,
    ),
    "a member's user may not even ask": (
        saying("member3", *DENIED),
        "members.member3.context",
        'the user of "member3" may not even ask',
        "or pause it",
    ),
    "the Karmada API's context is that of another cluster": to_set(
        saying("karmada-apiserver", 404, "404 page not found"),
        "host.karmadaContext",
        '"karmada-apiserver" is no Karmada API: it has no Cluster objects',
    ),
    "what answers for the host is no Kubernetes": (
        saying("karmada-host", 404, "404 page not found"),
        "host.context",
        'the API of "karmada-host" does not answer: 404 page not found',
        "see to the cluster or the credentials",
    ),
    "the host's context is the Karmada API by another name": mistaken(
        "karmada-host", "karmada-apiserver", "the Karmada API (by the uid of its namespace kube-system)"
    ),
    "the host's context is the member's": mistaken(
        "karmada-host", "member3", 'what Karmada knows as the member "member3"'
    ),
    "a member's context is the host's by another name": mistaken(
        "member3", "karmada-host", "the cluster of host.context too"
    ),
    "a member's context is the Karmada API's by another name": mistaken(
        "member3", "karmada-apiserver", "the Karmada API"
    ),
    "a member's context is another member's": mistaken("member3", "member4", 'what Karmada knows as "member4"'),
    "a member's context is a cluster that Karmada does not know": mistaken(
        "member3", "a stranger", 'not what Karmada knows as "member3"'
    ),
    "the host's user may not create Secrets": lacking(
        "karmada-host", 'create secrets in namespace "karmada-system"', "create secrets"
    ),
    "the host's user may neither patch nor delete Deployments": lacking(
        "karmada-host",
        'patch, delete deployments.apps in namespace "karmada-system"',
        *("patch deployments", "delete deployments"),
    ),
    "a member's user may not create Secrets": lacking(
        "member3", 'create secrets in namespace "karmada-system"', "create secrets"
    ),
    "a member's user may not watch Secrets": lacking(
        "member3", 'list, watch secrets in namespace "karmada-system"', "list secrets", "watch secrets"
    ),
    "a member's user may neither patch nor delete Secrets": lacking(
        "member3",
        'patch, delete secrets in namespace "karmada-system"',
        *("patch secrets", "delete secrets"),
    ),
    "a member's user may not create NetworkPolicies": lacking(
        "member3",
        'create networkpolicies.networking.k8s.io in namespace "karmada-system"',
        "create networkpolicies",
    ),
    "a member's user may not patch Deployments": lacking(
        "member3",
        'patch deployments.apps in namespace "karmada-system"; patch deployments.apps/karmada-agent',
        "patch deployments",
    ),
    "the Karmada API's user may not patch Clusters": lacking(
        "karmada-apiserver", "patch clusters.cluster.karmada.io/member3", "patch clusters"
    ),
    "a member's Cluster is deleted and does not go": (
        having("karmada-apiserver", "clusters", deleted("member3")),
        "members.member3",
        'the Cluster "member3" is deleted, and waits to go',
        RM.format("members.member3"),
    ),
    "a member was registered under another name before": (
        lambda clusters: earlier("host=edge1.member")(clusters),
        "members.member3",
        'proxy-agent in member3 is of the member "edge1"',
        "take that one out of the config of its stack and `up`, then set member3",
    ),
    "the Docker engine does not answer": (
        no_engine,
        "images.build",
        "the Docker engine, which would build, does not answer: Cannot connect to the Docker daemon",
        "images.server and images.agent",
    ),
}


@pytest.mark.parametrize(
    ("mistake", "change", "key", "found", "remedy"),
    [(mistake, *of) for mistake, of in PROBLEMS.items()],
    ids=PROBLEMS.keys(),
)
def test_a_problem_is_said_with_its_key_what_was_found_and_what_mends_it(
    clusters: Clusters, settings: Settings, mistake: str, change: Change, key: str, found: str, remedy: str
) -> None:
    change(clusters)
    said = refusal(settings)
    note("Mistakes", tried=mistake, expected=f"refused, naming {key}", seen=said.split("\n")[1].removeprefix("  - "))
    headline, problem, deed = said.split("\n")
    assert headline == "The clusters are not ready for this stack; nothing was changed (1):"
    assert problem.startswith(f"  - karmada-anp:{key}: ")
    assert found in problem
    assert remedy in deed


def test_args_that_are_ours_are_no_problem(clusters: Clusters, settings: Settings) -> None:
    having("member3", "deployments/karmada-agent", deployment(["--cluster-api-endpoint=x"], [OURS]))(clusters)
    preflight.check(settings)


def test_args_that_are_ours_by_the_tunnel_are_taken_back_by_the_kubeconfig(
    clusters: Clusters, settings: Settings
) -> None:
    """A member that Karmada alone got at until now."""
    having("member3", "deployments/karmada-agent", deployment(["--x=y"], [f"{OURS}:delivery"]))(clusters)
    ready = preflight.check(settings)
    assert (ready.formerly_delivered, ready.taken_over) == ({"member3"}, [])


def test_args_of_another_container_are_no_problem(clusters: Clusters, settings: Settings) -> None:
    one, other = deployment(["--v=4"], ["helm"], container="sidecar"), deployment()
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    containers: list[Json] = [*_containers(one), *_containers(other)]
    both: Json = {**one, "spec": {"template": {"spec": {"containers": containers}}}}
    having("member3", "deployments/karmada-agent", both)(clusters)
    preflight.check(settings)


def _containers(of: Json) -> Sequence[Json]:
    return items(of, "spec", "template", "spec", "containers")


@pytest.mark.parametrize("paused", [False, True], ids=["active", "paused"])
def test_the_karmada_api_tells_who_is_registered(clusters: Clusters, paused: bool) -> None:
    """A paused member's grant is not to be taken away either."""
    having("karmada-apiserver", "clusterrolebindings/system:karmada:member4:agent", binding("member4"))(clusters)
    ready = preflight.check(load(**members(MEMBER, {**MEMBER, "paused": paused})))
    assert {each.name: each.registered for each in ready.settings.members} == {"member3": False, "member4": True}


def test_a_user_who_may_not_list_bindings_asks_for_each(clusters: Clusters) -> None:
    refusing(f"karmada-apiserver {BINDINGS}")(clusters)
    having("karmada-apiserver", f"{BINDINGS}/system:karmada:member4:agent", binding("member4"))(clusters)
    ready = preflight.check(load(**members(MEMBER, MEMBER)))
    assert [each.registered for each in ready.settings.members] == [False, True]


@pytest.mark.parametrize("said", [True, False])
def test_where_the_config_says_it_nobody_is_asked(clusters: Clusters, said: bool) -> None:
    refusing(f"karmada-apiserver {BINDINGS}", f"karmada-apiserver {OF_MEMBER3}")(clusters)
    (found,) = preflight.check(load(**member(registered=said))).settings.members
    assert found.registered is said


def test_a_paused_member_is_not_asked_and_may_be_anything(clusters: Clusters) -> None:
    without("member4")(clusters)
    having("karmada-apiserver", "clusters", cluster("member3"))(clusters)
    preflight.check(load(**members(MEMBER, {**MEMBER, "paused": True})))
    assert [each for each in clusters.asked if each.startswith("member4")] == []


def test_a_stack_of_paused_members_is_no_problem(clusters: Clusters) -> None:
    preflight.check(load(members={"member3": {**MEMBER, "paused": True}}))


def test_published_images_need_no_docker_engine(clusters: Clusters) -> None:
    no_engine(clusters)
    preflight.check(load(images={"server": "example.org/server", "agent": "example.org/agent"}))


PULLED: Json = {"server": "example.org/server", "agent": "example.org/agent", "pullSecrets": ["pull"]}


def test_pull_secrets_that_are_there_are_no_problem(clusters: Clusters) -> None:
    preflight.check(load(images=PULLED))


@pytest.mark.parametrize(("context", "kubeconfig"), [("karmada-host", "karmada.config"), ("member3", "members.config")])
def test_a_pull_secret_that_is_missing_in_a_cluster_is_said_with_what_makes_it(
    clusters: Clusters, context: str, kubeconfig: str
) -> None:
    del clusters.apis[context]["secrets/pull"]
    headline, problem, deed = refusal(load(images=PULLED)).split("\n")
    assert headline.endswith("(1):")
    assert problem == (
        f'  - karmada-anp:images.pullSecrets[0]: there is no Secret "pull" in namespace "karmada-system" of {context}'
    )
    create = f"kubectl --kubeconfig={HOME}/{kubeconfig} --context={context} create secret docker-registry pull"
    assert deed.strip() == f"{create} --namespace=karmada-system, with a token that may only pull"


def test_each_pull_secret_is_looked_for_in_the_clusters_own_namespace(clusters: Clusters) -> None:
    clusters.apis["member3"]["namespaces/tunnel"] = [{"kind": "Namespace", "metadata": {"name": "tunnel"}}]
    images: Json = {"server": "example.org/server", "agent": "example.org/agent", "pullSecrets": ["pull", "other"]}
    said = refusal(load(images=images, members={"member3": {**MEMBER, "namespace": "tunnel"}}))
    assert said.count("images.pullSecrets[1]") == 2
    assert 'no Secret "other" in namespace "karmada-system" of karmada-host' in said
    assert 'no Secret "other" in namespace "tunnel" of member3' in said
    assert "images.pullSecrets[0]" not in said


def test_a_paused_members_pull_secrets_are_not_asked_for(clusters: Clusters) -> None:
    del clusters.apis["member4"]["secrets/pull"]
    preflight.check(load(images=PULLED, **members(MEMBER, {**MEMBER, "paused": True})))


def test_without_pull_secrets_no_secret_is_asked_for(clusters: Clusters) -> None:
    preflight.check(load())
    assert [each for each in clusters.asked if each.endswith("secrets/pull")] == []


def test_another_place_of_karmada_agent_is_where_it_is_looked_for(clusters: Clusters) -> None:
    agent = {"deployment": "agent", "container": "main"}
    clusters.apis["member3"] = {
        "namespaces/karmada-system": [NAMESPACE],
        "deployments/agent": [deployment(container="main", name="agent")],
    }
    preflight.check(load(members={"member3": {**MEMBER, "agent": agent}}))


def test_everything_that_is_wrong_is_in_one_message(clusters: Clusters) -> None:
    without("karmada-host")(clusters)
    no_engine(clusters)
    having("karmada-apiserver", "clusters", cluster("member3", "Push"))(clusters)
    having("member3", "namespaces/karmada-system")(clusters)
    having("member3", "deployments/karmada-agent")(clusters)
    without("member4")(clusters)
    said = refusal(load(**members(MEMBER, MEMBER)))
    keys = ["host.context", "members.member3", "members.member4", "images.build", "members.member3.namespace"]
    keys += ["members.member3.agent.deployment"]
    assert said.startswith(f"The clusters are not ready for this stack; nothing was changed ({len(keys)}):")
    assert [key for key in keys if f"  - karmada-anp:{key}: " not in said] == []


# whose cluster it is


SWAPPED = members({**MEMBER, "context": "member4"}, {**MEMBER, "context": "member3"})


def test_members_whose_contexts_are_swapped_are_said_each_by_its_key(clusters: Clusters) -> None:
    said = refusal(load(**member(context="member4")))
    assert 'karmada-anp:members.member3.context: "member4" is what Karmada knows as "member4"' in said
    said = refusal(load(**SWAPPED))
    assert "(2):" in said
    assert 'karmada-anp:members.member3.context: "member4" is what Karmada knows as "member4"' in said
    assert 'karmada-anp:members.member4.context: "member3" is what Karmada knows as "member3"' in said


def test_of_another_cluster_nothing_else_is_said(clusters: Clusters, settings: Settings) -> None:
    """It lacks what the right one has: that would send the reader after the wrong thing."""
    being("member3", "karmada-host")(clusters)
    having("member3", "deployments/karmada-agent")(clusters)
    denying("member3", "create secrets")(clusters)
    assert "(1):" in refusal(settings)


def test_where_karmada_knows_no_identity_a_cluster_is_believed(clusters: Clusters, settings: Settings) -> None:
    having("karmada-apiserver", "clusters", cluster("member3"))(clusters)
    preflight.check(settings)


def test_who_may_not_look_into_kube_system_is_believed(clusters: Clusters, settings: Settings) -> None:
    """A user of some namespaces alone is enough for a member."""
    refusing("member3 namespaces/kube-system")(clusters)
    preflight.check(settings)


def test_a_host_that_is_itself_a_member_of_others_is_no_problem(clusters: Clusters, settings: Settings) -> None:
    host = cluster("the-host", "Push", uid="uid of karmada-host")
    having("karmada-apiserver", "clusters", cluster("member3"), host)(clusters)
    preflight.check(settings)


# another stack's tunnel


def tunnelled(clusters: Clusters, *servers: Json) -> None:
    way: Json = {
        "kind": "Cluster",
        "metadata": {"name": "member3"},
        "spec": {"syncMode": "Pull", "proxyURL": "http://x:1"},
    }
    having("karmada-apiserver", "clusters", way)(clusters)
    having("karmada-host", "deployments/proxy-server", *servers)(clusters)


def test_a_tunnel_whose_server_is_elsewhere_is_warned_of(
    clusters: Clusters, settings: Settings, warned: list[str]
) -> None:
    """No more than that: the stack's own server may have been deleted by hand, and `up` puts it back."""
    tunnelled(clusters)
    preflight.check(settings)
    (warning,) = warned
    assert warning.startswith('karmada-anp:members.member3: Karmada goes to "member3" by http://x:1, but there is no')
    assert 'no proxy-server in namespace "karmada-system" of karmada-host' in warning


def test_the_stacks_own_tunnel_is_not_warned_of(clusters: Clusters, settings: Settings, warned: list[str]) -> None:
    tunnelled(clusters, deployment(name="proxy-server", maker="pulumi-kubernetes"))
    preflight.check(settings)
    assert warned == []


# an endpoint that is loopback


ENDPOINT = "members.member3.apiEndpoint"
LOOPBACK = "https://127.0.0.1:6443"


def reported(name: str, **keys: Json) -> Json:
    """A Cluster object that has more in its spec."""
    joined = cluster(name, uid=f"uid of {name}")
    return {**entries(joined), "spec": {**entries(joined, "spec"), **keys}}


@pytest.mark.parametrize("url", [LOOPBACK, "https://localhost:6443", "https://[::1]:6443", "https://0.0.0.0:6443"])
def test_an_endpoint_that_is_loopback_is_warned_of_for_without_the_tunnel_karmada_would_dial_itself(
    clusters: Clusters, warned: list[str], url: str
) -> None:
    preflight.check(load(**member(apiEndpoint=url)))
    why = f'karmada-anp:{ENDPOINT}: "{url}" is loopback: without the tunnel Karmada would dial itself'
    assert warned == [f"{why}; {SET.format(ENDPOINT, 'https://HOST:6443')}"]


def test_it_is_refused_where_karmada_would_believe_itself_without_a_look_at_the_certificate(clusters: Clusters) -> None:
    having("karmada-apiserver", "clusters", reported("member3", insecureSkipTLSVerification=True))(clusters)
    headline, problem, deed = refusal(load(**member(apiEndpoint=LOOPBACK))).split("\n")
    tried = "an endpoint is loopback, and Karmada looks at no certificate"
    note("Mistakes", tried=tried, expected=f"refused, naming {ENDPOINT}", seen=problem.removeprefix("  - "))
    assert headline.endswith("(1):")
    found = f'"{LOOPBACK}" is loopback, and the Cluster "member3" has insecureSkipTLSVerification'
    assert problem.startswith(f"  - karmada-anp:{ENDPOINT}: {found}")
    assert deed.strip() == SET.format(ENDPOINT, "https://HOST:6443")


def test_another_members_cluster_that_believes_anybody_is_no_reason_to_refuse_it(
    clusters: Clusters, warned: list[str]
) -> None:
    ours, other = (reported(name, insecureSkipTLSVerification=name == "member4") for name in ("member3", "member4"))
    having("karmada-apiserver", "clusters", ours, other)(clusters)
    preflight.check(load(**member(apiEndpoint=LOOPBACK)))
    assert len(warned) == 1


def test_where_karmada_looks_at_no_certificate_another_endpoint_is_no_problem(
    clusters: Clusters, settings: Settings, warned: list[str]
) -> None:
    having("karmada-apiserver", "clusters", reported("member3", insecureSkipTLSVerification=True))(clusters)
    preflight.check(settings)
    assert warned == []


def test_of_a_paused_members_endpoint_nothing_is_said(clusters: Clusters, warned: list[str]) -> None:
    preflight.check(load(**members(MEMBER, {**MEMBER, "apiEndpoint": LOOPBACK, "paused": True})))
    assert warned == []


# by which hosts its agents are found, until Karmada shows the guard the member's name


def shown(name: str) -> Json:
    """A Cluster's header with a credential of that name."""
    return {"Proxy-Authorization": "Basic " + base64.b64encode(f"{name}:{'0' * 64}".encode()).decode()}


def earlier(identifiers: str, header: Json = None, name: str = "member3") -> Change:
    """A member as an earlier `up` left it: what its agents claim, and what its Cluster shows."""

    def change(clusters: Clusters) -> None:
        args = [f"--agent-identifiers={identifiers}"]
        agent = deployment(args, container="proxy-agent", name="proxy-agent", maker="pulumi-kubernetes-1a2b3c4d")
        clusters.apis[name]["deployments/proxy-agent"] = [agent]
        clusters.apis["karmada-apiserver"]["clusters"] = [
            reported(each, **({"proxyHeader": header} if header and each == name else {}))
            for each in ("member3", "member4")
        ]

    return change


@pytest.mark.parametrize(
    ("identifiers", "header", "former"),
    [
        ("host=10.0.0.3", None, ["10.0.0.3"]),
        ("host=10.0.0.3", shown("karmada"), ["10.0.0.3"]),
        ("host=10.0.0.3", shown("member4"), ["10.0.0.3"]),
        ("host=10.0.0.3", {"Proxy-Authorization": "Basic ?"}, ["10.0.0.3"]),
        ("host=10.0.0.3&host=member3.member", None, ["10.0.0.3"]),
        ("host=10.0.0.3&host=10.0.0.33", None, ["10.0.0.3", "10.0.0.33"]),
        ("ipv4=10.0.0.9&host=10.0.0.3", None, ["10.0.0.3"]),
        ("host=fd00::6", None, ["fd00::6"]),
    ],
    ids=[
        *("no header", "an earlier version's header", "another member's header", "a header that is none"),
        *("an interrupted up", "two hosts", "an address beside", "IPv6"),
    ],
)
def test_agents_are_still_found_by_their_former_hosts_until_karmada_shows_the_name(
    clusters: Clusters, settings: Settings, identifiers: str, header: Json, former: list[str]
) -> None:
    earlier(identifiers, header)(clusters)
    assert preflight.check(settings).former == {"member3": former}


@pytest.mark.parametrize(
    ("identifiers", "header"),
    [
        ("host=10.0.0.3&host=member3.member", shown("member3")),
        ("host=10.0.0.3", shown("member3")),
        ("host=member3.member", shown("member3")),
        ("host=member3.member", None),
        ("", None),
    ],
    ids=["the next up", "agents that were kept", "all is well", "agents that are the stack's already", "none"],
)
def test_where_karmada_shows_the_name_or_agents_have_no_other_host_none_is_kept(
    clusters: Clusters, settings: Settings, identifiers: str, header: Json
) -> None:
    earlier(identifiers, header)(clusters)
    assert preflight.check(settings).former == {}


def test_where_no_agent_is_there_none_is_found_by_another_host(clusters: Clusters, settings: Settings) -> None:
    assert preflight.check(settings).former == {}


def test_where_all_is_as_documented_an_agents_host_is_no_former_one(clusters: Clusters) -> None:
    earlier("host=10.0.0.3")(clusters)
    assert preflight.check(load(**documented())).former == {}


def test_each_member_has_former_hosts_of_its_own_and_a_paused_one_none(clusters: Clusters) -> None:
    earlier("host=10.0.0.4", name="member4")(clusters)
    assert preflight.check(load(**members(MEMBER, MEMBER))).former == {"member4": ["10.0.0.4"]}
    assert preflight.check(load(**members(MEMBER, {**MEMBER, "paused": True}))).former == {}


def test_agents_of_the_manual_steps_whose_place_is_taken_have_no_former_hosts(clusters: Clusters) -> None:
    """What was made by hand has a CA of its own: its server lets no agent of the stack's in. Others keep theirs."""
    earlier("host=10.0.0.4", name="member4")(clusters)
    agent = deployment(["--agent-identifiers=host=10.0.0.3"], container="proxy-agent", name="proxy-agent")
    having("member3", "deployments/proxy-agent", agent)(clusters)
    ready = preflight.check(load(**members(MEMBER, MEMBER), proxy={"adopt": True}))
    assert ([each.context for each in ready.taken_over], ready.former) == (["member3"], {"member4": ["10.0.0.4"]})


def test_where_the_hosts_place_is_taken_no_member_has_former_hosts(clusters: Clusters) -> None:
    earlier("host=10.0.0.3")(clusters)
    having("karmada-host", "deployments/proxy-server", deployment(name="proxy-server", container="proxy-server"))(
        clusters
    )
    ready = preflight.check(load(proxy={"adopt": True}))
    assert ([each.context for each in ready.taken_over], ready.former) == (["karmada-host"], {})


# what its user may


def test_rights_are_asked_for_what_the_stack_does_and_no_more(clusters: Clusters, settings: Settings) -> None:
    preflight.check(settings)
    asked = {" ".join(str(at(each, key)) for key in ("verb", "group", "resource")) for each in clusters.reviewed}
    objects = (" secrets", "apps deployments")
    workload = {f"{verb} {of}" for verb in ("create", "list", "watch", "patch", "delete") for of in objects}
    policies = {f"{verb} networking.k8s.io networkpolicies" for verb in ("create", "list", "watch")}
    assert asked == {*workload, *policies, "patch cluster.karmada.io clusters"}


def test_rights_go_with_what_the_config_asks_for(clusters: Clusters) -> None:
    preflight.check(
        load(
            members={"member3": {**MEMBER, "registered": True}},
            proxy={"exposure": "loadBalancer", "replicas": 2},
            monitoring={"enabled": True},
        )
    )
    asked = {str(at(each, "resource")) for each in clusters.reviewed if at(each, "verb") == "create"}
    assert asked == {
        *("secrets", "deployments", "services", "networkpolicies", "poddisruptionbudgets"),
        *("podmonitors", "prometheusrules", "clusterroles", "clusterrolebindings"),
    }


@pytest.mark.parametrize("context", ["karmada-host", "member3"])
def test_nobody_needs_a_right_on_configmaps(clusters: Clusters, settings: Settings, context: str) -> None:
    """A member that an earlier version made has one more file in a Secret: its user may write that already."""
    denying(context, "create configmaps", "patch configmaps", "delete configmaps")(clusters)
    preflight.check(settings)


def test_the_fork_needs_no_right_on_what_a_guard_needs(clusters: Clusters) -> None:
    denying("karmada-apiserver", "patch clusters")(clusters)
    denying("member3", "create networkpolicies")(clusters)
    preflight.check(load(**documented()))
    asked = {str(at(each, "resource")) for each in clusters.reviewed}
    assert asked == {"secrets", "deployments"}


def test_what_is_there_is_asked_for_by_its_name(clusters: Clusters, settings: Settings) -> None:
    """A role may allow to patch or delete these objects alone; to create or watch, no role can."""
    preflight.check(settings)
    named = {f"{at(each, 'resource')}/{at(each, 'name')}" for each in clusters.reviewed if at(each, "name")}
    assert named == {
        *("secrets/proxy-server-cert", "secrets/proxy-guard", "deployments/proxy-server"),
        *("secrets/proxy-agent-cert", "deployments/proxy-agent", "deployments/karmada-agent"),
        "clusters/member3",
    }
    unnamed = {str(at(each, "verb")) for each in clusters.reviewed if not at(each, "name")}
    assert unnamed == {"create", "list", "watch"}


@pytest.mark.parametrize(("context", "minor"), [("karmada-host", "30"), ("member3", "27"), ("member3", "27+")])
def test_a_kubernetes_that_is_old_enough_to_know_what_is_deployed_is_good(
    clusters: Clusters, settings: Settings, context: str, minor: str
) -> None:
    clusters.minors[context] = minor
    preflight.check(settings)


def test_as_documented_any_kubernetes_is_good(clusters: Clusters) -> None:
    clusters.minors.update({"karmada-host": "20", "member3": "20"})
    preflight.check(load(**documented()))


def test_a_cluster_that_does_not_tell_its_version_is_taken_for_new_enough(
    clusters: Clusters, settings: Settings
) -> None:
    clusters.refuses.add("member3 version")
    preflight.check(settings)


PRIORITY: Mapping[str, Json] = {"priorityClassName": "tunnel"}


@pytest.mark.parametrize(
    ("context", "key", "sections"),
    [
        ("karmada-host", "proxy", {"proxy": PRIORITY}),
        ("member3", "members.member3", member(**PRIORITY)),
    ],
)
def test_a_priority_class_must_be_there_where_the_user_may_see_it(
    clusters: Clusters, context: str, key: str, sections: Mapping[str, Json]
) -> None:
    settings = load(**sections)
    said = refusal(settings)
    assert f'{key}.priorityClassName: there is no PriorityClass "tunnel" in {context}: no pod would be made' in said
    clusters.refuses.add(f"{context} priorityclasses/tunnel")
    preflight.check(settings)
    clusters.refuses.clear()
    clusters.apis[context]["priorityclasses/tunnel"] = [{"kind": "PriorityClass"}]
    preflight.check(settings)


def balancer(load_balancer_class: str, operation: str = "Apply", kind: str = "LoadBalancer") -> Json:
    """The Service that agents dial, and who has set its class."""
    owned: Json = {"operation": operation, "fieldsV1": {"f:spec": {"f:loadBalancerClass": {}}}}
    spec: Json = {"type": kind, "loadBalancerClass": load_balancer_class}
    return {"metadata": {"managedFields": [owned] if load_balancer_class else []}, "spec": spec}


CLASS = "proxy.loadBalancerClass: the Service proxy-server-agents has {}, which cannot be changed to {}"
ONE, OTHER = 'class "example.org/one"', 'class "example.org/other"'


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (balancer("example.org/one"), "example.org/other", CLASS.format(ONE, OTHER)),
        (balancer(""), "example.org/other", CLASS.format("no class", OTHER)),
        (balancer("example.org/one"), None, CLASS.format(ONE, "no class")),
        (balancer("example.org/one"), "example.org/one", None),
        # a cloud's webhook fills it in
        (balancer("example.org/one", "Update"), None, None),
        # Kubernetes takes the class of another type away
        (balancer("", kind="NodePort"), "example.org/other", None),
        (None, "example.org/other", None),
    ],
)
def test_another_class_of_load_balancer_is_refused_where_kubernetes_would_refuse_it(
    clusters: Clusters, found: Json, wanted: str | None, said: str | None
) -> None:
    settings = load(proxy={"exposure": "loadBalancer", **({"loadBalancerClass": wanted} if wanted else {})})
    clusters.apis["karmada-host"]["services/proxy-server-agents"] = [found] if found else []
    if not said:
        preflight.check(settings)
        return
    problem = refusal(settings)
    assert said in problem
    assert "delete service proxy-server-agents --namespace=karmada-system and then `pulumi up --refresh`" in problem
