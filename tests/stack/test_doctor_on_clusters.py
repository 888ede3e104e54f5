"""`make doctor` on a stack that is up: nothing is wrong with it, and each fault that is made is told by its hop.

Each fault is taken back by the test that made it, but for the last, which is mended as the doctor says.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from pulumi import automation

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, entries, items, parse, text
from clusters.programs import output_of
from components import anp
from tests import issuing
from tests.proof import note
from tests.stack import environment
from tests.stack.checkout_commands import doctor
from tests.stack.environment import HOST, KARMADA, NAMESPACE, REGISTERED, member
from tests.stack.exported import exported, plain
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import HOST_NODE, api_server, node_of, pods, process, signal
from tests.stack.refusals import gives_back, holds, succeeds
from tools.checkout import Checkout

MEMBER = "member3"
IN_MEMBER = member(MEMBER)
AGENT = (f"deployment/{anp.AGENT}", f"--namespace={NAMESPACE}")
CLUSTER = ("clusters.cluster.karmada.io", MEMBER)

Fault = Callable[[Checkout], AbstractContextManager[None]]


def firsts(done: subprocess.CompletedProcess[str]) -> Mapping[str, str]:
    """The hop that is named for each member; nothing where all is right."""
    lines = [parse(line) for line in done.stdout.splitlines()]
    return {text(each, "member"): text(each, "first") for each in lines}


def patched(end: tuple[str, str], what: Sequence[str], patch: Json, kind: str = "merge") -> None:
    output_of([*kubectl(*end, "patch", *what), f"--type={kind}", f"--patch={json.dumps(patch)}"])


def rolled() -> None:
    """Waits for proxy-agent's new pod, and until the old one, which answers to its end, is gone."""
    output_of(kubectl(*IN_MEMBER, "rollout", "status", *AGENT, "--timeout=60s"), 70)
    retry(one_pod, 60, pause=1)


def one_pod() -> None:
    """Raises Unavailable while there is another pod of proxy-agent than the one that lasts."""
    found = objects(kubectl(*IN_MEMBER, "get", "pods", AGENT[1], f"--selector=app={anp.AGENT}"))
    if len(found) != 1:
        raise Unavailable(f"there are {len(found)} pods")


@contextmanager
def no_agent(_: Checkout) -> Generator[None]:
    output_of(kubectl(*IN_MEMBER, "scale", *AGENT, "--replicas=0"))
    output_of(
        kubectl(*IN_MEMBER, "wait", "pods", AGENT[1], f"--selector=app={anp.AGENT}", "--for=delete", "--timeout=60s"),
        70,
    )
    try:
        yield
    finally:
        output_of(kubectl(*IN_MEMBER, "scale", *AGENT, "--replicas=1"))
        rolled()


@contextmanager
def wrong_identifier(_: Checkout) -> Generator[None]:
    container = items(objects(kubectl(*IN_MEMBER, "get", *AGENT))[0], "spec", "template", "spec", "containers")[0]
    right = [str(each) for each in items(container, "args")]
    wrong = ["--agent-identifiers=host=192.0.2.1" if "identifiers" in each else each for each in right]
    path = "/spec/template/spec/containers/0/args"
    patched(IN_MEMBER, AGENT, [{"op": "replace", "path": path, "value": wrong}], "json")
    rolled()
    try:
        yield
    finally:
        patched(IN_MEMBER, AGENT, [{"op": "replace", "path": path, "value": right}], "json")
        rolled()


@contextmanager
def expired_certificate(dev: Checkout) -> Generator[None]:
    """The agent's certificate as this stack's own CA would have issued it two years ago."""
    secret = (f"secret/{anp.AGENT_CERT_SECRET}", f"--namespace={NAMESPACE}")
    right = text(objects(kubectl(*IN_MEMBER, "get", *secret))[0], "data", "proxy-agent.crt")
    pem, _ = issuing.locally_signed(issued(dev), datetime.now(UTC) - timedelta(days=730))
    present(secret, base64.b64encode(pem.encode()).decode())
    try:
        yield
    finally:
        present(secret, right)


def issued(dev: Checkout) -> Mapping[str, Json]:
    """What the agent's certificate was issued from, with the CA's key; out of the state, as its owner may have it."""
    (certificate,) = [
        each
        for each in exported(dev)
        if text(each, "type").endswith(":LocallySignedCert") and text(each, "urn").endswith(f"::{MEMBER}-agent")
    ]
    return {key: plain(value) for key, value in entries(certificate, "inputs").items() if not key.startswith("__")}


def present(secret: Sequence[str], certificate: str) -> None:
    """Gives the agent a certificate, which it reads when it starts."""
    patched(IN_MEMBER, secret, {"data": {"proxy-agent.crt": certificate}})
    for pod in pods(IN_MEMBER, anp.AGENT):
        output_of(kubectl(*IN_MEMBER, "delete", f"pod/{text(pod, 'metadata', 'name')}", AGENT[1]), 60)


@contextmanager
def guard_down(_: Checkout) -> Generator[None]:
    """It hangs."""
    (pod,) = pods(HOST, anp.SERVER)
    with hanging(HOST_NODE, process(HOST_NODE, pod, anp.GUARD)):
        yield


@contextmanager
def member_guard_down(_: Checkout) -> Generator[None]:
    """It hangs."""
    (pod,) = pods(IN_MEMBER, anp.AGENT)
    with hanging(node_of(MEMBER), process(node_of(MEMBER), pod, anp.MEMBER_GUARD)):
        yield


@contextmanager
def hanging(node: str, pid: int) -> Generator[None]:
    """A process on a node is stopped, with what it has started."""
    children = output_of(["docker", "exec", node, "cat", f"/proc/{pid}/task/{pid}/children"]).split()
    every = [pid, *map(int, children)]
    for each in every:
        signal(node, "STOP", each)
    try:
        yield
    finally:
        # on a busy machine its liveness probe may have ended it by now
        for each in every:
            with suppress(Unavailable):
                signal(node, "CONT", each)


@contextmanager
def anothers_credential(dev: Checkout) -> Generator[None]:
    """By the same key, as who sees both Clusters might put it there: it would open the other member.

    It is taken away, not put back, for who puts it there would own it: the stack sets it again.
    """
    right = objects(kubectl(*KARMADA, "get", *CLUSTER))[0]
    header = text(right, "spec", "proxyHeader", "Proxy-Authorization")
    name, mac = base64.b64decode(header.removeprefix("Basic ")).decode().split(":")
    assert name == MEMBER
    wrong = base64.b64encode(f"{REGISTERED}:{mac}".encode()).decode()
    patched(KARMADA, CLUSTER, {"spec": {"proxyHeader": {"Proxy-Authorization": f"Basic {wrong}"}}})
    try:
        yield
    finally:
        patched(KARMADA, CLUSTER, {"spec": {"proxyHeader": None}})
        succeeds(dev.run("up", "--refresh", "--yes", "--skip-preview"))


@contextmanager
def endpoint_loopback(_: Checkout) -> Generator[None]:
    right = text(objects(kubectl(*KARMADA, "get", *CLUSTER))[0], "spec", "apiEndpoint")
    patched(KARMADA, CLUSTER, {"spec": {"apiEndpoint": "https://127.0.0.1:6443"}})
    try:
        yield
    finally:
        patched(KARMADA, CLUSTER, {"spec": {"apiEndpoint": right}})


@contextmanager
def member_api_down(_: Checkout) -> Generator[None]:
    """It hangs: nothing that is asked of it is answered."""
    pid = api_server(MEMBER)
    signal(node_of(MEMBER), "STOP", pid)
    try:
        yield
    finally:
        signal(node_of(MEMBER), "CONT", pid)


FAULTS: Mapping[str, tuple[Fault, str]] = {
    "no proxy-agent runs": (no_agent, "proxy-agent"),
    "proxy-agent claims another host": (wrong_identifier, "proxy-agent"),
    "the agent's certificate has ended": (expired_certificate, "certificates"),
    "the guard hangs": (guard_down, "guard"),
    "the Cluster has another member's credential": (anothers_credential, "guard"),
    "the member's guard hangs": (member_guard_down, "member guard"),
    "the Cluster's endpoint is loopback": (endpoint_loopback, "Cluster"),
    "the member's API hangs": (member_api_down, "member API"),
}

SLOW = {
    "proxy-agent claims another host",
    "the agent's certificate has ended",
    "the Cluster has another member's credential",
    "the member's API hangs",
}
"""Those of FAULTS that took longest, which are left to `make prove`."""


def told(tried: str, expected: str, done: subprocess.CompletedProcess[str]) -> None:
    """Notes the heading, the line of the hop that is wrong and what to do."""
    lines = done.stdout.splitlines()
    wrong = [i for i, line in enumerate(lines) if line.strip().startswith("do: ")]
    seen = " / ".join(" ".join(lines[i - 1].split()) for i in wrong[:1]) or "all right"
    note("Doctor", tried=tried, expected=expected, seen=seen)
    print(done.stdout, done.stderr)


@pytest.fixture(scope="module", autouse=True)
def given_back(dev: Checkout, before: Mapping[str, Json]) -> Iterator[None]:
    """After all faults destroy leaves what was there before."""
    yield
    gives_back(dev, before)


def test_a_stack_that_is_not_up_is_said_to_be_that(dev: Checkout) -> None:
    dev.select()
    done = doctor(dev)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the stack dev is not up" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_wrong_with_a_stack_that_is_up_and_nothing_is_changed(
    up: automation.UpResult, dev: Checkout
) -> None:
    was = holds()
    done = doctor(dev)
    told("a stack that is up", "all right, exit 0", done)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in environment.members():
        assert f"{name}: all right" in done.stdout
    assert "wrong" not in done.stdout
    assert "unknown" not in done.stdout
    machine = doctor(dev, "--json")
    assert machine.returncode == 0
    assert firsts(machine) == dict.fromkeys(environment.members(), "")
    assert holds() == was


@pytest.mark.parametrize(
    "fault", [pytest.param(each, marks=[pytest.mark.long] if each in SLOW else []) for each in FAULTS]
)
def test_a_fault_is_told_by_its_hop_and_is_over_when_it_is_taken_back(
    up: automation.UpResult, dev: Checkout, fault: str
) -> None:
    make, hop = FAULTS[fault]
    with make(dev):
        done = doctor(dev)
    told(fault, f"wrong at {hop}, exit 1", done)
    assert done.returncode == 1
    assert f"{MEMBER}: wrong at {hop}" in done.stdout, done.stdout
    retry(lambda: right(dev), 60, pause=1)


def right(dev: Checkout) -> None:
    """Raises Unavailable while anything is wrong."""
    done = doctor(dev)
    if done.returncode:
        raise Unavailable(done.stdout + done.stderr)


@pytest.mark.long
def test_a_missing_grant_is_told_and_mended_as_the_doctor_says(up: automation.UpResult, dev: Checkout) -> None:
    if REGISTERED not in environment.members():
        pytest.skip("no member was joined by karmadactl register")
    output_of(kubectl(*KARMADA, "delete", f"clusterrolebinding/karmada-anp:{REGISTERED}"))
    done = doctor(dev)
    told("a registered member's grant is missing", "wrong at grant, exit 1", done)
    assert done.returncode == 1
    assert f"{REGISTERED}: wrong at grant" in done.stdout, done.stdout
    assert "do: pulumi up --refresh" in done.stdout
    assert f"{MEMBER}: all right" in done.stdout
    succeeds(dev.run("up", "--refresh", "--yes", "--skip-preview"))
    right(dev)
