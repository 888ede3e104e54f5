"""What this machine's tools answer, and what is made of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusters import programs, workstation
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json
from clusters.workstation import ThisMachine, processor
from tests.unit.fake_api_server import ApiServer

KINDS = ("podmonitors", "prometheusrules")


def node(name: str, created: str, **addresses: str) -> Json:
    return {
        "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": f"2026-01-{created}T00:00:00Z"},
        "status": {"addresses": [{"type": kind, "address": address} for kind, address in addresses.items()]},
    }


def address(api: ApiServer, *nodes: Json) -> str:
    """The address of a cluster with these nodes."""
    api.has["karmada-host /api/v1/nodes"] = {"items": list(nodes)}
    return ThisMachine().node_address(str(api.kubeconfig), "karmada-host")


def test_the_oldest_node_is_asked_for_its_external_address(api: ApiServer) -> None:
    """A node that is replaced is a younger one: the address stays as long as it can."""
    one = node("b", "03", ExternalIP="203.0.113.3", InternalIP="10.0.0.3")
    other = node("a", "02", Hostname="a", InternalIP="10.0.0.2", ExternalIP="203.0.113.2")
    assert address(api, one, other) == "203.0.113.2"


def test_an_external_address_of_a_younger_node_is_better_than_an_internal_one_of_an_older(api: ApiServer) -> None:
    one, other = node("a", "02", InternalIP="10.0.0.2"), node("b", "03", ExternalIP="203.0.113.3")
    assert address(api, one, other) == "203.0.113.3"


def test_without_external_addresses_it_is_an_internal_one(api: ApiServer) -> None:
    assert address(api, node("b", "02", InternalIP="10.0.0.3"), node("a", "02", InternalIP="10.0.0.2")) == "10.0.0.2"


@pytest.mark.parametrize("nodes", [[], [node("a", "02", Hostname="a")]], ids=["none", "a name"])
def test_nodes_without_an_address_are_said_to_have_none(api: ApiServer, nodes: list[Json]) -> None:
    with pytest.raises(Unavailable, match="none has an address"):
        address(api, *nodes)


@pytest.mark.parametrize(
    ("served", "found"), [([*KINDS, "probes"], True), (["podmonitors"], False), (["prometheusrules"], False)]
)
def test_a_cluster_has_monitors_where_it_has_these_kinds(api: ApiServer, served: list[str], found: bool) -> None:
    api.has["karmada-host /apis/monitoring.coreos.com/v1"] = {"resources": [{"name": each} for each in served]}
    assert ThisMachine().has_monitors(str(api.kubeconfig), "karmada-host", KINDS) is found


def test_a_cluster_without_the_operators_api_has_none(api: ApiServer) -> None:
    assert ThisMachine().has_monitors(str(api.kubeconfig), "karmada-host", KINDS) is False


def docker(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    """A `docker` that is a script."""
    (directory / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}")


def test_the_architecture_is_the_engines_which_may_be_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By DOCKER_HOST; and a Python may run in an emulation."""
    docker(monkeypatch, tmp_path, 'echo "$*" >>"$0.calls"; echo riscv64')
    machine = ThisMachine()
    assert machine.architecture() == machine.architecture() == "riscv64"
    assert (tmp_path / "docker.calls").read_text() == "version --format={{.Server.Arch}}\n"


@pytest.mark.parametrize("script", ["exit 1", "exit 0"])
def test_without_an_answer_of_the_engine_the_architecture_is_this_machines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    docker(monkeypatch, tmp_path, script)
    assert ThisMachine().architecture() == processor()


@pytest.mark.parametrize(
    ("machine", "found"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64"), ("AMD64", "amd64")]
)
def test_a_processor_is_called_as_images_have_it(monkeypatch: pytest.MonkeyPatch, machine: str, found: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert processor() == found


@pytest.mark.parametrize(
    ("errors", "why"),
    [
        ("Error response from daemon: it is so\nadvice", "Error response from daemon: it is so"),
        ("Error: it is so\nadvice", "it is so"),
        ("errors:\ndenied: it is so", "denied: it is so"),
        ("something\nit is so", "it is so"),
        ("", "it said nothing"),
    ],
)
def test_of_what_a_program_says_the_reason_is_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, errors: str, why: str
) -> None:
    (tmp_path / "said").write_text(errors)
    docker(monkeypatch, tmp_path, f"cat {tmp_path}/said >&2; exit 1")
    with pytest.raises(Unavailable) as raised:
        programs.output_of(["docker"])
    assert str(raised.value) == why


def test_a_command_to_be_typed_names_the_kubeconfig_and_is_one_that_a_shell_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/jane doe")
    typed = workstation.kubectl_line(Context("~/members.config", "member3"), "delete", "deployment/proxy-agent")
    assert (
        typed == "kubectl '--kubeconfig=/home/jane doe/members.config' --context=member3 delete deployment/proxy-agent"
    )
    assert workstation.kubectl_line(Context("", "member3"), "get", "pods") == "kubectl --context=member3 get pods"


def test_a_program_that_is_not_installed_is_said_to_be_so() -> None:
    with pytest.raises(Unavailable, match="no-such-program is not installed"):
        programs.output_of(["no-such-program"])
