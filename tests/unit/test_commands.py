"""What the stack's commands print and how they end, each as the process that Pulumi runs, before a kubectl of ours."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusters.objects import Json
from tools.render.stackfile import ROOT

KUBECTL = """\
#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + "\\n")
for said, answer in json.loads((here / "answers.json").read_text()).items():
    if said in " ".join(sys.argv[1:]):
        print(answer["prints"])
        sys.exit()
print("Unable to connect to the server: dial tcp: i/o timeout", file=sys.stderr)
sys.exit(1)
"""

SERVICE: dict[str, Json] = {
    "kubeconfig": "/nowhere/kubeconfig",
    "context": "karmada-host",
    "namespace": "tunnel",
    "service": "proxy-server-agents",
    "seconds": 10,
}
AGENT: dict[str, Json] = {
    "cluster": "member3",
    "proxyUrl": "http://192.0.2.3:8088",
    "karmada": {"kubeconfig": "", "context": "karmada-apiserver"},
    "member": {"kubeconfig": "", "context": "member3"},
    "namespace": "karmada-system",
    "deployment": "karmada-agent",
}
UNREACHABLE_MAY_GO = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}


class Kubectl:
    """A kubectl first on PATH. `answers` has what it prints by a part of its command; to all else nobody answers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        file = directory / "kubectl"
        file.write_text(KUBECTL.format(python=sys.executable))
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        self.answers({})

    def answers(self, answers: dict[str, Json]) -> None:
        printed = {
            part: {"prints": each if isinstance(each, str) else json.dumps(each)} for part, each in answers.items()
        }
        file = self.directory / "answers.new"
        file.write_text(json.dumps(printed))
        file.rename(self.directory / "answers.json")

    @property
    def asked(self) -> list[list[str]]:
        """The arguments of each call."""
        file = self.directory / "asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def start(self, command: str, given: dict[str, Json], **environment: str) -> subprocess.Popen[str]:
        """A command with its input, running."""
        path = os.pathsep.join([str(self.directory), os.environ.get("PATH", os.defpath)])
        process = subprocess.Popen(
            [sys.executable, "-m", command],
            cwd=ROOT,
            env={**os.environ, "PATH": path, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(json.dumps(given))
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, command: str, given: dict[str, Json], **environment: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command."""
        process = self.start(command, given, **environment)
        output, errors = process.communicate(timeout=30)
        return process.returncode, output, errors


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    """A kubectl that nobody answers yet."""
    return Kubectl(tmp_path)


def service(*ingress: Json) -> Json:
    return {"kind": "Service", "status": {"loadBalancer": {"ingress": list(ingress)} if ingress else {}}}


# the load balancer's address


@pytest.mark.parametrize(
    ("ingress", "printed"),
    [
        ([{"ip": "203.0.113.9"}], "203.0.113.9"),
        ([{"hostname": "lb.example.org"}], "lb.example.org"),
        ([{"ip": "203.0.113.9", "hostname": "lb.example.org"}], "203.0.113.9"),
        ([{"ip": "2001:db8::9"}, {"ip": "203.0.113.9"}], "2001:db8::9"),
    ],
    ids=["an IP address", "a name", "both", "two"],
)
def test_a_load_balancers_address_is_printed_and_nothing_else(
    kubectl: Kubectl, ingress: list[Json], printed: str
) -> None:
    kubectl.answers({"get service/proxy-server-agents": service(*ingress)})
    assert kubectl.run("checks.commands.load_balancer", SERVICE) == (0, f"{printed}\n", "")
    (asked,) = kubectl.asked
    assert asked[:2] == ["--kubeconfig=/nowhere/kubeconfig", "--context=karmada-host"]
    assert "--namespace=tunnel" in asked


def test_it_is_waited_for_until_there_is_one(kubectl: Kubectl) -> None:
    kubectl.answers({"get service": service()})
    process = kubectl.start("checks.commands.load_balancer", SERVICE)
    ends = time.monotonic() + 20
    while not kubectl.asked and time.monotonic() < ends:
        time.sleep(0.02)
    kubectl.answers({"get service": service({"ip": "203.0.113.9"})})
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "203.0.113.9\n", "")
    assert len(kubectl.asked) >= 2


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"get service": service()}, "its status names no load balancer"),
        ({"get service": service({})}, "its status names no load balancer"),
        ({"get service": ""}, "its status names no load balancer"),
        ({}, "Unable to connect to the server: dial tcp: i/o timeout"),
    ],
    ids=["none", "one without an address", "no Service", "no answer"],
)
def test_where_there_is_none_in_time_one_message_says_what_is_wrong_and_what_mends_it(
    kubectl: Kubectl, answers: dict[str, Json], why: str
) -> None:
    kubectl.answers(answers)
    code, output, errors = kubectl.run("checks.commands.load_balancer", {**SERVICE, "seconds": 1})
    assert (code, output) == (1, "")
    assert errors.splitlines() == [
        "karmada-anp:proxy.exposure: the Service proxy-server-agents in namespace tunnel of karmada-host got no "
        f"address within 1 s ({why})",
        "  see to what makes load balancers there and run this again, or set proxy.exposure: nodePort, or host.address",
    ]


# karmada-agent that has lost its flags

BACK: dict[str, Json] = {
    "get deployment/karmada-agent": {"kind": "Deployment"},
    "rollout status deployment/karmada-agent": "successfully rolled out",
    "get clusters.cluster.karmada.io member3": {"kind": "Cluster", "spec": {}},
}


def test_an_agent_that_is_back_without_the_tunnel_is_waited_for_no_longer(kubectl: Kubectl) -> None:
    kubectl.answers(BACK)
    assert kubectl.run("checks.commands.agent_gone", AGENT) == (0, "", "")


def test_an_agent_whose_cluster_still_names_the_tunnel_is_waited_for(kubectl: Kubectl) -> None:
    cluster: Json = {"kind": "Cluster", "spec": {"proxyURL": AGENT["proxyUrl"]}}
    kubectl.answers({**BACK, "get clusters.cluster.karmada.io member3": cluster})
    process = kubectl.start("checks.commands.agent_gone", AGENT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=1)
    kubectl.answers(BACK)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_an_agent_that_names_the_proxy_by_its_own_command_is_not_waited_for_and_that_is_said(kubectl: Kubectl) -> None:
    """As the documented step has it: nothing that a stack does would make it forget."""
    container: Json = {
        "name": "karmada-agent",
        "command": ["/bin/agent", f"--proxy-server-address={AGENT['proxyUrl']}"],
    }
    deployment: Json = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}}
    cluster: Json = {"kind": "Cluster", "spec": {"proxyURL": AGENT["proxyUrl"]}}
    named = {"get deployment/karmada-agent": deployment, "get clusters.cluster.karmada.io member3": cluster}
    kubectl.answers({**BACK, **named})
    code, output, errors = kubectl.run("checks.commands.agent_gone", AGENT)
    assert (code, errors) == (0, "")
    assert output == "member3: karmada-agent's own command names http://192.0.2.3:8088: take it out\n"


def test_a_member_that_is_gone_is_waited_for_by_nobody_who_lets_go_of_it(kubectl: Kubectl) -> None:
    code, output, errors = kubectl.run("checks.commands.agent_gone", AGENT, **UNREACHABLE_MAY_GO)
    assert (code, errors) == (0, "")
    assert output == "member3: it is gone, and with it its karmada-agent; nobody waits for it\n"
    assert [each for each in kubectl.asked if "--context=member3" not in each] == []


def test_a_member_that_is_gone_is_waited_for_by_everybody_else(kubectl: Kubectl) -> None:
    """It may only be away: what its agent needs must not go before."""
    process = kubectl.start("checks.commands.agent_gone", AGENT, PULUMI_K8S_DELETE_UNREACHABLE="")
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=1)
    process.kill()
    process.communicate()


def test_a_member_that_answers_is_waited_for_though_it_was_to_be_let_go(kubectl: Kubectl) -> None:
    cluster: Json = {"kind": "Cluster", "spec": {"proxyURL": AGENT["proxyUrl"]}}
    kubectl.answers({"/readyz": "ok", **BACK, "get clusters.cluster.karmada.io member3": cluster})
    process = kubectl.start("checks.commands.agent_gone", AGENT, **UNREACHABLE_MAY_GO)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=1)
    kubectl.answers({"/readyz": "ok", **BACK})
    process.communicate(timeout=20)
    assert process.returncode == 0


# a Deployment that was made by hand

BY_HAND: dict[str, Json] = {
    "host": {"kubeconfig": "", "context": "karmada-host"},
    "namespace": "karmada-system",
    "deployment": "proxy-server",
}


def test_a_deployment_that_was_made_by_hand_loses_the_bounds_of_its_rolling_update(kubectl: Kubectl) -> None:
    kubectl.answers({"get deployment/proxy-server": {"kind": "Deployment"}, "patch deployment/proxy-server": "patched"})
    assert kubectl.run("checks.commands.free_strategy", BY_HAND) == (0, "", "")
    patch = json.dumps({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    assert f"--patch={patch}" in kubectl.asked[-1]


def test_where_there_is_none_nothing_is_patched(kubectl: Kubectl) -> None:
    kubectl.answers({"get deployment/proxy-server": ""})
    assert kubectl.run("checks.commands.free_strategy", BY_HAND) == (0, "", "")
    assert [each for each in kubectl.asked if "patch" in each] == []


def test_a_deployment_that_cannot_be_patched_is_one_message(kubectl: Kubectl) -> None:
    kubectl.answers({"get deployment/proxy-server": {"kind": "Deployment"}})
    code, output, errors = kubectl.run("checks.commands.free_strategy", BY_HAND)
    assert (code, output) == (1, "")
    assert errors.startswith("deployment/proxy-server of karmada-host could not be given another strategy: Unable to")


# karmada-agent's args that were set by hand

MEMBER: dict[str, Json] = {
    "member": {"kubeconfig": "", "context": "member3"},
    "namespace": "karmada-system",
    "deployment": "karmada-agent",
    "container": "karmada-agent",
    "manager": "karmada-anp-dev",
    "seconds": 1,
}


def managed(container: dict[str, Json], manager: str = "kubectl-patch") -> dict[str, Json]:
    """What a manager owns of the container karmada-agent."""
    containers: Json = {'k:{"name":"karmada-agent"}': container, 'k:{"name":"sidecar"}': {"f:args": {}}}
    fields: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}
    return {"manager": manager, "operation": "Update", "fieldsV1": fields}


def with_managers(*managers: dict[str, Json]) -> Json:
    return {"kind": "Deployment", "metadata": {"resourceVersion": "7", "managedFields": list(managers)}}


def test_args_that_were_set_by_hand_are_not_theirs_afterwards_and_all_else_is_whose_it_was(kubectl: Kubectl) -> None:
    ours = managed({"f:args": {}}, "karmada-anp-dev")
    found = with_managers(managed({"f:args": {}, "f:image": {}}), ours, {"manager": "kubelet"})
    kubectl.answers({"get deployment/karmada-agent": found, "patch deployment/karmada-agent": "patched"})
    assert kubectl.run("checks.commands.disown_args", MEMBER) == (0, "", "")
    (patch,) = [word.partition("=")[2] for word in kubectl.asked[-1] if word.startswith("--patch=")]
    assert json.loads(patch) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [managed({"f:image": {}}), ours, {"manager": "kubelet"}],
        },
    ]


def test_where_nobody_has_set_args_nothing_is_patched(kubectl: Kubectl) -> None:
    kubectl.answers({"get deployment/karmada-agent": with_managers(managed({"f:image": {}}))})
    assert kubectl.run("checks.commands.disown_args", MEMBER) == (0, "", "")
    assert [each for each in kubectl.asked if "patch" in each] == []


def test_args_that_cannot_be_taken_over_are_one_message(kubectl: Kubectl) -> None:
    kubectl.answers({})
    code, output, errors = kubectl.run("checks.commands.disown_args", MEMBER)
    assert (code, output) == (1, "")
    assert errors.startswith("deployment/karmada-agent of member3: its args could not be taken over: Unable to connect")
