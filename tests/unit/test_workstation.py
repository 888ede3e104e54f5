"""What this machine's tools answer, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from clusters import workstation
from clusters.objects import Json
from clusters.workstation import ThisMachine, Unavailable


def node(name: str, created: str, **addresses: str) -> Json:
    return {
        "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": f"2026-01-{created}T00:00:00Z"},
        "status": {"addresses": [{"type": kind, "address": address} for kind, address in addresses.items()]},
    }


class Answers:
    """A kubectl that prints one thing."""

    def __init__(self) -> None:
        self.prints = ""
        self.asked: list[Sequence[str]] = []

    def ask(self, command: Sequence[str], seconds: float = 15) -> str:
        self.asked.append(command)
        return self.prints


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What is asked, in the place of a kubectl."""
    fake = Answers()
    monkeypatch.setattr(workstation, "ask", fake.ask)
    return fake


def nodes(*them: Json) -> str:
    return json.dumps({"kind": "NodeList", "items": list(them)})


def test_the_oldest_node_is_asked_for_its_external_address(kubectl: Answers) -> None:
    """A node that is replaced is a younger one: the address stays as long as it can."""
    kubectl.prints = nodes(
        node("b", "03", ExternalIP="203.0.113.3", InternalIP="10.0.0.3"),
        node("a", "02", Hostname="a", InternalIP="10.0.0.2", ExternalIP="203.0.113.2"),
    )
    assert ThisMachine().node_address("", "host") == "203.0.113.2"


def test_an_external_address_of_a_younger_node_is_better_than_an_internal_one_of_an_older(kubectl: Answers) -> None:
    kubectl.prints = nodes(node("a", "02", InternalIP="10.0.0.2"), node("b", "03", ExternalIP="203.0.113.3"))
    assert ThisMachine().node_address("", "host") == "203.0.113.3"


def test_without_external_addresses_it_is_an_internal_one(kubectl: Answers) -> None:
    kubectl.prints = nodes(node("b", "02", InternalIP="10.0.0.3"), node("a", "02", InternalIP="10.0.0.2"))
    assert ThisMachine().node_address("", "host") == "10.0.0.2"


@pytest.mark.parametrize(
    "printed", [nodes(), nodes(node("a", "02", Hostname="a")), ""], ids=["none", "a name", "no word"]
)
def test_nodes_without_an_address_are_said_to_have_none(kubectl: Answers, printed: str) -> None:
    kubectl.prints = printed
    with pytest.raises(Unavailable, match="none has an address"):
        ThisMachine().node_address("", "host")


def test_nodes_are_asked_for_in_their_own_cluster_and_within_a_time(kubectl: Answers) -> None:
    kubectl.prints = nodes(node("a", "02", InternalIP="10.0.0.2"))
    ThisMachine().node_address("/tmp/kubeconfig", "host")
    (command,) = kubectl.asked
    assert list(command[:5]) == ["kubectl", "--kubeconfig=/tmp/kubeconfig", "--context=host", "get", "nodes"]
    assert any(each.startswith("--request-timeout=") for each in command)


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (
            "podmonitors.monitoring.coreos.com\nprometheusrules.monitoring.coreos.com\nprobes.monitoring.coreos.com\n",
            True,
        ),
        ("podmonitors.monitoring.coreos.com\n", False),
        ("servicemonitors.monitoring.coreos.com\nprometheusrules.monitoring.coreos.com\n", False),
        ("", False),
    ],
)
def test_a_cluster_has_monitors_where_it_has_both_kinds(kubectl: Answers, printed: str, found: bool) -> None:
    kubectl.prints = printed
    assert ThisMachine().has_monitors("", "host") is found
    (command,) = kubectl.asked
    assert "--api-group=monitoring.coreos.com" in command


def test_a_command_to_be_typed_names_the_kubeconfig_and_is_one_that_a_shell_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/jane doe")
    typed = workstation.typed("~/members.config", "member3", "delete", "deployment/proxy-agent")
    assert (
        typed == "kubectl '--kubeconfig=/home/jane doe/members.config' --context=member3 delete deployment/proxy-agent"
    )
    assert workstation.typed("", "member3", "get", "pods") == "kubectl --context=member3 get pods"


def test_a_program_that_is_not_installed_is_said_to_be_so() -> None:
    with pytest.raises(Unavailable, match="no-such-program is not installed"):
        workstation.ask(["no-such-program"])
