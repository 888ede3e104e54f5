"""What preflight asks of members that Karmada alone gets at: the Karmada API, and the member where a tunnel stands."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pulumi
import pytest

from checks import preflight
from clusters.objects import Json, entries, text
from components.anp import work_name
from tests.unit.fake_clusters import Clusters, cluster, deployment
from tests.unit.machines import load
from tests.unit.stacks import PUBLISHED

MEMBER: Json = {"access": "karmada"}
DEPLOYED = work_name("Deployment", "proxy-agent-delivered", "karmada-system")
URL = "http://10.0.0.1:8088"
THROUGH = "through member3"


def joined(
    ready: str = "True",
    version: str = "v1.36.3",
    url: str = "",
    generation: int = 5,
    since: str = "2026-01-01T00:00:00Z",
) -> Json:
    """member3's Cluster object."""
    says = "" if ready == "True" else "no lease"
    condition: Json = {"type": "Ready", "status": ready, "message": says, "lastTransitionTime": since}
    found = entries(cluster("member3"))
    return {
        **found,
        "metadata": {"name": "member3", "generation": generation},
        "spec": {"syncMode": "Pull", "proxyURL": url},
        "status": {"kubernetesVersion": version, "conditions": [condition]},
    }


def work(stack: str = "dev", name: str = DEPLOYED, going: bool = False) -> Json:
    marks: dict[str, Json] = {"deletionTimestamp": "now"} if going else {}
    labels = {"karmada-anp/stack": stack} if stack else {}
    return {"metadata": {"name": name, "namespace": "karmada-es-member3", "labels": labels, **marks}}


@pytest.fixture
def afar(clusters: Clusters, monkeypatch: pytest.MonkeyPatch) -> Clusters:
    """Karmada knows member3, and nothing else does."""
    del clusters.apis["member3"], clusters.apis["member4"]
    clusters.apis["karmada-apiserver"] |= {"clusters/member3": [joined()], "clusters": [joined()]}
    monkeypatch.setattr("checks.preflight.delivered_member.GOING_SECONDS", 0)
    return clusters


def standing(afar: Clusters, cluster: Json, agent: Sequence[str] = ()) -> None:
    """The stack is up, its Cluster is so, and karmada-agent has these args."""
    afar.apis["karmada-apiserver"] |= {"clusters/member3": [cluster], "clusters": [cluster], "works": [work()]}
    afar.apis[THROUGH] = {"deployments/karmada-agent": [deployment(agent)]}


def check(**settings: Json) -> preflight.PreflightResult:
    return preflight.check(load(members={"member3": {**entries(MEMBER), **settings}}, images=PUBLISHED))


def refusal() -> str:
    with pytest.raises(pulumi.RunError) as error:
        check()
    return str(error.value)


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


def test_the_karmada_api_alone_is_asked_about_it(afar: Clusters) -> None:
    assert check().delivery("member3").ready
    assert {each.split()[0] for each in afar.asked} == {"karmada-host", "karmada-apiserver"}


def standing_in(afar: Clusters, members: Sequence[str]) -> Mapping[str, Json]:
    """The stack is up in these members. Returns the config's `members`."""
    marks = entries(work(), "metadata")
    afar.apis["karmada-apiserver"] = {
        "clusters": [{**entries(joined(url=URL)), "metadata": {"name": name}} for name in members],
        "works": [{"metadata": {**marks, "namespace": f"karmada-es-{name}"}} for name in members],
    }
    for name in members:
        afar.apis[f"through {name}"] = {"deployments/karmada-agent": [deployment([f"--proxy-server-address={URL}"])]}
    return {name: MEMBER for name in members}


@pytest.mark.parametrize("count", [3, 30])
def test_karmada_is_asked_as_often_for_many_members_as_for_a_few(afar: Clusters, count: int) -> None:
    members = standing_in(afar, [f"edge{i}" for i in range(count)])
    ready = preflight.check(load(members=members, images=PUBLISHED))
    assert {name: ready.delivery(name).found for name in members} == dict.fromkeys(members, "")
    asked = [each for each in afar.asked if each.startswith("karmada-apiserver")]
    assert len(asked) <= 14, asked


def test_a_user_who_may_not_list_all_works_asks_for_each_members(afar: Clusters) -> None:
    members = standing_in(afar, ["edge1", "edge2"])
    afar.refuses.add("karmada-apiserver all works")
    ready = preflight.check(load(members=members, images=PUBLISHED))
    assert [ready.delivery(name).found for name in members] == ["", ""]


def test_a_user_with_a_right_for_single_members_alone_is_asked_for_each(afar: Clusters) -> None:
    """The role of one who may not do it everywhere may name Clusters, or be bound in execution spaces."""
    members = standing_in(afar, ["edge1", "edge2", "edge3"])
    afar.narrow = True
    preflight.check(load(members=members, images=PUBLISHED))
    named = [each for each in afar.reviewed if text(each, "resource") == "works" and text(each, "namespace")]
    assert len(named) == 12
    afar.denied["karmada-apiserver"] = {"create works"}
    with pytest.raises(pulumi.RunError) as error:
        preflight.check(load(members=members, images=PUBLISHED))
    assert str(error.value).count('may not create works.work.karmada.io in namespace "karmada-es-edge') == 3


def test_one_that_is_not_ready_is_warned_of_and_not_refused(afar: Clusters, warned: list[str]) -> None:
    afar.apis["karmada-apiserver"]["clusters/member3"] = [joined(ready="False")]
    assert not check().delivery("member3").ready
    (said,) = warned
    assert said.startswith('karmada-anp:members.member3: the Cluster "member3" is not Ready (no lease): ')


def test_one_whose_karmada_agent_may_only_restart_is_waited_for(
    afar: Clusters, warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = joined(ready="Unknown", since=datetime.now(UTC).isoformat())
    afar.apis["karmada-apiserver"]["clusters/member3"] = [lost]

    def comes_back(_: float) -> None:
        afar.apis["karmada-apiserver"]["clusters/member3"] = [joined()]

    monkeypatch.setattr(time, "sleep", comes_back)
    assert check().delivery("member3").ready
    assert warned == []


@pytest.mark.parametrize(
    ("version", "right"), [("v1.26.9", False), ("v1.27.0", True), ("v1.30.1+k3s1", True), ("", True)]
)
def test_what_karmada_knows_of_its_version_is_enough(afar: Clusters, version: str, right: bool) -> None:
    afar.apis["karmada-apiserver"]["clusters/member3"] = [joined(version=version)]
    if right:
        check()
    else:
        assert '"member3" runs Kubernetes 1.26, and a guarded proxy-agent needs 1.27 or later' in refusal()


def test_works_of_another_stack_in_the_place_of_ours_are_refused(afar: Clusters) -> None:
    afar.apis["karmada-apiserver"]["works"] = [work("prod")]
    assert 'karmada-anp:members.member3: "member3" has the tunnel of the stack "prod" already' in refusal()


def test_one_that_labels_and_the_config_may_both_name_is_to_be_taken_out_of_both(afar: Clusters) -> None:
    afar.apis["karmada-apiserver"]["works"] = [work("prod")]
    with pytest.raises(pulumi.RunError, match='member3\', if the config has it, and, if "edge=new" finds it, take'):
        preflight.check(load(members={}, images=PUBLISHED, discover={"selector": "edge=new"}))


def test_a_work_that_still_goes_is_named_and_not_taken_over(afar: Clusters) -> None:
    afar.apis["karmada-apiserver"]["works"] = [work(going=True)]
    assert f"has left what its karmada-agent is yet to take away: Work {DEPLOYED}" in refusal()


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("create works", 'create works.work.karmada.io in namespace "karmada-es-member3"'),
        ("patch clusters/proxy", "patch clusters.cluster.karmada.io/member3/proxy"),
    ],
)
def test_rights_that_are_missing_are_named(afar: Clusters, right: str, said: str) -> None:
    afar.denied["karmada-apiserver"] = {right}
    assert f'the user of "karmada-apiserver" may not {said}' in refusal()


def test_who_may_do_everything_needs_no_role_in_the_member(afar: Clusters) -> None:
    assert check().operator == "operator"
    afar.groups = ["system:masters", "system:authenticated"]
    assert check().operator == ""


# what a stack that is up has lost


def test_nothing_is_lost_while_karmada_agent_has_its_flag(afar: Clusters) -> None:
    standing(afar, joined(url=URL), [f"--proxy-server-address={URL}"])
    assert check().delivery("member3").found == ""


def test_a_flag_that_was_taken_away_is_found_and_another_time_again(afar: Clusters) -> None:
    standing(afar, joined(url=URL))
    assert check().delivery("member3").found == f"karmada-agent does not report {URL}, at generation 0"


def test_a_proxy_url_that_was_cleared_is_found_and_another_time_again(afar: Clusters) -> None:
    for generation in (5, 9):
        standing(afar, joined(generation=generation))
        assert check().delivery("member3").found == f"Cluster member3 names no proxy, at generation {generation}"


def test_a_tunnel_that_does_not_answer_is_looked_into_by_the_step(afar: Clusters) -> None:
    """Somebody may have changed `proxyURL`: nobody knows here what it is to be."""
    standing(afar, joined(url=URL))
    del afar.apis[THROUGH]
    assert check().delivery("member3").found == f"Cluster member3 is not reached by {URL}, at generation 5"


def test_works_that_went_with_their_cluster_are_found_lost(afar: Clusters) -> None:
    """As of a member that was joined anew: Pulumi knows nothing of it, and no other input of the step changes."""
    for uid in ("one", "another"):
        afar.apis["karmada-apiserver"]["clusters/member3"] = [
            {**entries(joined()), "metadata": {"name": "member3", "uid": uid}}
        ]
        assert check().delivery("member3").found == f"no Works for Cluster member3, {uid}"


def test_a_namespace_that_karmada_itself_hands_over_is_not_the_stacks(afar: Clusters) -> None:
    afar.apis["karmada-apiserver"]["works"] = [work("", work_name("Namespace", "tunnel", ""))]
    assert check(namespace="tunnel").delivery("member3").has_namespace


def test_what_is_lost_by_a_member_that_is_not_ready_is_not_known(afar: Clusters) -> None:
    standing(afar, joined(ready="Unknown"))
    assert check().delivery("member3").found == ""


# members that are found


def of(members: Sequence[str]) -> list[Json]:
    """The Works of members that have the tunnel, and one that goes."""
    had: list[Json] = [
        {"metadata": {"name": DEPLOYED, "namespace": f"karmada-es-{name}", "labels": {"karmada-anp/stack": "dev"}}}
        for name in members
    ]
    gone: Json = {"metadata": {"name": DEPLOYED, "namespace": "karmada-es-gone", "deletionTimestamp": "now"}}
    return [*had, gone]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    return said


def discovered(afar: Clusters, had: Sequence[str], leaving: int = 0) -> None:
    """An `up` of a stack whose selector matches edge1 and edge2."""
    clusters = [{**entries(joined()), "metadata": {"name": name}} for name in ("edge1", "edge2")]
    each = {f"clusters/{text(one, 'metadata', 'name')}": [one] for one in clusters}
    afar.apis["karmada-apiserver"] |= {"clusters": clusters, **each, "works": of(had)}
    preflight.check(load(members={}, images=PUBLISHED, discover={"selector": "edge=true", "leaving": leaving}))


@pytest.mark.parametrize(
    ("had", "news"),
    [
        ([], ["edge1, edge2 join the stack"]),
        (["edge1", "edge2"], []),
        (["edge2", "edge9"], ["edge1 join the stack", "edge9 leave it"]),
    ],
)
def test_who_joins_and_who_leaves_is_told(afar: Clusters, told: list[str], had: list[str], news: list[str]) -> None:
    discovered(afar, had)
    assert told == [f"karmada-anp:discover: {each}" for each in news]


EDGES = [f"edge{i}" for i in range(1, 31)]


@pytest.mark.parametrize(("had", "leaving"), [(["edge1", "edge8", "edge9"], 0), (EDGES, 27)])
def test_many_that_would_leave_at_once_are_refused(afar: Clusters, had: list[str], leaving: int) -> None:
    count = len(had) - len({"edge1", "edge2"} & set(had))
    with pytest.raises(pulumi.RunError) as error:
        discovered(afar, had, leaving)
    assert f"karmada-anp:discover.leaving: {count} of {len(had)} members would leave: " in str(error.value)
    assert f"pulumi config set --path 'karmada-anp:discover.leaving' {count}" in str(error.value)


def test_unless_as_many_are_said(afar: Clusters, told: list[str]) -> None:
    discovered(afar, EDGES, 28)
    (line,) = told
    assert line.endswith(
        "edge10, edge11, edge12, edge13, edge14, edge15, edge16, edge17, edge18, edge19 and 18 more leave it"
    )


def test_nobody_leaves_where_the_karmada_api_does_not_tell_who_is_there(afar: Clusters) -> None:
    afar.refuses.add("karmada-apiserver all works")
    with pytest.raises(pulumi.RunError, match="which members have Works of this stack"):
        discovered(afar, [])
