"""One stack from the host network to a load balancer: the gap that a single server has, and the move.

The lab makes no load balancers: the test gives the Service its address, as a cloud would.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from socket import create_connection
from threading import Thread

import pytest
from pulumi import automation

from clusters.objects import Json, at, items, text
from clusters.programs import output_of
from components import anp
from config.fields import OWN_PORTS
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, NAMESPACE, member
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import HOST_NODE, address_of, node_of
from tests.stack.refusals import gives_back
from tests.stack.traffic import karmada, traffic
from tools.checkout import Checkout

pytestmark = pytest.mark.long

LONGEST_GAP = 30.0
"""Seconds without an answer that one server may cost when it is replaced on the host network."""


def pod_networks() -> list[Json]:
    """The networks of the host's pods, Karmada's among them."""
    return [at(node, "spec", "podCIDR") for node in objects(kubectl(*HOST, "get", "nodes"))]


def give_address(address: str) -> None:
    """Waits for the agents' Service, and gives it a load balancer's address."""
    ends = time.monotonic() + 60
    service = [f"service/{anp.AGENTS_SERVICE}", f"--namespace={NAMESPACE}"]
    while not objects(kubectl(*HOST, "get", *service)) and time.monotonic() < ends:
        time.sleep(0.5)
    status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
    output_of(kubectl(*HOST, "patch", *service, "--subresource=status", "--type=merge", f"--patch={status}"))


def test_one_server_on_the_host_network_has_a_gap_that_ends_by_itself(
    up: automation.UpResult, dev: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dev.configure(proxy={"credential": 2, "allowedSources": pod_networks()})
    with traffic(karmada(tmp_path_factory.mktemp("karmada")), environment.members(), every=0.05) as seen:
        time.sleep(1)
        dev.select().up()
        time.sleep(2)
    print(f"one server on the host network replaced: {seen}")
    note(
        "Renewal, one server",
        tried="the server's pod is replaced on the host network",
        expected=f"no answer for less than {LONGEST_GAP:.0f} s",
        seen=f"{seen.summary}, no answer for {seen.longest_gap:.1f} s",
    )
    assert 0 < seen.longest_gap < LONGEST_GAP
    assert seen.slowest < 10


def test_who_is_none_of_the_allowed_sources_gets_no_answer(up: automation.UpResult) -> None:
    with suppress(ConnectionResetError), create_connection((address_of(HOST_NODE), 8088), 5) as stranger:
        stranger.settimeout(5)
        stranger.sendall(b"CONNECT 192.0.2.1:6443 HTTP/1.1\r\nHost: 192.0.2.1:6443\r\n\r\n")
        assert stranger.recv(1) == b""


def test_a_running_stack_moves_to_a_load_balancer_whose_address_goes_everywhere_by_itself(
    up: automation.UpResult, dev: Checkout
) -> None:
    address = address_of(HOST_NODE)
    cloud = Thread(target=give_address, args=(address,))
    cloud.start()
    dev.configure(proxy={"credential": 2, "exposure": "loadBalancer", "replicas": 2})
    moved = dev.select().up(on_output=print)
    cloud.join()
    for name in environment.members():
        assert f"{name}: reached through Karmada" in moved.stdout
        agent = objects(kubectl(*member(name), "get", "deployment/proxy-agent", f"--namespace={NAMESPACE}"))[0]
        args = items(items(agent, "spec", "template", "spec", "containers")[0], "args")
        assert f"--proxy-server-host={address}" in args
        cluster = objects(kubectl(*environment.KARMADA, "get", "clusters.cluster.karmada.io", name))[0]
        assert text(cluster, "spec", "proxyURL") == f"http://proxy-server.{NAMESPACE}.svc:8088"
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


def test_from_another_host_only_the_agents_port_answers_then(up: automation.UpResult) -> None:
    """At the load balancer's address, which is the node's own here, and at the node port behind it."""
    services = objects(kubectl(*HOST, "get", "services", f"--namespace={NAMESPACE}"))
    found = [at(port, "nodePort") for service in services for port in items(service, "spec", "ports")]
    (node_port,) = [each for each in found if isinstance(each, int)]
    ports = [8088, *OWN_PORTS, node_port]
    answering = [each for each in ports if answers(node_of("member3"), address_of(HOST_NODE), each)]
    assert answering == [anp.AGENT_PORT, node_port]


def answers(node: str, address: str, port: int) -> bool:
    """Whether something listens there, for who dials from a node."""
    dial = ["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
    return subprocess.run(["docker", "exec", node, *dial], check=False, capture_output=True).returncode == 0


def test_destroy_gives_everything_back(up: automation.UpResult, dev: Checkout, before: Mapping[str, Json]) -> None:
    gives_back(dev, before)
