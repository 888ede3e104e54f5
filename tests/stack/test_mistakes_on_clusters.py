"""Wrong configurations and environments, on real clusters: what `preview` and `up` say, and what they leave.

What preflight can see changes nothing. What only shows later leaves a state from which a corrected `up` goes on.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from answers import Json
from render import certificates
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, HOST_CONFIG, KARMADA, MEMBERS_CONFIG, NAMESPACE, PROXY_PATH, member
from tools.checkout import Checkout
from workstation import Unavailable, ask, kubectl

pytestmark = pytest.mark.long

PART = "Mistakes"
NOBODY = "https://127.0.0.1:1"
"""An address where nobody listens."""

USER = "karmada-anp-mistaken"
ELSEWHERE = "karmada-anp-elsewhere"
TELLS = "already exists|has the tunnel|cannot bind|not reached through|Back-off pulling"
"""How the lines of diagnostics that tell why are recognised, for the table alone."""


# what preflight and the config's own rules see


class Lab(NamedTuple):
    """Where a mistake is made: a stack's config, the variables of its run, and a directory of its own."""

    host: dict[str, Json]
    members: list[dict[str, Json]]
    images: dict[str, Json]
    variables: dict[str, str]
    directory: Path


Mistake = Callable[[Lab], None]


def kubeconfig(lab: Lab, **users: Mapping[str, str]) -> str:
    """A kubeconfig of all clusters of the lab, in which some contexts have another user or server (`server`)."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for path in (HOST_CONFIG, MEMBERS_CONFIG):
        found = yaml.safe_load(Path(os.path.expanduser(path)).read_text())
        for kind in ("clusters", "users", "contexts"):
            merged[kind] += found[kind]
    for context, changed in users.items():
        of = next(each["context"] for each in merged["contexts"] if each["name"] == context)
        cluster = next(each["cluster"] for each in merged["clusters"] if each["name"] == of["cluster"])
        merged["clusters"].append({"name": f"{context}-x", "cluster": {**cluster, **only(changed, "server")}})
        of["cluster"] = f"{context}-x"
        user = {key: value for key, value in changed.items() if key != "server"}
        if user:
            merged["users"].append({"name": f"{context}-x", "user": user})
            of["user"] = f"{context}-x"
    file = lab.directory / "kubeconfig"
    file.touch(0o600)
    file.write_text(json.dumps(merged))
    return str(file)


def only(of: Mapping[str, str], *keys: str) -> dict[str, str]:
    return {key: value for key, value in of.items() if key in keys}


def everywhere(lab: Lab, **users: Mapping[str, str]) -> None:
    """Gives the stack a kubeconfig of that kind."""
    path = kubeconfig(lab, **users)
    lab.host["kubeconfig"] = path
    for each in lab.members:
        each["kubeconfig"] = path


def expired() -> Mapping[str, str]:
    """A client certificate whose time is over, of an authority that nobody trusts."""
    key = certificates.private_key_pem()
    inputs: dict[str, Json] = {
        "privateKeyPem": key,
        "subject": {"commonName": "kubernetes-admin"},
        "allowedUses": ["digital_signature", "client_auth"],
        "validityPeriodHours": 1,
    }
    certificate, _ = certificates.self_signed(inputs, datetime.now(UTC) - timedelta(days=1))
    return {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}


def encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def of_user(end: tuple[str, str]) -> Mapping[str, str]:
    """A token of the ServiceAccount of these tests in a cluster, for ten minutes."""
    return {"token": ask(kubectl(*end, "create", "token", USER, f"--namespace={NAMESPACE}", "--duration=10m")).strip()}


def swapped(lab: Lab) -> None:
    everywhere(lab)
    lab.host["context"], lab.members[0]["context"] = "member3", "karmada-host"
    del lab.members[0]["kind"], lab.host["kind"]
    lab.host["address"], lab.members[0]["apiEndpoint"] = "192.0.2.1", "https://192.0.2.2:6443"


def karmada_is_host(lab: Lab) -> None:
    everywhere(lab)
    lab.host["karmadaContext"] = "karmada-host"


def karmada_is_member(lab: Lab) -> None:
    everywhere(lab)
    lab.host["karmadaContext"] = "member3"
    lab.members[0]["context"] = "member3"
    # by its path it is another kubeconfig, so that config.py alone does not see it
    lab.members[0]["kubeconfig"] = MEMBERS_CONFIG


def another_member(lab: Lab) -> None:
    if "member4" not in environment.members():
        pytest.skip("there is one member only")
    lab.members[0] |= {"context": "member4", "registered": True, "kind": "member4"}


def no_such_namespace(lab: Lab) -> None:
    lab.host["namespace"] = "karmada-sytem"


def no_such_namespace_in_member(lab: Lab) -> None:
    lab.members[0]["namespace"] = "karmada-sytem"


def no_such_agent(lab: Lab) -> None:
    lab.members[0]["agent"] = {"deployment": "karmada-agnet"}


def unreachable(context: str) -> Mistake:
    return lambda lab: everywhere(lab, **{context: {"server": NOBODY}})


def expired_for(context: str) -> Mistake:
    return lambda lab: everywhere(lab, **{context: expired()})


def nobody_in(end: tuple[str, str]) -> Mistake:
    return lambda lab: everywhere(lab, **{end[1]: of_user(end)})


def reader_in(end: tuple[str, str], *rules: str) -> Mistake:
    """A user who may look at everything that preflight looks at, and do some things."""

    def mistake(lab: Lab) -> None:
        nobody_in(end)(lab)
        grant(end, "get,list namespaces,deployments.apps,nodes,clusterroles.rbac.authorization.k8s.io", *rules)

    return mistake


def grant(end: tuple[str, str], *rules: str) -> None:
    for i, rule in enumerate(rules):
        verbs, resources = rule.split(" ")
        name = f"{USER}-{i}"
        ask(kubectl(*end, "create", "clusterrole", name, f"--verb={verbs}", f"--resource={resources}"))
        subject = f"--serviceaccount={NAMESPACE}:{USER}"
        ask(kubectl(*end, "create", "clusterrolebinding", name, f"--clusterrole={name}", subject))


def no_kind_clusters(lab: Lab) -> None:
    """The same clusters without what a kind node tells."""
    lab.host.pop("kind")
    lab.host["address"] = "192.0.2.1"
    for each in lab.members:
        each.pop("kind")
        each["apiEndpoint"] = "https://192.0.2.2:6443"


def no_engine(lab: Lab) -> None:
    lab.variables["DOCKER_HOST"] = f"unix://{lab.directory}/nowhere.sock"
    no_kind_clusters(lab)


def no_engine_for_kind(lab: Lab) -> None:
    lab.variables["DOCKER_HOST"] = f"unix://{lab.directory}/nowhere.sock"
    lab.members[0].pop("kind")
    lab.members[0]["apiEndpoint"] = "https://192.0.2.2:6443"


def no_kind(lab: Lab) -> None:
    lab.members[0]["kind"] = "member33"


def another_commit(lab: Lab) -> None:
    lab.images["build"] = {"ref": "v0.36.0", "commit": "deadbeef" * 5}


def no_kubectl(lab: Lab) -> None:
    """A PATH with what Pulumi needs, and nothing else."""
    no_kind_clusters(lab)
    tools = lab.directory / "tools"
    tools.mkdir()
    for tool in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "python3", "git", "sh"):
        found = ask(["sh", "-c", f"command -v {tool}"]).strip()
        (tools / tool).symlink_to(found)
    lab.variables["PATH"] = str(tools)


SEEN: Mapping[str, tuple[Mistake, str, str]] = {
    "the host's and a member's contexts are swapped": (
        swapped,
        "host.context",
        '"member3" is what Karmada knows as the member "member3"',
    ),
    "the Karmada API's context is the host's": (
        karmada_is_host,
        "host.karmadaContext",
        '"karmada-host" is host.context too',
    ),
    "the Karmada API's context is a member's": (
        karmada_is_member,
        "host.karmadaContext",
        '"member3" is no Karmada API: it has no Cluster objects',
    ),
    "a member has another member's context": (
        another_member,
        "members[0].context",
        '"member4" is what Karmada knows as "member4"',
    ),
    "the host has no such namespace": (
        no_such_namespace,
        "host.namespace",
        'there is no namespace "karmada-sytem" in karmada-host',
    ),
    "a member has no such namespace": (
        no_such_namespace_in_member,
        "members[0].namespace",
        'there is no namespace "karmada-sytem" in member3',
    ),
    "karmada-agent has another name": (
        no_such_agent,
        "members[0].agent.deployment",
        'there is no Deployment "karmada-agnet" in namespace "karmada-system" of member3',
    ),
    "nobody listens at the host's API": (unreachable("karmada-host"), "host.context", "127.0.0.1:1 was refused"),
    "nobody listens at the Karmada API": (
        unreachable("karmada-apiserver"),
        "host.karmadaContext",
        "127.0.0.1:1 was refused",
    ),
    "nobody listens at a member's API": (unreachable("member3"), "members[0].context", "127.0.0.1:1 was refused"),
    "the host's credentials have expired": (
        expired_for("karmada-host"),
        "host.context",
        'the API of "karmada-host" does not accept the credentials, which may have expired',
    ),
    "the Karmada API's credentials have expired": (
        expired_for("karmada-apiserver"),
        "host.karmadaContext",
        'the API of "karmada-apiserver" does not accept the credentials, which may have expired',
    ),
    "a member's credentials have expired": (
        expired_for("member3"),
        "members[0].context",
        'the API of "member3" does not accept the credentials, which may have expired',
    ),
    "the host's user may nothing": (nobody_in(HOST), "host.context", 'the user of "karmada-host" may not even ask'),
    "a member's user may nothing": (
        nobody_in(member("member3")),
        "members[0].context",
        'the user of "member3" may not even ask',
    ),
    "the host's user may only look": (
        reader_in(HOST),
        "host.context",
        'may not create, patch, delete secrets in namespace "karmada-system"',
    ),
    "the host's user may all but create Secrets": (
        reader_in(HOST, "create,patch,delete deployments.apps", "patch,delete secrets"),
        "host.context",
        'the user of "karmada-host" may not create secrets in namespace "karmada-system"',
    ),
    "a member's user may all but patch Deployments": (
        reader_in(
            member("member3"),
            "create,delete deployments.apps",
            "create,patch,delete secrets,networkpolicies.networking.k8s.io",
        ),
        "members[0].context",
        'may not patch deployments.apps in namespace "karmada-system"; patch deployments.apps/karmada-agent',
    ),
    "there is no Docker engine to build with": (
        no_engine,
        "images.build",
        "the Docker engine, which would build, does not answer: Cannot connect to the Docker daemon",
    ),
    "there is no Docker engine to find a kind node with": (
        no_engine_for_kind,
        "host.kind",
        '"karmada-host": Cannot connect to the Docker daemon',
    ),
    "there is no kind node of that name": (
        no_kind,
        "members[0].kind",
        '"member33": no container member33-control-plane is here',
    ),
    "the commit is not what the ref is": (
        another_commit,
        "images.build",
        "v0.36.0 of https://github.com/kubernetes-sigs/apiserver-network-proxy: ",
    ),
    "there is no kubectl": (no_kubectl, "host.kubeconfig", "kubectl is not installed, or not on PATH"),
}


TWOFOLD = ("the host's and a member's contexts are swapped", "there is no kubectl")
"""Mistakes that are in two keys."""


@pytest.fixture
def user() -> Iterator[None]:
    """A ServiceAccount without rights in the host cluster and in member3."""
    ends = (HOST, member("member3"))
    for end in ends:
        ask(kubectl(*end, "create", "serviceaccount", USER, f"--namespace={NAMESPACE}"))
    yield
    for end in ends:
        ask(kubectl(*end, "delete", "serviceaccount", USER, f"--namespace={NAMESPACE}"))
        for kind in ("clusterrole", "clusterrolebinding"):
            made = [f"{kind}/{USER}-{i}" for i in range(4)]
            ask(kubectl(*end, "delete", "--ignore-not-found", *made))


@pytest.mark.parametrize("name", SEEN)
def test_a_mistake_that_can_be_seen_is_one_message_and_changes_nothing(
    dev: Checkout, tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    mistake, key, found = SEEN[name]
    if " user may " in name:
        request.getfixturevalue("user")
    described = environment.settings_of("member3")
    host: dict[str, Json] = {"kubeconfig": HOST_CONFIG, "context": HOST[1], "kind": "karmada-host"}
    lab = Lab(host, [described], {"build": {}}, {}, tmp_path)
    mistake(lab)
    dev.configure(host=lab.host, members=list(lab.members), images=lab.images)
    dev.select()
    before = holds()
    begins = time.monotonic()
    done = dev.run("up", "--yes", "--skip-preview", **lab.variables)
    took = time.monotonic() - begins
    problems = said(done)
    note(PART, tried=f"up: {name}", expected=f"refused, naming {key}", seen=f"{' / '.join(problems)} ({took:.0f} s)")
    refused(done)
    assert any(each.startswith(f"karmada-anp:{key}: ") and found in each for each in problems), done.stdout
    assert len(problems) == (2 if name in TWOFOLD else 1), problems
    assert holds() == before


def said(done: subprocess.CompletedProcess[str]) -> Sequence[str]:
    """The problems that a run told of, each in one line; or else its errors."""
    printed = done.stdout + done.stderr
    found = re.findall(r"^ *- (karmada-anp:.*)$", printed, re.MULTILINE)
    return list(dict.fromkeys(found)) or [
        line.strip() for line in printed.splitlines() if re.match(r" *(error|kubernetes:\S+ .*error): ", line)
    ]


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """It ended with an error, which is no traceback."""
    printed = done.stdout + done.stderr
    assert done.returncode != 0, printed
    assert "Traceback" not in printed, printed
    assert 'File "' not in printed, printed


def holds() -> Mapping[str, Json]:
    """What of ours, and of karmada-agent's and the Cluster's own, the clusters hold."""
    ends = {"host": HOST, "Karmada": KARMADA, **{name: member(name) for name in environment.members()}}
    return {**environment.agent_specs(), **{name: list(environment.ours_in(end)) for name, end in ends.items()}}


# what shows only later


def local() -> dict[str, Json]:
    return {"kubeconfig": HOST_CONFIG, "context": HOST[1], "kind": "karmada-host"}


def corrected(dev: Checkout) -> None:
    """What `up` makes of the right config, whatever there was before."""
    dev.select()
    dev.configure(host=local(), members=[environment.settings_of("member3")], images={"build": {}}, proxy={})
    done = dev.run("up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "member3: reached through Karmada" in done.stdout
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


@pytest.fixture(scope="module")
def first(dev: Checkout, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """The dev stack, up for one member. In the end there is nothing of it, nor of any other."""
    corrected(dev)
    yield dev
    dev.select().destroy()
    assert environment.agent_specs() == before
    assert environment.ours_in(HOST) == []


def test_a_member_that_another_stack_tunnels_to_is_refused_and_nothing_changes(first: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", "second", like=first.stack)
    with namespace(HOST, ELSEWHERE):
        elsewhere = local() | {"namespace": ELSEWHERE}
        second.configure(host=elsewhere, members=[environment.settings_of("member3")], proxy={"exposure": "nodePort"})
        second.select()
        was, begins = holds(), time.monotonic()
        done = second.run("up", "--yes", "--skip-preview")
        tell("a member that another stack tunnels to", "refused, naming members[0].name and that stack", done, begins)
        refused(done)
        assert said(done) == ['karmada-anp:members[0].name: "member3" has the tunnel of the stack "dev" already']
        assert holds() == was
        assert environment.ours_in(HOST, ELSEWHERE) == []


def test_a_second_stack_of_the_same_name_on_the_same_namespaces_is_refused_and_the_first_one_goes_on(
    first: Checkout, tmp_path: Path
) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", first.stack)
    second.configure(host=local(), members=[environment.settings_of("member3")])
    second.select()
    was, begins = holds(), time.monotonic()
    done = second.run("up", "--yes", "--skip-preview")
    tell("a second stack on the same namespaces, of the same name on another backend", "already exists", done, begins)
    refused(done)
    assert re.search(r"proxy-(server|agent)\S*\" already exists", done.stdout), done.stdout
    assert reached()
    second.select().destroy()
    assert reached()
    assert holds() == was
    assert set(first.select().up(refresh=True).summary.resource_changes or {}) == {"same"}


def test_a_port_that_is_taken_on_the_host_network_is_said_and_the_next_up_goes_on(first: Checkout) -> None:
    first.select().destroy()
    with listening_on_the_hosts_node(8088):
        begins = time.monotonic()
        done = first.run("up", "--yes", "--skip-preview")
    tell("port 8088 is taken on the host's node", "said with the port, and the next up goes on", done, begins)
    refused(done)
    assert "cannot bind socket (Address already in use) for [0.0.0.0:8088]" in done.stdout, done.stdout
    corrected(first)


def test_images_that_do_not_exist_are_said_and_a_corrected_up_goes_on(first: Checkout) -> None:
    first.select().destroy()
    images: dict[str, Json] = {each: f"localhost/karmada-anp/proxy-{each}:no-such-tag" for each in ("server", "agent")}
    first.configure(images=images)
    begins = time.monotonic()
    done = first.run("up", "--yes", "--skip-preview")
    tell("images whose tag does not exist", "said with each image, and a corrected up goes on", done, begins)
    refused(done)
    assert "localhost/karmada-anp/proxy-agent:no-such-tag" in done.stdout, done.stdout
    assert "localhost/karmada-anp/proxy-server:no-such-tag" in done.stdout, done.stdout
    corrected(first)


def reached() -> bool:
    """Whether member3 answers through Karmada."""
    try:
        return ask(kubectl(*KARMADA, "get", "--raw", PROXY_PATH.format("member3") + "/readyz")) == "ok"
    except Unavailable:
        return False


def tell(tried: str, expected: str, done: subprocess.CompletedProcess[str], begins: float) -> None:
    """Notes what a run said, shortly: its diagnostics, without the lines that tell of its progress."""
    diagnostics = done.stdout.partition("Diagnostics:")[2].partition("\nOutputs:")[0].partition("\nResources:")[0]
    why = [line.strip() for line in diagnostics.splitlines() if re.search(TELLS, line)]
    seen = f"exit {done.returncode} after {time.monotonic() - begins:.0f} s: {' / '.join(dict.fromkeys(why))[:400]}"
    note(PART, tried=f"up: {tried}", expected=expected, seen=seen)
    print(done.stdout)


@contextmanager
def namespace(end: tuple[str, str], name: str) -> Generator[None]:
    """A namespace, gone in the end."""
    ask(kubectl(*end, "create", "namespace", name))
    try:
        yield
    finally:
        ask(kubectl(*end, "delete", f"namespace/{name}"), 60)


@contextmanager
def listening_on_the_hosts_node(port: int) -> Generator[None]:
    """Something else on a port of the host network."""
    pid = ask(["docker", "inspect", "--format={{.State.Pid}}", "karmada-host-control-plane"]).strip()
    listen = f"import socket, time; s = socket.create_server(('', {port})); print('up', flush=True); time.sleep(900)"
    process = subprocess.Popen(
        ["nsenter", f"--target={pid}", "--net", sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield
    finally:
        process.terminate()
        process.wait(10)
