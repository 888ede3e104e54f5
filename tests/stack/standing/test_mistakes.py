"""Wrong configurations and environments that the config's rules or preflight see, on real clusters: one message each,
and nothing changes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from clusters.objects import Json
from clusters.workstation import ask
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, HOST_CONFIG, MEMBERS_CONFIG, NAMESPACE, member
from tests.stack.kubectl import kubectl
from tests.stack.refusals import holds, local, refused, said
from tools.checkout import Checkout
from tools.render import issuing

pytestmark = pytest.mark.long

PART = "Mistakes"
NOBODY = "https://127.0.0.1:1"
"""An address where nobody listens."""

USER = "karmada-anp-mistaken"


class Lab(NamedTuple):
    """Where a mistake is made: a stack's config, the variables of its run, and a directory of its own."""

    host: dict[str, Json]
    members: dict[str, dict[str, Json]]
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
    for each in lab.members.values():
        each["kubeconfig"] = path


def expired() -> Mapping[str, str]:
    """A client certificate whose time is over, of an authority that nobody trusts."""
    key = issuing.private_key_pem()
    inputs: dict[str, Json] = {
        "privateKeyPem": key,
        "subject": {"commonName": "kubernetes-admin"},
        "allowedUses": ["digital_signature", "client_auth"],
        "validityPeriodHours": 1,
    }
    certificate, _ = issuing.self_signed(inputs, datetime.now(UTC) - timedelta(days=1))
    return {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}


def encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def of_user(end: tuple[str, str]) -> Mapping[str, str]:
    """A token of the ServiceAccount of these tests in a cluster, for ten minutes."""
    return {"token": ask(kubectl(*end, "create", "token", USER, f"--namespace={NAMESPACE}", "--duration=10m")).strip()}


def swapped(lab: Lab) -> None:
    everywhere(lab)
    lab.host["context"], lab.members["member3"]["context"] = "member3", "karmada-host"
    del lab.members["member3"]["kind"], lab.host["kind"]
    lab.host["address"], lab.members["member3"]["apiEndpoint"] = "192.0.2.1", "https://192.0.2.2:6443"


def karmada_is_host(lab: Lab) -> None:
    everywhere(lab)
    lab.host["karmadaContext"] = "karmada-host"


def karmada_is_member(lab: Lab) -> None:
    everywhere(lab)
    lab.host["karmadaContext"] = "member3"
    lab.members["member3"]["context"] = "member3"
    # by its path it is another kubeconfig, so that config.py alone does not see it
    lab.members["member3"]["kubeconfig"] = MEMBERS_CONFIG


def another_member(lab: Lab) -> None:
    if "member4" not in environment.members():
        pytest.skip("there is one member only")
    lab.members["member3"] |= {"context": "member4", "registered": True, "kind": "member4"}


def no_such_namespace(lab: Lab) -> None:
    lab.host["namespace"] = "karmada-sytem"


def no_such_namespace_in_member(lab: Lab) -> None:
    lab.members["member3"]["namespace"] = "karmada-sytem"


def no_such_agent(lab: Lab) -> None:
    lab.members["member3"]["agent"] = {"deployment": "karmada-agnet"}


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
    for each in lab.members.values():
        each.pop("kind")
        each["apiEndpoint"] = "https://192.0.2.2:6443"


def no_engine(lab: Lab) -> None:
    lab.variables["DOCKER_HOST"] = f"unix://{lab.directory}/nowhere.sock"
    no_kind_clusters(lab)


def no_engine_for_kind(lab: Lab) -> None:
    lab.variables["DOCKER_HOST"] = f"unix://{lab.directory}/nowhere.sock"
    lab.members["member3"].pop("kind")
    lab.members["member3"]["apiEndpoint"] = "https://192.0.2.2:6443"


def no_kind(lab: Lab) -> None:
    lab.members["member3"]["kind"] = "member33"


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
        "members.member3.context",
        '"member4" is what Karmada knows as "member4"',
    ),
    "the host has no such namespace": (
        no_such_namespace,
        "host.namespace",
        'there is no namespace "karmada-sytem" in karmada-host',
    ),
    "a member has no such namespace": (
        no_such_namespace_in_member,
        "members.member3space",
        'there is no namespace "karmada-sytem" in member3',
    ),
    "karmada-agent has another name": (
        no_such_agent,
        "members.member3.agent.deployment",
        'there is no Deployment "karmada-agnet" in namespace "karmada-system" of member3',
    ),
    "nobody listens at the host's API": (unreachable("karmada-host"), "host.context", "127.0.0.1:1 was refused"),
    "nobody listens at the Karmada API": (
        unreachable("karmada-apiserver"),
        "host.karmadaContext",
        "127.0.0.1:1 was refused",
    ),
    "nobody listens at a member's API": (unreachable("member3"), "members.member3.context", "127.0.0.1:1 was refused"),
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
        "members.member3.context",
        'the API of "member3" does not accept the credentials, which may have expired',
    ),
    "the host's user may nothing": (nobody_in(HOST), "host.context", 'the user of "karmada-host" may not even ask'),
    "a member's user may nothing": (
        nobody_in(member("member3")),
        "members.member3.context",
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
        "members.member3.context",
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
        "members.member3.kind",
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


@pytest.fixture(scope="module", autouse=True)
def as_it_was(dev: Checkout) -> Iterator[None]:
    """The stack's config is its own again in the end."""
    file = dev.directory / f"Pulumi.{dev.stack}.yaml"
    content = file.read_text()
    yield
    file.write_text(content)


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
    lab = Lab(local(), environment.settings_of("member3"), {"build": {}}, {}, tmp_path)
    mistake(lab)
    dev.configure(host=lab.host, members=lab.members, images=lab.images)
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
