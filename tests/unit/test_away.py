"""Members that are away: `up` goes on without them, says so, and knows from what Karmada has which have their part."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
import pytest

from checks import preflight
from checks.preflight import PreflightResult
from checks.preflight.stored_members import exported_state, stored_members
from clusters.errors import Unavailable
from clusters.objects import Json, entries, items
from tests.unit.fake_clusters import OURS, Clusters, cluster, deployment, identity, patch, state
from tests.unit.machines import MEMBER, load
from tests.unit.mistakes.refusal import SET
from tests.unit.stacks import PUBLISHED
from tests.unit.test_preflight_afar import joined, work
from tools.render.program import Run

PAIR: Mapping[str, Json] = {"member3": MEMBER, "member4": MEMBER}
GOES_ON = "and the first `up` after it answers again completes it"


def shown(name: str, manager: str = OURS) -> Json:
    """A Cluster object with a credential that a manager has set."""
    owned: Json = [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:proxyHeader": {}}}}]
    return {**entries(cluster(name)), "metadata": {"name": name, "managedFields": owned}}


def was(monitored: bool = False, **settings: Json) -> Json:
    """The outputs of a member's component."""
    return {"certificateEnds": "2027", "settings": json.dumps({**MEMBER, **settings}), "monitored": monitored}


def having(clusters: Clusters, *found: Json) -> None:
    clusters.apis["karmada-apiserver"]["clusters"] = found


def check(**sections: Json) -> PreflightResult:
    return preflight.check(load(**{"members": PAIR, **sections}))


def refusal(**sections: Json) -> str:
    with pytest.raises(pulumi.RunError) as error:
        check(**sections)
    return str(error.value)


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """What the stack's state is, in a list of one; nobody asks for it where there is none."""
    found: list[Json] = []

    def exported(stack: str, organization: str) -> Json:
        assert (stack, organization) == ("dev", "organization")
        return found[0]

    monkeypatch.setattr("checks.preflight.away.exported_state", exported)
    return found


@pytest.fixture
def one_away(clusters: Clusters, states: list[Json]) -> Clusters:
    """member4, which has its part of the stack, does not answer."""
    del clusters.apis["member4"]
    having(clusters, cluster("member3"), shown("member4"))
    states.append(state(("member3", was()), ("member4", was(context="member4", replicas=1))))
    return clusters


def test_where_everybody_answers_the_state_is_not_read(clusters: Clusters, states: list[Json]) -> None:
    having(clusters, shown("member3"), shown("member4"), cluster("another"), shown("theirs", "karmada-anp-prod"))
    assert (check().behind, states) == ([], [])


def test_one_that_has_its_part_is_left_as_it_is_and_named(one_away: Clusters, warned: list[str]) -> None:
    ready = check()
    assert {each.name: each.paused for each in ready.settings.members} == {"member3": False, "member4": True}
    assert ready.behind == ["member4"]
    assert [each.name for each in ready.expected] == ["member3", "member4"]
    assert warned == [
        "karmada-anp:members.member4: it does not answer (connection refused): what it has stays as it is, " + GOES_ON
    ]


def test_it_is_declared_as_it_was_when_it_last_answered(one_away: Clusters) -> None:
    """What the config says since would be made, in a cluster that does not answer."""
    ready = check(members={"member3": MEMBER, "member4": {**MEMBER, "replicas": 2}})
    assert [each.replicas for each in ready.settings.members] == [None, 1]


def test_one_that_the_config_pauses_is_as_it_was_too(clusters: Clusters, states: list[Json]) -> None:
    """Nothing is made in its cluster, and nothing deleted, which may be out of reach."""
    having(clusters, shown("member3"), shown("member4"))
    states.append(state(("member3", was()), ("member4", was(context="member4", replicas=1))))
    paused: Json = {"member3": MEMBER, "member4": {**MEMBER, "paused": True}}
    proxy: Json = {"exposure": "loadBalancer", "replicas": 2}
    ready = check(members=paused, proxy=proxy, monitoring={"enabled": True})
    assert {each.name: each.replicas for each in ready.settings.members} == {"member3": None, "member4": 1}
    assert [each for each in ready.settings.monitored if each.context == "member4"] == []
    assert ready.behind == []


def test_one_that_is_paused_before_it_has_anything_gets_nothing(
    clusters: Clusters, states: list[Json], warned: list[str]
) -> None:
    """What is declared would be made there, and pausing is what a refusal advises where a new one cannot be reached."""
    having(clusters, shown("member3"), cluster("member4"))
    states.append(state(("member3", was())))
    ready = check(members={"member3": MEMBER, "member4": {**MEMBER, "paused": True}})
    assert [each.name for each in ready.settings.members] == ["member3"]
    assert warned == ["karmada-anp:members.member4: it is paused: it gets nothing until it is not"]


WORK: Json = {"metadata": {"name": "w", "namespace": "karmada-es-member4", "labels": {"karmada-anp/stack": "dev"}}}


def test_one_that_is_paused_keeps_the_access_that_it_has(clusters: Clusters, states: list[Json]) -> None:
    """By `memberDefaults.access` all members change theirs, and what a paused one has would be taken away."""
    having(clusters, shown("member3"), shown("member4"))
    states.append(state(("member3", was()), ("member4", was(context="member4", replicas=1))))
    paused: Json = {"access": "karmada", "paused": True}
    ready = check(members={"member3": MEMBER, "member4": paused}, images=PUBLISHED)
    assert [each.delivered for each in ready.settings.members] == [False, False]
    states[0] = state(("member3", was()))
    clusters.apis["karmada-apiserver"]["works"] = [WORK]
    said = refusal(members={"member3": MEMBER, "member4": {**MEMBER, "paused": True}})
    assert "members.member4.access: the member is paused, and Karmada alone gets at it until now" in said
    assert SET.format("members.member4.access", "karmada") in said


FAILED: Json = {"initErrors": ["timed out waiting for the rollout"]}
HALF: Mapping[str, Json] = {
    "an object that is not ready": {"resources": [patch("member4", **entries(FAILED))]},
    "karmada-agent's flags not set": {"resources": []},
}


@pytest.mark.parametrize("half", HALF.values(), ids=HALF.keys())
@pytest.mark.parametrize("paused", [False, True])
def test_one_in_which_an_up_ended_half_way_is_refused_until_it_answers(
    one_away: Clusters, states: list[Json], half: Json, paused: bool
) -> None:
    """Pulumi goes on with such an object in each `up`, though nothing of it has changed, and fails."""
    whole = items(state(("member3", was()), ("member4", was())), "deployment", "resources")
    states[0] = {"deployment": {"resources": [*whole[:-1], *items(half, "resources")]}}
    members: Json = {"member3": MEMBER, "member4": {**MEMBER, "paused": paused}}
    said = refusal(members=members)
    assert "members.member4: an `up` ended before all was ready there, and now it does not answer" in said
    assert SET.format("members.member4.gone", "true") in said
    one_away.apis["member4"] = {**one_away.apis["member3"], "namespaces/kube-system": [identity("uid of member4")]}
    assert len(check(members=members).settings.members) == 2


@pytest.mark.parametrize("organization", ["organization", "acme"])
def test_the_state_is_that_of_the_stack_that_runs(monkeypatch: pytest.MonkeyPatch, organization: str) -> None:
    """By its name alone, the pulumi CLI takes the user's default organization."""
    asked: list[Sequence[str]] = []

    def printed(command: Sequence[str], _: float) -> str:
        asked.append(command)
        return "{}"

    monkeypatch.setattr("checks.preflight.stored_members.output_of", printed)
    assert exported_state("prod", organization) == {}
    stack = "prod" if organization == "organization" else "acme/prod"
    assert asked == [["pulumi", "stack", "export", f"--stack={stack}"]]


def test_one_that_an_earlier_version_made_is_as_the_config_has_it(one_away: Clusters, states: list[Json]) -> None:
    states[0] = state(("member4", {"certificateEnds": "2027"}))
    assert [each.paused for each in check().settings.members] == [False, True]


@pytest.mark.parametrize(
    "had", [state(("member3", was())), state(("member4", {}))], ids=["nothing", "what is left of one that was gone"]
)
def test_one_that_has_nothing_of_the_stack_yet_is_left_out(
    one_away: Clusters, states: list[Json], warned: list[str], had: Json
) -> None:
    """What is declared would be made, in a cluster that does not answer."""
    states[0] = had
    ready = check()
    assert [each.name for each in ready.settings.members] == ["member3"]
    assert ready.behind == ["member4"]
    assert warned == [
        f"karmada-anp:members.member4: it does not answer (connection refused): it gets nothing yet, {GOES_ON}"
    ]


def test_one_that_has_left_the_config_stays_until_it_answers(one_away: Clusters, warned: list[str]) -> None:
    ready = check(members={"member3": MEMBER})
    assert {each.name: each.paused for each in ready.settings.members} == {"member3": False, "member4": True}
    assert ready.behind == ["member4"]
    assert "it has left the config and it does not answer" in warned[0]
    assert "if the cluster no longer exists, set members.member4.gone" in warned[0]
    one_away.apis["member4"] = dict(one_away.apis["member3"])
    assert [each.name for each in check(members={"member3": MEMBER}).settings.members] == ["member3"]


def test_what_is_known_of_a_registered_one_that_has_left_stays(one_away: Clusters, states: list[Json]) -> None:
    """Without its grant it would crash for ever."""
    states[0] = state(("member4", was(registered=True)))
    ready = check(members={"member3": MEMBER})
    assert [each.registered for each in ready.settings.members] == [False, True]


def test_where_the_state_cannot_be_read_it_is_said(one_away: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: str) -> Json:
        raise Unavailable("pulumi is not installed, or not on PATH")

    monkeypatch.setattr("checks.preflight.away.exported_state", fails)
    assert "the stack's state does not tell what members have" in refusal()


def test_one_that_karmada_alone_got_at_until_now_is_refused(one_away: Clusters) -> None:
    """What it has would be taken back, and nothing put in its place."""
    one_away.apis["karmada-apiserver"]["works"] = [WORK]
    said = refusal()
    assert "members.member4.access" in said
    assert SET.format("members.member4.access", "karmada") in said


def test_one_whose_works_still_go_is_left_out_until_it_is_back(
    clusters: Clusters, states: list[Json], warned: list[str]
) -> None:
    """As one that is found again by its label: what is made anew by the same names would go too."""
    states.append(state())
    gone = joined("False")
    clusters.apis["karmada-apiserver"] |= {"clusters/member3": [gone], "works": [work(going=True)]}
    having(clusters, gone, shown("member4"))
    ready = check(members={"member3": {"access": "karmada"}, "member4": MEMBER}, images=PUBLISHED)
    assert ([each.name for each in ready.settings.members], ready.behind) == (["member4"], ["member3"])
    (said,) = warned
    assert "members.member3: it does not answer (its Cluster is not Ready, and an earlier run has left what" in said
    assert said.endswith(f": it gets nothing yet, {GOES_ON}")


def test_one_of_whose_works_some_still_go_is_not_left_out(clusters: Clusters, states: list[Json]) -> None:
    """As the Secret of a former certificate: all that it has would be taken away."""
    here = joined("False")
    works = [work(), work(name="proxy-agent-cert-1", going=True)]
    clusters.apis["karmada-apiserver"] |= {"clusters/member3": [here], "works": works}
    having(clusters, here, cluster("member4"))
    ready = check(members={"member3": {"access": "karmada"}, "member4": MEMBER}, images=PUBLISHED)
    assert ([each.name for each in ready.settings.members], ready.behind) == (["member3", "member4"], ["member3"])
    assert not ready.delivery("member3").ready


def test_what_the_program_leaves_in_the_state_is_read_again(pair: Run) -> None:
    outputs = [(name, pair.the("Member", name).outputs) for name in ("member3", "member4")]
    found = stored_members(state(*outputs))
    for name, each in found.items():
        assert each.settings
        assert (each.settings.name, each.settings.replicas, each.monitored) == (name, 1, False)
    assert found["member4"].settings
    assert found["member4"].settings.registered


def test_what_another_version_left_there_and_this_one_does_not_accept_is_not_read(pair: Run) -> None:
    outputs = entries(pair.the("Member", "member3").outputs)
    (found,) = stored_members(state(("member3", {**outputs, "settings": '{"former": 1}'}))).values()
    assert found.settings is None


@pytest.mark.parametrize("monitored", [True, False])
def test_its_monitoring_is_as_it_was(one_away: Clusters, states: list[Json], monitored: bool) -> None:
    states[0] = state(("member4", was(monitored)))
    ready = check(monitoring={"enabled": True}, members={"member3": MEMBER, "member4": {**MEMBER, "context": "six"}})
    assert ready.behind == ["member4"]
    assert (ready.settings.members[1] in ready.settings.monitored) is monitored


def test_all_that_is_wrong_with_the_others_is_refused_as_ever(one_away: Clusters) -> None:
    one_away.apis["member3"]["deployments/karmada-agent"] = [deployment(container="other")]
    assert "members.member3.agent.container" in refusal()


def test_an_error_is_an_answer(clusters: Clusters) -> None:
    clusters.says["member4"] = (401, "Unauthorized")
    assert "does not accept the credentials" in refusal()


def test_where_nobody_answers_it_is_this_machine_that_is_away(clusters: Clusters, states: list[Json]) -> None:
    states.append(state())
    del clusters.apis["member3"], clusters.apis["member4"]
    said = refusal()
    assert "away.most: 2 of 2 members do not answer or are not Ready: member3, member4 (member3: connection" in said
    assert SET.format("away.most", "2") in said
    assert [each.name for each in check(away={"most": 2}).settings.members] == []


def test_none_may_be_away_where_the_config_says_so(one_away: Clusters) -> None:
    assert "away.most: 1 of 2 members" in refusal(away={"most": 0})


@pytest.mark.parametrize(("members", "gone", "refused"), [(10, 1, False), (10, 2, True), (20, 2, False), (20, 3, True)])
def test_more_than_a_tenth_are_too_many_and_one_never_is(
    clusters: Clusters, members: int, gone: int, refused: bool
) -> None:
    """Those that Karmada alone gets at count as well."""
    names = [f"edge{i:02}" for i in range(members)]
    found = {
        name: {**entries(joined("False" if i < gone else "True")), "metadata": {"name": name}}
        for i, name in enumerate(names)
    }
    clusters.apis["karmada-apiserver"] |= {f"clusters/{name}": [each] for name, each in found.items()}
    having(clusters, *found.values())
    stack: Mapping[str, Json] = {
        "members": {name: {"access": "karmada"} for name in names},
        "images": PUBLISHED,
    }
    if refused:
        assert f"away.most: {gone} of {members} members" in refusal(**stack)
    else:
        assert check(**stack).behind == names[:gone]


def test_a_kind_node_that_is_stopped_is_a_member_that_is_away(one_away: Clusters) -> None:
    settings = load(members={"member3": MEMBER, "member4": {**MEMBER, "kind": "stopped"}})
    assert "stopped" not in settings.kind_nodes
    assert preflight.check(settings).behind == ["member4"]


def test_the_hosts_kind_node_must_run() -> None:
    with pytest.raises(pulumi.RunError, match=r"host\.kind"):
        load(host={"kubeconfig": "~/karmada.config", "context": "karmada-host", "kind": "stopped"})
