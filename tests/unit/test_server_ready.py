"""The wait for proxy-server, where Karmada alone gets at every member."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from checks.commands import server_ready
from checks.commands.server_ready import ServerReadyInput, wait_until_ready
from checks.delivered import Delivered
from clusters.api import DEPLOYMENTS, PODS
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at
from components.field_manager import ANNOTATION
from tests.unit.afar import CERT, KARMADA, Afar, work
from tests.unit.stacks import afar, changed

HOST = Context("~/.kube/karmada.config", "karmada-host")


class Waiting(Afar):
    """The same Karmada, and a host whose proxy-server is ready after it was asked for so many times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def get(self, of: Context, what: object, name: str, namespace: str = "") -> Json:
        assert (of, what, name, namespace) == (HOST, DEPLOYMENTS, "proxy-server", "karmada-system")
        self.after -= 1
        counts = dict.fromkeys(("updatedReplicas", "replicas", "availableReplicas"), int(self.after < 0))
        return {"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1, **counts}}

    def all(self, of: Context, what: object, namespace: str = "", labels: str = "") -> Sequence[Json]:
        if what is not PODS:
            return list(self.works.values())
        waiting: Json = {"reason": "ErrImagePull", "message": "no such image"}
        return [{"status": {"containerStatuses": [{"name": "proxy-server", "state": {"waiting": waiting}}]}}]


def given(*members: str, seconds: int = 60) -> ServerReadyInput:
    of = [Delivered(member=each, stack="dev", karmada=KARMADA) for each in members]
    return ServerReadyInput(host=HOST, namespace="karmada-system", members=of, seconds=seconds)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long here."""
    monkeypatch.setattr(server_ready, "PAUSE", 0.001)
    monkeypatch.setattr(server_ready, "APPLY_SECONDS", 0.01)


def test_it_ends_when_an_agent_is_connected() -> None:
    assert wait_until_ready(Waiting(3), given("member3")) == "proxy-server is ready"


class Busy(Waiting):
    """Its host does not answer the first time."""

    def get(self, of: Context, what: object, name: str, namespace: str = "") -> Json:
        found = super().get(of, what, name, namespace)
        if self.after == 2:
            raise Unanswered("no answer within 10 s")
        return found


def test_an_api_that_is_busy_for_a_moment_is_asked_again() -> None:
    assert wait_until_ready(Busy(3), given("member3")) == "proxy-server is ready"


def test_nobody_waits_for_agents_of_members_that_are_away() -> None:
    assert wait_until_ready(Waiting(1_000), given()).startswith("no member is Ready")


def test_where_nothing_can_be_applied_that_is_said_and_not_that_the_server_is_not_ready() -> None:
    clusters = Waiting(1_000)
    clusters.works[CERT] = work(CERT, applied="False", says="exceeded quota")
    with pytest.raises(Unavailable, match=f"member3: Work {CERT}: exceeded quota"):
        wait_until_ready(clusters, given("member3"))


def test_what_its_pods_wait_for_is_said_in_the_end() -> None:
    with pytest.raises(Unavailable, match="proxy-server: ErrImagePull no such image"):
        wait_until_ready(Waiting(1_000), given("member3", seconds=0))


def test_pulumi_itself_waits_where_a_member_has_a_kubeconfig() -> None:
    alone, mixed = afar(), changed()
    assert "proxy-server-ready" in {each.name for each in alone.resources.values()}
    assert "proxy-server-ready" not in {each.name for each in mixed.resources.values()}
    annotations = [
        at(run.the("Deployment", "proxy-server").inputs, "metadata", "annotations") for run in (alone, mixed)
    ]
    manager = {ANNOTATION: "karmada-anp-dev"}
    # without a wait and in the foreground, a replacement would find the former still being deleted
    unawaited = {"pulumi.com/skipAwait": "true", "pulumi.com/deletionPropagationPolicy": "background"}
    assert annotations == [{**unawaited, **manager}, manager]
