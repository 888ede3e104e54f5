"""Faults that happen in operation, injected while requests run: the tunnel comes back without anybody's help.

Two servers behind a node port, two agents in each member. Two clients a member ask all the while. A fault is over when
its cause is: a pod is deleted, a node's container runs again, the network is whole. From then seconds are counted until
every member has answered ten requests in a row; none is lost afterwards until all pods are there again. The bounds
are three times what was seen on two cores, and some seconds where that was next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, number
from clusters.programs import output_of
from components import anp
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, NAMESPACE, member
from tests.stack.kubectl import kubectl
from tests.stack.nodes import (
    HOST_NODE,
    address_of,
    api_server,
    container,
    cut_off,
    kill_pod,
    node_of,
    pods,
    process,
    restart,
    signal,
    uid_of,
    whole_within,
)
from tests.stack.traffic import Karmada, Request, Traffic, karmada, traffic
from tests.turns import turn
from tools.checkout import Checkout

pytestmark = [pytest.mark.long, pytest.mark.alone]

SERVERS, NODE_PORT = 2, 30092
TWO: Mapping[str, Json] = {"exposure": "nodePort", "nodePort": NODE_PORT, "replicas": SERVERS}

PATIENCE = 40.0
"""Seconds that a client waits for an answer: more than anything on the way lets it wait. Karmada waits 30 s for a
connection to the guard and 10 s for a TLS handshake with the member, proxy-server 20 s for an agent's dial."""

WHOLE = 150.0
"""Seconds until all pods are there again, for the next fault: a new server's readiness probe starts after 30 s."""

SERVER_POD, AGENT_POD, GUARD = 3.0, 3.0, 4.0
MEMBER_NODE, HOST_NODE_BACK, NETWORK = 20.0, 90.0, 30.0
API_STOPPED, API_KILLED, BOTH_ROLLED = 3.0, 17.0, 3.0
"""Seconds until the tunnel is back. Seen: 0.4, 0.6 and 1.4; 7.3, 29.9 and 2.6; 0.5, 5.5 and 0.5. Of the host's, 25 s
are the servers' readiness; an agent that was cut off may first wait for an attempt to connect to time out (gRPC: 20
s)."""


NOTICED = 35.0
"""Seconds until a process that hangs is ended and started again: its liveness probe takes 26; kill, restart and
readiness about 1 each."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The requests to each member, by its name, while something broke; when that was `over`, on the monotonic clock,
    and after how many seconds from then they were back (`recovered`), or never."""

    to: Mapping[str, Traffic]
    over: float
    recovered: float | None

    @property
    def requests(self) -> Sequence[Request]:
        return [each for seen in self.to.values() for each in seen.requests]

    @property
    def lost(self) -> Sequence[Request]:
        return [each for each in self.requests if each.wrong]


@pytest.fixture(scope="module")
def stack(dev: Checkout, before: Mapping[str, Json], turns: Path) -> Iterator[Checkout]:
    """A stack that is up for all of them; what destroy leaves behind after all that is what was there before."""
    dev.configure(proxy=TWO)
    with turn(turns):
        dev.select().up(on_output=print)
        yield dev
        dev.select().destroy()
    assert environment.agent_specs() == before


@pytest.fixture(scope="module")
def to(stack: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Karmada:
    """The Karmada API, for traffic."""
    return karmada(tmp_path_factory.mktemp("karmada"))


@pytest.fixture
def name(stack: Checkout) -> str:
    """The member that is hit. Others, where there are any, are not."""
    return environment.members()[0]


def comes_back(to: Karmada, tried: str, bound: float, fault: Callable[[], None], spares: Sequence[str] = ()) -> Seen:
    """Breaks something under traffic and judges what came of it. When `fault` returns it is over.

    The members in `spares` must lose nothing. While the Karmada API itself is away, requests get no HTTP status: the
    caller then judges the losses itself, and passes no `spares`.
    """
    assert whole_within(WHOLE, SERVERS), "not whole before the fault"
    with ExitStack() as clients:
        asked = {
            each: clients.enter_context(traffic(to, [each], seconds=PATIENCE, pause=0.1))
            for each in environment.members()
        }
        time.sleep(2)
        fault()
        over = time.monotonic()
        gives_up = over + 2 * bound + PATIENCE
        while None in [each.back(over) for each in asked.values()] and time.monotonic() < gives_up:
            time.sleep(0.2)
        again = whole_within(WHOLE, SERVERS)
        time.sleep(2)
    backs = [each.back(over) for each in asked.values()]
    known = [each for each in backs if each is not None]
    seen = Seen(to=asked, over=over, recovered=max(known) - over if len(known) == len(backs) else None)
    told(tried, bound, seen)
    assert again, f"not whole within {WHOLE:.0f} s of the fault"
    assert seen.recovered is not None, asked
    assert seen.recovered < bound, asked
    for each in spares:
        assert asked[each].lost == [], each
    return seen


def told(tried: str, bound: float, seen: Seen) -> None:
    """Notes and prints what was seen."""
    for each, requests in seen.to.items():
        print(f"{tried}: {each}: {requests}")
    back = "never" if seen.recovered is None else f"{seen.recovered:.1f} s"
    slowest = max(each.ended - each.began for each in seen.requests)
    note(
        "Faults",
        tried=tried,
        expected=f"back within {bound:.0f} s; what fails says 5xx or is refused, nothing hangs",
        seen=f"back after {back}; {len(seen.lost)} of {len(seen.requests)} requests lost, slowest {slowest:.1f} s",
    )


def said_so(lost: Sequence[Request], *also: int) -> None:
    """What failed was answered with 5xx or one of `also`, or refused, before the client's patience was over."""
    judged = [each for each in lost if each.status not in also and "refused" not in each.wrong]
    assert [each for each in judged if not 500 <= each.status < 600] == []
    assert [each for each in lost if each.ended - each.began >= PATIENCE] == []


def others(name: str) -> Sequence[str]:
    return [each for each in environment.members() if each != name]


def test_a_server_pod_is_killed(to: Karmada) -> None:
    victim = pods(HOST, anp.SERVER)[0]
    said_so(comes_back(to, "a server's pod is killed, one of two", SERVER_POD, lambda: kill_pod(HOST, victim)).lost)
    assert uid_of(victim) not in [uid_of(each) for each in pods(HOST, anp.SERVER)]


def test_an_agent_pod_is_killed(to: Karmada, name: str) -> None:
    victim, tried = pods(member(name), anp.AGENT)[0], "an agent's pod is killed, one of two"
    said_so(comes_back(to, tried, AGENT_POD, lambda: kill_pod(member(name), victim), others(name)).lost)
    assert uid_of(victim) not in [uid_of(each) for each in pods(member(name), anp.AGENT)]


def test_a_guard_is_killed(to: Karmada) -> None:
    victim = pods(HOST, anp.SERVER)[0]
    restarts = number(container(victim, anp.GUARD), "restartCount")

    def fault() -> None:
        signal(HOST_NODE, "KILL", process(HOST_NODE, victim, anp.GUARD))

    said_so(comes_back(to, "a guard's process is killed, one of two", GUARD, fault).lost)
    (now,) = [each for each in pods(HOST, anp.SERVER) if uid_of(each) == uid_of(victim)]
    assert number(container(now, anp.GUARD), "restartCount") == restarts + 1


def test_a_server_that_hangs_is_noticed_and_started_again(to: Karmada) -> None:
    victim = pods(HOST, anp.SERVER)[0]
    restarts, noticed = number(container(victim, anp.SERVER), "restartCount"), 0.0

    def fault() -> None:
        nonlocal noticed
        signal(HOST_NODE, "STOP", process(HOST_NODE, victim, anp.SERVER))
        began = time.monotonic()
        retry(lambda: _restarted(victim, restarts), NOTICED)
        noticed = time.monotonic() - began

    said_so(comes_back(to, "a server hangs (SIGSTOP), one of two", SERVER_POD, fault).lost)
    assert noticed < NOTICED


def _restarted(pod: Json, restarts: int) -> None:
    """Raises Unavailable as long as a server's container has not been started again."""
    (now,) = [each for each in pods(HOST, anp.SERVER) if uid_of(each) == uid_of(pod)]
    if number(container(now, anp.SERVER), "restartCount") == restarts:
        raise Unavailable("it has not been started again")


def test_a_members_node_is_restarted(to: Karmada, name: str) -> None:
    seen = comes_back(to, "a member's node is restarted", MEMBER_NODE, lambda: restart(node_of(name)), others(name))
    assert seen.to[name].lost
    said_so(seen.lost)


def test_the_host_node_is_restarted(to: Karmada) -> None:
    def fault() -> None:
        restart(HOST_NODE)
        karmada_answers(120)

    seen = comes_back(to, "the host's node is restarted, with Karmada on it", HOST_NODE_BACK, fault)
    assert [each for each in seen.lost if each.began < seen.over]
    said_so([each for each in seen.lost if each.began > seen.over])


def test_the_network_between_agent_and_server_is_cut_for_a_minute(to: Karmada, name: str) -> None:
    def fault() -> None:
        with cut_off(node_of(name), address_of(HOST_NODE), NODE_PORT):
            time.sleep(60)

    seen = comes_back(to, "the network between a member and the servers is cut for 60 s", NETWORK, fault, others(name))
    assert seen.to[name].lost
    said_so(seen.lost)


def test_a_members_api_server_hangs(to: Karmada, name: str) -> None:
    pid = api_server(name)

    def fault() -> None:
        signal(node_of(name), "STOP", pid)
        try:
            time.sleep(20)
        finally:
            signal(node_of(name), "CONT", pid)

    tried = "a member's API server is stopped for 20 s (SIGSTOP), then goes on"
    seen = comes_back(to, tried, API_STOPPED, fault, others(name))
    assert max(each.ended - each.began for each in seen.to[name].requests) > 5
    said_so(seen.lost)


def test_a_members_api_server_is_killed_and_starts_again(to: Karmada, name: str) -> None:
    def fault() -> None:
        signal(node_of(name), "KILL", api_server(name))

    tried = "a member's API server is killed, and started again by its node"
    seen = comes_back(to, tried, API_KILLED, fault, others(name))
    assert seen.to[name].lost
    # its own answer: one that has just started knows nobody's rights yet
    said_so(seen.lost, 403)


def test_servers_and_agents_are_rolled_at_once(to: Karmada) -> None:
    ends = [(HOST, anp.SERVER), *((member(name), anp.AGENT) for name in environment.members())]
    were = {uid_of(pod) for end, app in ends for pod in pods(end, app)}

    def fault() -> None:
        for end, app in ends:
            output_of(kubectl(*end, "rollout", "restart", f"deployment/{app}", f"--namespace={NAMESPACE}"))
        for end, app in ends:
            output_of(
                kubectl(*end, "rollout", "status", f"deployment/{app}", f"--namespace={NAMESPACE}", "--timeout=180s"),
                190,
            )

    seen = comes_back(to, "servers and agents are rolled at once", BOTH_ROLLED, fault)
    assert len(seen.lost) <= 10
    said_so(seen.lost)
    assert were.isdisjoint({uid_of(pod) for end, app in ends for pod in pods(end, app)})


def karmada_answers(seconds: float) -> None:
    """Waits until the Karmada API answers, down to its Cluster objects. Raises Unavailable if it does not in time."""
    clusters = kubectl(*KARMADA, "get", "--raw", "/apis/cluster.karmada.io/v1alpha1/clusters", "--request-timeout=2s")
    retry(lambda: output_of(clusters), seconds)
