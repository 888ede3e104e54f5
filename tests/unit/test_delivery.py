"""The steps for a member that Karmada alone gets at: what they wait for, set, and give back, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import pytest

from checks import delivered, retry
from checks.commands import deliver, remember, take_away, take_back
from checks.commands.deliver import deliver_member, release_member
from checks.commands.take_away import delete_works
from checks.commands.take_back import withdraw_tunnel
from checks.delivered import WORKS
from checks.delivered_agent import RESTARTS_AT_ONCE, DeliveredMembers
from checks.outcomes import run_steps
from checks.retry import READS
from clusters.api import CLUSTERS, Resource
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json
from clusters.pool import in_parallel
from config.settings import Agent
from tests.unit.afar import CERT, DEPLOYED, GIVEN, KARMADA, OURS, PATCHS, URL, WANTED, Afar, work


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long here."""
    for module, names in (
        (deliver, ("APPLY_SECONDS", "REPORT_SECONDS")),
        (take_back, ("TUNNEL_SECONDS", "BACK_SECONDS")),
        (take_away, ("SECONDS",)),
    ):
        monkeypatch.setattr(module, "PAUSE", 0.001)
        for name in names:
            monkeypatch.setattr(module, name, 0.05)
    monkeypatch.delenv("PULUMI_K8S_DELETE_UNREACHABLE", raising=False)


def put(afar: Afar) -> str:
    return deliver_member(afar, GIVEN, WANTED)


def back(afar: Afar) -> str:
    return withdraw_tunnel(afar, GIVEN)


def away(afar: Afar) -> str:
    return delete_works(afar, GIVEN)


def up() -> Afar:
    """One that has what it is to have, and reports the tunnel."""
    afar = Afar()
    put(afar)
    afar.done.clear()
    return afar


# what an `up` does


def test_karmada_agent_reports_the_tunnel_once_what_is_meant_for_the_member_is_there() -> None:
    afar = Afar()
    assert put(afar) == f"2 Works applied and healthy, and karmada-agent reports {URL}"
    assert afar.done == [f"proxyURL {URL}", f"flag {URL}"]
    assert afar.proxy_url == URL


class Busy(Afar):
    """The Karmada API, which answers only every third read."""

    asked = 0

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        if what is CLUSTERS:
            self._answers()
        return super().get(of, what, name, namespace)

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        if what is WORKS:
            self._answers()
        return super().all(of, what, namespace, labels)

    def _answers(self) -> None:
        self.asked += 1
        if self.asked % READS:
            raise Unanswered("no answer within 10 s")


@pytest.mark.parametrize("step", [put, back, away])
def test_an_api_that_is_busy_for_a_moment_is_asked_again(
    step: Callable[[Afar], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PAUSE", 0.001)
    assert step(Busy()) == step(Afar())


@pytest.mark.parametrize("step", [put, back])
def test_pods_that_are_over_are_not_waited_for(step: Callable[[Afar], str]) -> None:
    """Evicted ones are listed until Kubernetes collects them, which may be never."""
    afar = Afar() if step is put else up()
    afar.evicted = [{"status": {"phase": phase}} for phase in ("Failed", "Succeeded")]
    step(afar)
    assert afar.flag == (URL if step is put else "")


def test_karmada_agent_may_start_again_before_it_has_its_flag() -> None:
    """It clears `proxyURL`, and the way by which it would get the flag is gone."""
    afar = Afar()
    afar.restarts = 2
    put(afar)
    assert afar.done == [f"proxyURL {URL}"] * 3 + [f"flag {URL}"]
    assert (afar.flag, afar.proxy_url) == (URL, URL)


class Restarting(Afar):
    """Takes a moment to restart; counts, with others, those that do at the same time."""

    def __init__(self, together: set[Afar], most: list[int], flag: str) -> None:
        super().__init__(flag=flag, proxy_url=flag, owners=[OURS] if flag else [])
        self.together, self.most = together, most

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        if of != KARMADA:
            self.together.add(self)
            self.most.append(len(self.together))
            time.sleep(0.005)
            self.together.discard(self)
        return super().patch(of, path, patch, kind)


@pytest.mark.parametrize(("step", "flag"), [(put, ""), (back, URL)])
def test_no_more_than_some_karmada_agents_restart_at_the_same_time(step: Callable[[Afar], str], flag: str) -> None:
    together, most = set[Afar](), list[int]()
    fleet = [Restarting(together, most, flag) for _ in range(4 * RESTARTS_AT_ONCE)]
    in_parallel({number: partial(step, each) for number, each in enumerate(fleet)}, len(fleet))
    assert {each.flag for each in fleet} == {URL if step is put else ""}
    assert 1 < max(most) <= RESTARTS_AT_ONCE


def test_one_that_the_tunnel_does_not_reach_takes_nobodys_turn_to_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred with the same fault would wait for each other, ten at a time."""
    monkeypatch.setattr(deliver, "restarting", pytest.fail)
    afar = Afar()
    afar.tunnel = False
    with pytest.raises(Unavailable, match="not found"):
        put(afar)


def test_where_the_tunnel_does_not_reach_it_the_doctor_is_named_since_karmadas_words_are_few() -> None:
    afar = Afar()
    afar.tunnel = False
    with pytest.raises(
        Unavailable, match=r'not found \(no tunnel leads there\): `make doctor STACK=dev ARGS="--member member3"`'
    ):
        put(afar)


def test_a_pod_that_is_about_to_end_may_still_clear_it() -> None:
    """It began without the flag, and is counted by its Deployment no more."""
    afar = Afar()
    afar.lingers = 3
    put(afar)
    assert (afar.flag, afar.proxy_url) == (URL, URL)


def test_where_both_say_so_already_nothing_is_set_and_nothing_owned() -> None:
    """`karmadactl register --proxy-server-address`."""
    afar = Afar(flag=URL, proxy_url=URL)
    put(afar)
    assert (afar.done, afar.owners) == ([], [])


def test_what_the_stacks_own_patch_has_set_is_taken_over_since_it_goes_with_the_patch() -> None:
    afar = Afar(flag=URL, proxy_url=URL, owners=[PATCHS])
    put(afar)
    assert afar.done == [f"flag {URL}"]


def test_args_of_somebody_else_are_not_taken() -> None:
    afar = Afar(flag="http://192.0.2.9:1", proxy_url=URL, owners=["helm"])
    with pytest.raises(Unavailable, match='conflict with "helm"'):
        put(afar)
    assert (afar.flag, afar.owners) == ("http://192.0.2.9:1", ["helm"])


def test_a_tunnel_that_somebody_else_has_made_is_not_cut() -> None:
    theirs = "http://192.0.2.9:1"
    afar = Afar(flag=theirs, proxy_url=theirs, owners=["karmada-anp-prod"])
    with pytest.raises(Unavailable, match=f"reached by {theirs} already, by args of karmada-anp-prod"):
        put(afar)
    assert (afar.done, afar.proxy_url) == ([], theirs)


def test_one_that_was_ready_a_moment_ago_is_not_taken_for_delivered() -> None:
    afar = Afar()
    afar.ready = False
    with pytest.raises(Unavailable, match="not Ready any more"):
        put(afar)


class Lost(Afar):
    """Is not Ready since now, until it was asked three times."""

    asked = 0

    def __init__(self) -> None:
        super().__init__()
        self.ready, self.since = False, datetime.now(UTC).isoformat()

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        if what is CLUSTERS:
            self.asked += 1
            self.ready = self.asked > 3
        return super().get(of, what, name, namespace)


@pytest.mark.parametrize("step", [put, back, away])
def test_one_whose_karmada_agent_may_only_restart_is_waited_for(
    step: Callable[[Afar], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivered, "PAUSE", 0.001)
    assert step(Lost()) == step(Afar())


@pytest.mark.parametrize("step", [back, away])
def test_but_not_for_longer_than_a_restart_may_take(
    step: Callable[[Afar], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivered, "PAUSE", 0.001)
    monkeypatch.setattr(delivered, "RESTART_SECONDS", 0.05)
    afar = Afar()
    afar.ready, afar.since = False, datetime.now(UTC).isoformat()
    assert step(afar).startswith("it is not Ready: ")


@pytest.mark.parametrize("step", [back, away])
def test_nor_is_one_whose_cluster_is_deleted(step: Callable[[Afar], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivered, "PAUSE", 3_600)
    afar = Afar()
    afar.ready, afar.going, afar.since = False, True, datetime.now(UTC).isoformat()
    assert step(afar).startswith("it is not Ready: ")


def test_a_member_that_is_not_ready_is_not_waited_for() -> None:
    afar = Afar()
    afar.ready = False
    was_away = WANTED.model_copy(update={"ready": False})
    said = "it is not Ready: what is meant for it waits in Karmada, and the next `up` goes on"
    assert deliver_member(afar, GIVEN, was_away) == said
    assert afar.done == []


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (CERT, work(CERT, applied="False", says="exceeded quota"), f"Work {CERT}: exceeded quota"),
        (CERT, work(CERT, applied=""), "karmada-agent has not applied it yet"),
        (
            DEPLOYED.work,
            work(DEPLOYED.work, 7, health="Unhealthy", pods=(1, 0, 1)),
            f"Work {DEPLOYED.work}: of 1 pods 0 are of its latest template, and 1 are available",
        ),
        # which Karmada calls healthy
        (DEPLOYED.work, work(DEPLOYED.work, 7, pods=(1, 1, 0)), "1 are of its latest template, and 0 are available"),
        (DEPLOYED.work, work(DEPLOYED.work, 7, pods=(2, 1, 2)), "of 2 pods 1 are of its latest template"),
        (DEPLOYED.work, work(DEPLOYED.work, 6), f"Work {DEPLOYED.work}: its status is still that of an earlier one"),
    ],
)
def test_what_karmada_says_of_what_is_not_there_is_told_and_no_flag_is_set(name: str, given: Json, said: str) -> None:
    afar = Afar()
    afar.works[name] = given
    with pytest.raises(Unavailable, match=said):
        put(afar)
    assert afar.done == []


def test_of_a_work_that_somebody_has_deleted_it_is_said_what_makes_it_again() -> None:
    """Neither Karmada nor a restart does, nor a plain `up`, which takes it to be there."""
    afar = Afar()
    del afar.works[CERT]
    with pytest.raises(Unavailable, match=f"Work {CERT}, which the stack has made, is not there: pulumi up --refresh"):
        put(afar)


def test_a_namespace_that_is_somebody_elses_does() -> None:
    afar, theirs = Afar(), "resource(kind=Namespace, /tunnel) already exists in the cluster member3"
    afar.works[CERT] = work(CERT, applied="False", says=theirs, kind="Namespace")
    put(afar)
    assert afar.proxy_url == URL


def test_what_the_member_had_and_is_not_to_have_goes_once_the_new_is_there() -> None:
    afar = Afar()
    afar.works["proxy-agent-cert-0"] = work("proxy-agent-cert-0")
    put(afar)
    assert afar.done[0] == "deleted proxy-agent-cert-0"


# those that have left


def test_of_a_member_that_has_left_all_is_taken_back() -> None:
    afar = up()
    assert release_member(afar, GIVEN) == "karmada-agent reports no tunnel any more; what it had is gone"
    assert (afar.flag, afar.proxy_url, afar.works) == ("", "", {})


def test_one_that_has_left_and_has_nothing_is_not_touched_whoever_reaches_it_now() -> None:
    """It may be another stack's since."""
    afar = Afar(flag="http://192.0.2.9:1", proxy_url="http://192.0.2.9:1", owners=["karmada-anp-prod:delivery"])
    afar.works.clear()
    assert release_member(afar, GIVEN) == "it has left"
    assert back(afar) == "nothing is there of the stack"
    assert (afar.done, afar.proxy_url) == ([], "http://192.0.2.9:1")


MEMBERS = DeliveredMembers(
    stack="dev", karmada=KARMADA, proxy_url=URL, manager=OURS, former=PATCHS, agents={"member4": GIVEN.agent}
)


@pytest.mark.parametrize(("has", "names"), [(True, ["member3", "member4"]), (False, ["member4"])])
def test_one_that_has_left_is_remembered_while_it_has_anything(has: bool, names: list[str]) -> None:
    afar = up()
    if not has:
        afar.works.clear()
    known = {"member3": GIVEN.agent, "member4": GIVEN.agent}
    assert sorted(remember.members_to_remember(afar, MEMBERS, known)) == names


def test_what_is_remembered_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Agent.model_validate({"namespace": "elsewhere"})
    said = remember.to_json({"member3": GIVEN.agent, "member4": elsewhere})
    assert said == '{"member3":{},"member4":{"namespace":"elsewhere"}}'
    monkeypatch.setenv(remember.PREVIOUS_OUTPUT, said)
    assert remember.previous_members() == {"member3": GIVEN.agent, "member4": elsewhere}


def test_a_step_goes_on_with_the_others_and_says_of_each_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> str:
        raise Unavailable("no tunnel leads there")

    steps = {**{f"m{i}": lambda: "it is there" for i in range(12)}, "away": fails}
    assert run_steps(steps) == 1
    others = "m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and 2 more: it is there\n"
    assert capsys.readouterr() == ("", f"{others}away: no tunnel leads there\n")
    del steps["away"]
    assert run_steps(steps) == 0
    assert capsys.readouterr() == (others, "")


# what a `destroy` does: first take_back, and when header, grant and server have gone take_away


def test_the_flag_goes_before_proxy_url_by_which_it_is_reached() -> None:
    afar = up()
    assert back(afar) == "karmada-agent reports no tunnel any more"
    assert afar.done == ["flag given up", f"proxyURL {URL}", "proxyURL given up"]
    assert (afar.flag, afar.proxy_url, len(afar.works)) == ("", "", 2)


def test_a_pod_that_is_about_to_end_may_still_report_the_tunnel() -> None:
    afar = up()
    afar.lingers = 3
    back(afar)
    assert (afar.flag, afar.proxy_url) == ("", "")


def test_a_proxy_url_that_karmada_agent_has_set_itself_goes_before_its_grant() -> None:
    """As by the flag that it had by the member's kubeconfig. It would crash, could it not clear it when it starts."""
    afar = Afar(flag=URL, proxy_url=URL, owners=[OURS])
    afar.slow = True
    back(afar)
    assert (afar.flag, afar.proxy_url) == ("", "")


def test_a_flag_that_is_somebody_elses_stays_and_proxy_url_with_it() -> None:
    afar = Afar(flag=URL, proxy_url=URL)
    assert back(afar) == "karmada-agent's flag is somebody else's, and stays"
    assert (afar.flag, afar.proxy_url) == (URL, URL)


def test_a_flag_is_taken_where_somebody_has_cleared_proxy_url_by_hand() -> None:
    """A registered karmada-agent would report it at its next start, and lack the right by then."""
    afar = up()
    afar.proxy_url = ""
    back(afar)
    assert (afar.flag, afar.proxy_url) == ("", "")


def test_a_destroy_that_ended_half_way_goes_on() -> None:
    """The flag had gone and karmada-agent was back."""
    afar = Afar()
    assert back(afar) == "karmada-agent reports no tunnel any more"
    assert (afar.flag, afar.proxy_url) == ("", "")


def test_of_an_up_that_failed_before_anything_stood_nothing_is_to_be_given_back() -> None:
    afar = Afar()
    afar.tunnel = False
    assert back(afar).startswith("nothing leads there")
    assert afar.proxy_url == ""


def test_it_fails_where_karmada_agent_does_not_come_back() -> None:
    afar = up()
    afar.stuck = True
    with pytest.raises(Unavailable, match="is not rolled out yet"):
        back(afar)


def test_where_the_tunnel_does_not_answer_nothing_is_given_back() -> None:
    afar = up()
    afar.tunnel = False
    with pytest.raises(Unavailable, match="through the tunnel, which fails"):
        back(afar)
    assert afar.done == []


def test_unless_it_is_said_that_what_does_not_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    afar = up()
    afar.tunnel = False
    assert back(afar).startswith("nothing leads there, so that karmada-agent's flag stays")


def test_to_a_member_that_is_not_ready_nothing_leads() -> None:
    afar = up()
    afar.ready = False
    assert back(afar) == "it is not Ready: karmada-agent's flag stays, if it is set"
    assert afar.done == []


def test_works_are_deleted_and_waited_for() -> None:
    afar = up()
    assert away(afar) == "what it had is gone"
    assert afar.done == [f"deleted {CERT}", f"deleted {DEPLOYED.work}"]
    assert afar.works == {}


def test_of_a_member_that_is_not_ready_they_are_deleted_once_and_not_waited_for() -> None:
    afar = up()
    afar.ready = False
    for _ in range(2):
        assert away(afar) == "it is not Ready: what it has goes when it is back"
    assert afar.done == [f"deleted {CERT}", f"deleted {DEPLOYED.work}"]


def test_works_that_do_not_go_are_named() -> None:
    afar = up()
    afar.lets_go = False
    with pytest.raises(Unavailable, match=f"what these Works hold: {CERT}, {DEPLOYED.work}"):
        away(afar)


def test_for_a_member_whose_cluster_is_deleted_nobody_waits() -> None:
    afar = up()
    afar.going, afar.lets_go = True, False
    assert release_member(afar, GIVEN) == (
        "it is not Ready: karmada-agent's flag stays, if it is set; it is not Ready: what it has goes when it is back"
    )


def test_of_a_member_that_has_left_karmada_nothing_is_to_be_taken() -> None:
    afar = up()
    afar.joined = False
    assert back(afar) == "Karmada has no such Cluster any more"
    assert away(afar) == "Karmada has no such Cluster any more, and with it went what was meant for it"
    assert afar.done == []
