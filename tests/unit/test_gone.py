"""Members that are gone: what is to be given back to something that is not there is done."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pulumi
import pytest

from checks import preflight
from checks.commands import agent_gone
from checks.commands.take_away import delete_works
from checks.commands.take_back import withdraw_tunnel
from clusters.kubeconfig import Context
from clusters.objects import Json, entries, text
from components.anp import PROXY_FLAG
from tests.unit.afar import GIVEN, OURS, PATCHS, URL, Afar
from tests.unit.fake_api_server import ApiServer
from tests.unit.fake_clusters import Clusters
from tests.unit.machines import MEMBER, load
from tests.unit.stacks import MEMBER3, MEMBER4, PUBLISHED, afar, changed, short
from tests.unit.test_commands import AGENT, CLUSTER, ROLLED_OUT, going, run
from tools.render.program import Run
from tools.render.recorded import Recorded

WORKS = (
    "karmada-apiserver /apis/work.karmada.io/v1alpha1/namespaces/karmada-es-member3/works"
    "?labelSelector=karmada-anp%2Fstack%3Ddev"
)
HELD: Json = [{"manager": PATCHS, "operation": "Apply", "fieldsV1": {"f:spec": {"f:proxyHeader": {}}}}]


# what leads there: the patches go without a call, a step gives back what is there


@pytest.mark.parametrize("name", ["member3", "member4"])
def test_neither_flags_nor_credential_are_pulumis_to_take_away(pair: Run, name: str) -> None:
    for each in (pair, afar()):
        assert header(each, name).retain_on_delete
    assert pair.the("DeploymentPatch", f"{name}-karmada-agent").retain_on_delete


def provider(run: Run, name: str) -> Recorded:
    (found,) = [each for each in run.resources.values() if each.type.startswith("pulumi:") and each.name == name]
    return found


def header(run: Run, name: str) -> Recorded:
    (found,) = [each for each in run.resources.values() if each.name == f"{name}-registration-header"]
    return found


def test_what_gives_it_back_is_there_before_it(pair: Run) -> None:
    for name in ("member3", "member4"):
        assert pair.the("Command", f"{name}-karmada-agent-gone").urn in header(pair, name).dependencies
        assert afar().the("Command", "delivery-works").urn in header(afar(), name).dependencies


def test_of_a_member_that_is_gone_only_the_step_is_left_and_its_provider_forgets(pair: Run) -> None:
    gone = changed(pair.resources.values(), members={"member3": MEMBER3, "member4": {**MEMBER4, "gone": True}})
    left = {short(each.urn) for each in gone.resources.values() if "member4" in each.name}
    assert left == {
        "kubernetes member-member4",
        "Member member4",
        "KarmadaAgentPatch member4-karmada-agent",
        "Command member4-karmada-agent-gone",
    }
    assert provider(gone, "member-member4").inputs["deleteUnreachable"] == "true"
    was, now = (each.the("Command", "member4-karmada-agent-gone") for each in (pair, gone))
    assert was.urn == now.urn
    assert agent_gone.AgentGoneInput.model_validate_json(text(now.inputs, "stdin")).gone


def test_what_only_karmada_gets_at_is_not_said_to_be_gone() -> None:
    with pytest.raises(pulumi.RunError, match=r"members\.member3\.gone: Karmada alone") as error:
        load(members={"member3": {"access": "karmada", "gone": True}}, images=PUBLISHED)
    assert "pulumi config rm --path 'karmada-anp:members.member3'" in str(error.value)


def test_a_gone_members_kubeconfig_may_be_gone_too() -> None:
    settings = load(members={"member3": MEMBER, "member4": {"kubeconfig": "~/none", "kind": "none", "gone": True}})
    assert [each.name for each in settings.members] == ["member3"]
    assert [(each.name, each.context) for each in settings.gone] == [("member4", "member4")]


# by a kubeconfig


def given(api: ApiServer, *, gone: bool = False) -> agent_gone.AgentGoneInput:
    api.has[WORKS] = {"items": []}
    return going(api).model_copy(update={"manager": PATCHS, "stack": "dev", "gone": gone})


def cluster(url: str = "") -> Json:
    return {"metadata": {"name": "member3", "managedFields": HELD}, "spec": {"proxyURL": url}}


def with_args(manager: str) -> Json:
    """karmada-agent's Deployment with the tunnel's flag, which a manager has applied."""
    fields: Json = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"karmada-agent"}': {"f:args": {}}}}}}
    }
    containers: Json = [{"name": "karmada-agent", "args": [f"{PROXY_FLAG}{URL}"]}]
    metadata: Json = {
        "generation": 2,
        "managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": fields}],
    }
    return {
        **entries(ROLLED_OUT),
        "metadata": metadata,
        "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}},
    }


def patched(api: ApiServer) -> list[str]:
    """What was patched, and as whom."""
    asked = [(each.context, urlsplit(each.path)) for each in api.asked if each.method == "PATCH"]
    return [
        f"{context} {url.path}{''.join(f' by {each}' for each in parse_qs(url.query).get('fieldManager', []))}"
        for context, url in asked
    ]


def test_args_and_credential_are_given_up_where_they_are_the_stacks(api: ApiServer) -> None:
    api.has |= {AGENT: with_args(PATCHS), CLUSTER: cluster()}
    api.becomes[AGENT] = ROLLED_OUT
    assert run("agent_gone", given(api))[0] == 0
    assert patched(api) == [f"{AGENT} by {PATCHS}", f"{CLUSTER} by {PATCHS}"]


def test_nothing_is_given_up_that_is_somebody_elses(api: ApiServer) -> None:
    api.has |= {AGENT: ROLLED_OUT, CLUSTER: {"metadata": {"name": "member3"}, "spec": {}}}
    assert run("agent_gone", given(api)) == (0, "", "")
    assert patched(api) == []


@pytest.mark.parametrize("agent", [with_args(OURS), ROLLED_OUT], ids=["with its flag", "not yet"])
def test_the_credential_stays_where_karmada_alone_gets_at_the_member_from_now_on(api: ApiServer, agent: Json) -> None:
    work: Json = {"metadata": {"name": "proxy-agent-delivered-1"}}
    step = given(api)
    api.has |= {AGENT: agent, CLUSTER: cluster("" if agent is ROLLED_OUT else URL), WORKS: {"items": [work]}}
    assert run("agent_gone", step)[0] == 0
    assert patched(api) == []


def test_one_that_karmada_alone_gets_at_from_now_on_need_not_answer_by_its_kubeconfig(api: ApiServer) -> None:
    step = given(api)
    api.away.add("member3")
    api.has |= {WORKS: {"items": [{"metadata": {"name": "w"}}]}, CLUSTER: cluster(URL)}
    assert run("agent_gone", step)[0] == 0
    assert patched(api) == []


def test_where_karmada_agent_is_not_there_proxy_url_is_taken_in_its_place(api: ApiServer) -> None:
    """Nobody else would."""
    api.has |= {"member3 /readyz": "ok", CLUSTER: cluster(URL)}
    assert run("agent_gone", given(api)) == (0, "", "")
    assert patched(api) == [f"{CLUSTER} by {PATCHS}", CLUSTER]


def test_where_the_cluster_is_not_there_none_is_made_and_karmada_agent_not_waited_for(api: ApiServer) -> None:
    """Unregistered, it may not even start."""
    api.has |= {AGENT: {**entries(ROLLED_OUT), "status": {}}}
    assert run("agent_gone", given(api)) == (0, "", "")
    assert patched(api) == []


def test_one_that_does_not_answer_may_be_away_and_is_kept(api: ApiServer) -> None:
    api.away.add("member3")
    api.has[CLUSTER] = cluster(URL)
    code, _, errors = run("agent_gone", given(api))
    assert code == 1
    assert (
        "the member's API does not answer (if the cluster no longer exists, set `members.member3.gone: true` and run "
        in errors
    )
    assert patched(api) == []


@pytest.mark.parametrize("kubeconfig", [True, False], ids=["does not answer", "is in no kubeconfig"])
def test_one_that_is_said_to_be_gone_is_not_waited_for(api: ApiServer, kubeconfig: bool) -> None:
    api.away.add("member3")
    api.has[CLUSTER] = cluster(URL)
    step = given(api, gone=True)
    if not kubeconfig:
        step = step.model_copy(update={"member": Context(step.member.kubeconfig, "removed")})
    code, _, said = run("agent_gone", step)
    assert (code, said) == (0, "member3: its API does not answer: karmada-agent's flags are left there\n")
    assert patched(api) == [f"{CLUSTER} by {PATCHS}", CLUSTER]


# karmada-agent in another place


@pytest.mark.parametrize("there", [True, False])
def test_where_karmada_agent_was_before_its_args_are_given_up(api: ApiServer, there: bool) -> None:
    was = given(api).model_copy(update={"deployment": "agent-of-before"})
    before = AGENT.replace("karmada-agent", "agent-of-before")
    if there:
        api.has[before] = with_args(PATCHS)
    now = given(api)
    code, said, _ = run("agent_moved", now, PULUMI_COMMAND_STDOUT=was.model_dump_json())
    assert (code, agent_gone.AgentGoneInput.model_validate_json(said)) == (0, now)
    assert patched(api) == ([f"{before} by {PATCHS}"] if there else [])


@pytest.mark.parametrize("known", [True, False], ids=["as before", "made by an earlier version"])
def test_where_it_is_in_the_same_place_nothing_is_asked(api: ApiServer, known: bool) -> None:
    now = given(api)
    before = now.model_copy(update={"proxy_url": "http://192.0.2.9:1"}).model_dump_json()
    assert run("agent_moved", now, PULUMI_COMMAND_STDOUT=before if known else "")[0] == 0
    assert api.asked == []


def test_one_that_answers_is_not_gone(clusters: Clusters) -> None:
    """What is forgotten would be left there, and its karmada-agent without its grant would crash for ever."""
    members: Json = {"member3": MEMBER, "member4": {**MEMBER, "gone": True}}
    with pytest.raises(pulumi.RunError, match=r"members\.member4\.gone: the API of \"member4\" answers"):
        preflight.check(load(members=members))
    del clusters.apis["member4"]
    assert [each.name for each in preflight.check(load(members=members)).settings.gone] == ["member4"]


# by Karmada


@pytest.mark.parametrize("ready", [True, False])
def test_the_credential_goes_with_the_flag(ready: bool) -> None:
    afar = Afar(flag=URL, proxy_url=URL, owners=[OURS])
    afar.ready = ready
    withdraw_tunnel(afar, GIVEN)
    assert not afar.credential


def test_it_stays_where_the_stack_has_reached_the_member_by_a_kubeconfig_since() -> None:
    afar = Afar(flag=URL, proxy_url=URL, owners=[PATCHS])
    withdraw_tunnel(afar, GIVEN)
    assert afar.credential
    afar = Afar(flag=URL, proxy_url=URL, owners=[OURS])
    withdraw_tunnel(afar, GIVEN.model_copy(update={"reached": True}))
    assert afar.credential


def test_it_goes_with_the_works_after_an_up_that_failed_before_the_tunnel_stood() -> None:
    afar = Afar()
    delete_works(afar, GIVEN)
    assert not afar.credential


def test_where_the_tunnel_is_in_use_it_stays_though_the_works_go() -> None:
    afar = Afar(flag=URL, proxy_url=URL, owners=[PATCHS])
    delete_works(afar, GIVEN)
    assert afar.credential
