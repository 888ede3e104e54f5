"""What stands between production clusters: a node port, two servers, `restricted` namespaces, renewal under traffic.

In the order of the tests: up, use, a server dies, the count changes, leaves are renewed, the CAs' keys are replaced.
Each prints how many requests ran meanwhile. The lab's network enforces no NetworkPolicy: those are the unit tier's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from pulumi import automation

from clusters.objects import Json, items, text
from clusters.programs import output_of
from components import anp
from tests.proof import note
from tests.stack import environment
from tests.stack.checkout_commands import rotate_ca
from tests.stack.environment import HOST, beside, member
from tests.stack.kubectl import apply, kubectl
from tests.stack.nodes import kill_pod, metric, name_of, pods
from tests.stack.refusals import local, succeeds
from tests.stack.traffic import Karmada, Traffic, karmada, traffic
from tools.checkout import Checkout

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

NAMESPACE = "karmada-tunnel"
ENFORCED = {"pod-security.kubernetes.io/enforce": "restricted"}
NODE_PORT = 30091
LEAF = "tls:index/locallySignedCert:LocallySignedCert"
ENOUGH = 2_500
"""Requests that must have run while something is renewed: 10,000 in the four tests that do."""

EVERY = 0.06
"""Seconds between two requests of a client: 30 a second in all, so that what runs beside has its share of the cores."""

GAP = 90.0
"""Seconds without an answer that a change between one server and several may cost."""

TWO: Mapping[str, Json] = {"exposure": "nodePort", "nodePort": NODE_PORT, "replicas": 2}


@pytest.fixture(scope="module")
def namespaces(clusters: None) -> Iterator[None]:
    """A namespace for the proxies in each cluster, where Kubernetes refuses every pod that is not `restricted`."""
    ends = [HOST, *(member(name) for name in beside().joined)]
    made: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": dict(ENFORCED)}}
    for end in ends:
        apply(kubectl(*end), made)
    yield
    for end in ends:
        output_of(kubectl(*end, "delete", f"namespace/{NAMESPACE}"), 60)


@pytest.fixture(scope="module")
def real(namespaces: None, dev: Checkout) -> Checkout:
    """The dev stack as it would be between real clusters: each side in a namespace of its own."""
    dev.configure(
        host=local() | {"namespace": NAMESPACE},
        members=environment.settings_of(*beside().joined),
        memberDefaults={"namespace": NAMESPACE},
        proxy=TWO,
    )
    return dev


@pytest.fixture(scope="module")
def up(real: Checkout) -> automation.UpResult:
    """A fresh up."""
    return real.select().up(on_output=print)


@pytest.fixture(scope="module")
def to(tmp_path_factory: pytest.TempPathFactory, up: automation.UpResult) -> Karmada:
    """The Karmada API, for traffic."""
    return karmada(tmp_path_factory.mktemp("karmada"))


def tunnel_pods(end: tuple[str, str], app: str) -> Sequence[Json]:
    """An app's pods that run and are not about to end, in the stack's own namespace."""
    return pods(end, app, NAMESPACE)


def open_servers(name: str) -> list[float]:
    """How many open server connections each agent of a member says it has."""
    gauge = "konnectivity_network_proxy_agent_open_server_connections"
    return [metric(member(name), pod, anp.AGENT_HEALTH_PORT, gauge) for pod in tunnel_pods(member(name), anp.AGENT)]


def eventually_open(name: str, servers: int, agents: int) -> list[float]:
    """What the agents say once each has as many connections as there are servers, or after three minutes.

    Each tries every 5 s, and by the Service comes to a server that it has already twice out of three times.
    """
    ends = time.monotonic() + 180
    while (found := open_servers(name)) != [float(servers)] * agents and time.monotonic() < ends:
        time.sleep(1)
    return found


def every_pod() -> set[str]:
    """The proxies' pods in all clusters."""
    agents = [pod for name in beside().joined for pod in tunnel_pods(member(name), anp.AGENT)]
    return {name_of(pod) for pod in (*tunnel_pods(HOST, anp.SERVER), *agents)}


def leaves(real: Checkout) -> dict[str, str]:
    """Each leaf certificate by the name of its resource."""
    resources = items(real.select().export_stack().deployment, "resources")
    found = [each for each in resources if text(each, "type") == LEAF]
    return {text(each, "urn").rpartition("::")[2]: text(each, "outputs", "certPem") for each in found}


def test_it_comes_up_in_restricted_namespaces_and_every_member_answers(up: automation.UpResult) -> None:
    for name in beside().joined:
        assert f"{name}: reached through Karmada" in up.stdout


def test_two_servers_run_and_each_agent_is_connected_to_both(up: automation.UpResult) -> None:
    assert len(tunnel_pods(HOST, anp.SERVER)) == 2
    for name in beside().joined:
        assert eventually_open(name, servers=2, agents=2) == [2.0, 2.0]


def test_a_second_up_changes_nothing(up: automation.UpResult, real: Checkout) -> None:
    assert set(real.select().up().summary.resource_changes or {}) == {"same"}


def test_a_server_that_ends_takes_no_request_with_it(up: automation.UpResult, to: Karmada) -> None:
    with traffic(to, beside().joined, every=EVERY) as seen:
        time.sleep(2)
        server = name_of(tunnel_pods(HOST, anp.SERVER)[0])
        output_of(kubectl(*HOST, "delete", f"pod/{server}", f"--namespace={NAMESPACE}"), 60)
        settled()
    noted("a server ends", "0 lost", seen)
    assert seen.answered > 100
    assert seen.lost == []


def test_a_server_that_is_killed_loses_no_more_than_what_it_was_at(up: automation.UpResult, to: Karmada) -> None:
    with traffic(to, beside().joined, every=EVERY) as seen:
        time.sleep(2)
        kill_pod(HOST, tunnel_pods(HOST, anp.SERVER)[0])
        settled()
    noted("a server is killed", "at most 10 lost", seen)
    assert seen.answered > 100
    assert len(seen.lost) <= 10
    assert seen.slowest < 10


@pytest.mark.parametrize("count", [3, 2])
def test_the_count_changes_and_no_request_is_lost(
    up: automation.UpResult, real: Checkout, to: Karmada, count: int
) -> None:
    real.configure(proxy={**TWO, "replicas": count})
    with traffic(to, beside().joined, every=EVERY) as seen:
        real.select().up()
        settled(count)
    noted(f"to {count} servers", "0 lost", seen)
    assert seen.lost == []


def test_agents_that_start_while_the_count_changes_find_every_server(up: automation.UpResult, real: Checkout) -> None:
    """Of three servers they found two, if one of the old count was the last that they connected to."""
    before = {name_of(pod) for pod in tunnel_pods(HOST, anp.SERVER)}
    real.configure(proxy={**TWO, "replicas": 3})
    with ThreadPoolExecutor() as beside_it:
        rolled = beside_it.submit(real.select().up)
        until_one_is_left_of(before, rolled)
        for name in beside().joined:
            agents = [f"--selector=app={anp.AGENT}", f"--namespace={NAMESPACE}"]
            output_of(kubectl(*member(name), "delete", "pods", *agents, "--wait=false"), 60)
        rolled.result()
    settled(3)


@pytest.mark.parametrize("count", [1, 2])
def test_from_several_servers_to_one_and_back_there_is_a_gap_that_ends_by_itself(
    up: automation.UpResult, real: Checkout, to: Karmada, count: int
) -> None:
    """The Deployment is replaced: agents of a single server look for no other while it is there."""
    real.configure(proxy={**TWO, "replicas": count})
    with traffic(to, beside().joined, every=EVERY) as seen:
        real.select().up()
        settled(count)
        time.sleep(2)
    noted(
        f"to {count} servers", f"no answer for less than {GAP:.0f} s", seen, f", no answer for {seen.longest_gap:.1f} s"
    )
    assert seen.longest_gap < GAP
    # one that began in the gap may end last
    assert not max(seen.requests, key=lambda each: each.began).wrong


def test_servers_are_rolled_and_no_request_is_lost(up: automation.UpResult, real: Checkout, to: Karmada) -> None:
    before = {name_of(pod) for pod in tunnel_pods(HOST, anp.SERVER)}
    real.configure(proxy={**TWO, "logLevel": 3})
    with traffic(to, beside().joined, every=EVERY) as seen:
        real.select().up()
        settled()
        until_enough(seen)
    noted("both servers are rolled", "0 lost", seen)
    assert not before & {name_of(pod) for pod in tunnel_pods(HOST, anp.SERVER)}
    assert seen.lost == []


def test_the_credentials_key_is_replaced_and_no_request_is_lost(
    up: automation.UpResult, real: Checkout, to: Karmada
) -> None:
    real.configure(proxy={**TWO, "credential": 2})
    with traffic(to, beside().joined, every=EVERY) as seen:
        real.select().up()
        settled()
        until_enough(seen)
    noted("the key of the credentials is replaced", "0 lost", seen)
    assert seen.lost == []


def test_every_leaf_is_renewed_by_a_plain_up_and_no_request_is_lost(
    up: automation.UpResult, real: Checkout, to: Karmada
) -> None:
    before, pods_before = leaves(real), every_pod()
    almost_over(real)
    with traffic(to, beside().joined, every=EVERY) as seen:
        real.select().up()
        until_enough(seen)
    noted("every leaf is renewed by a plain up", "0 lost", seen)
    after = leaves(real)
    assert len(after) == 1 + len(beside().joined)
    assert {name for name in after if after[name] == before[name]} == set()
    assert pods_before & every_pod() == set()
    assert seen.lost == []


def test_the_cas_keys_are_replaced_in_three_phases_and_no_request_is_lost(
    up: automation.UpResult, real: Checkout, to: Karmada
) -> None:
    # as the command leaves the config when it is interrupted in its first phase: it goes on from there
    real.configure(certificates={"caKeys": [1, 2]})
    with traffic(to, beside().joined, every=EVERY) as seen:
        done = rotate_ca(real)
        until_enough(seen)
    noted("both CAs' keys are replaced by make rotate-ca, taken up after an interruption", "0 lost", seen)
    succeeds(done)
    assert re.findall(r"^CA keys: (.*)$", done.stdout, re.MULTILINE) == [
        "generation 1 signs, trusted: 1, 2",
        "generation 2 signs, trusted: 1, 2",
        "generation 2 signs, trusted: 2",
        "done, generation 2 signs, trusted: 2",
    ]
    assert real.select().outputs()["caKeys"].value == [2]
    assert seen.lost == []
    assert set(real.select().up().summary.resource_changes or {}) == {"same"}


def test_destroy_gives_everything_back(up: automation.UpResult, real: Checkout, before: Mapping[str, Json]) -> None:
    real.select().destroy()
    assert environment.agent_specs(beside().joined) == before
    for end in (HOST, *(member(name) for name in beside().joined)):
        assert environment.ours_in(end, NAMESPACE, beside()) == []
    assert environment.ours_in(environment.KARMADA, site=beside()) == []


def almost_over(real: Checkout) -> None:
    """Makes the state say of each leaf that it ends within the hour, as it will in a year."""
    stack = real.select()
    exported = stack.export_stack()
    within_the_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    deployment = cast("dict[str, list[dict[str, Any]]]", exported.deployment)
    for each in deployment["resources"]:
        if each["type"] == LEAF:
            each["outputs"]["validityEndTime"] = within_the_hour
    stack.import_stack(exported)


def noted(tried: str, expected: str, seen: Traffic, more: str = "") -> None:
    """A line of the table, and the losses one by one."""
    print(f"{tried}: {seen}{more}")
    note("Renewal and replicas, two servers", tried=tried, expected=expected, seen=seen.summary + more)


def settled(servers: int = 2) -> None:
    """Waits until there are as many servers again, and each has an agent of every member.

    By the servers' word: an agent counts a server that was killed until it notices, which takes it up to 50 s.
    """
    rollout = ["deployment/proxy-server", f"--namespace={NAMESPACE}", "--timeout=120s"]
    output_of(kubectl(*HOST, "rollout", "status", *rollout), 130)
    members = float(len(beside().joined))
    ends = time.monotonic() + 60
    while (found := connected_members()) != [members] * servers and time.monotonic() < ends:
        time.sleep(1)
    assert found == [members] * servers
    for name in beside().joined:
        assert eventually_open(name, servers, agents=servers) == [float(servers)] * servers


def until_one_is_left_of(before: Set[str], rolled: Future[automation.UpResult]) -> None:
    """Waits until two new servers run beside the last old one; fails if the `up` ends before."""
    while not rolled.done():
        now = {name_of(pod) for pod in tunnel_pods(HOST, anp.SERVER)}
        if len(now - before) == 2 and now & before:
            return
        time.sleep(0.2)
    pytest.fail(f"there were never two new servers beside an old one: {rolled.result().stdout}")


def connected_members() -> list[float]:
    """How many members each server says it has an agent of."""
    gauge = "konnectivity_network_proxy_server_ready_backends"
    return [metric(HOST, pod, anp.SERVER_HEALTH_PORT, gauge) for pod in tunnel_pods(HOST, anp.SERVER)]


def until_enough(seen: Traffic) -> None:
    """Goes on with what has begun until enough requests have run."""
    ends = time.monotonic() + 240
    while seen.answered < ENOUGH and time.monotonic() < ends:
        time.sleep(0.2)
    assert seen.answered >= ENOUGH
