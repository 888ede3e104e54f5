"""Mistakes that only a real cluster, or a real repository, shows as they are: one message each, and nothing changes.

The config's rules, and what preflight makes of each answer, are in tests/unit.
"""

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
from clusters.programs import output_of
from tests import issuing
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, HOST_CONFIG, MEMBERS_CONFIG, NAMESPACE
from tests.stack.kubectl import kubectl
from tests.stack.refusals import holds, local, refused, said
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long

USER = "karmada-anp-mistaken"
RIGHTS = (
    "get,list,watch namespaces,deployments.apps,nodes,clusterroles.rbac.authorization.k8s.io",
    "create,patch,delete deployments.apps",
    "list,watch,patch,delete secrets",
)
"""What a user may do who may all but create Secrets."""


class Lab(NamedTuple):
    """Where a mistake is made: a stack's config, and a directory of its own."""

    host: dict[str, Json]
    member: dict[str, Json]
    images: dict[str, Json]
    directory: Path


Mistake = Callable[[Lab], None]


def kubeconfig(lab: Lab, context: str = "", user: Mapping[str, str] | None = None, server: str = "") -> None:
    """Gives the stack a kubeconfig of all clusters of the lab, in which a context has another user or server."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for path in (HOST_CONFIG, MEMBERS_CONFIG):
        found = yaml.safe_load(Path(os.path.expanduser(path)).read_text())
        for kind in ("clusters", "users", "contexts"):
            merged[kind] += found[kind]
    for each in merged["contexts"]:
        if each["name"] == context and user:
            merged["users"].append({"name": "x", "user": user})
            each["context"]["user"] = "x"
        if each["name"] == context and server:
            cluster = next(one for one in merged["clusters"] if one["name"] == each["context"]["cluster"])
            cluster["cluster"]["server"] = server
    file = lab.directory / "kubeconfig"
    file.touch(0o600)
    file.write_text(json.dumps(merged))
    lab.host["kubeconfig"] = lab.member["kubeconfig"] = str(file)


def swapped(lab: Lab) -> None:
    kubeconfig(lab)
    lab.host["context"], lab.member["context"] = "member3", "karmada-host"
    del lab.member["kind"], lab.host["kind"]
    lab.host["address"], lab.member["apiEndpoint"] = "192.0.2.1", "https://192.0.2.2:6443"


def nobody_listens(lab: Lab) -> None:
    kubeconfig(lab, "member3", server="https://127.0.0.1:1")


def expired(lab: Lab) -> None:
    """A client certificate whose time is over, of an authority that nobody trusts."""
    key = issuing.private_key_pem()
    inputs: dict[str, Json] = {
        "privateKeyPem": key,
        "subject": {"commonName": "kubernetes-admin"},
        "allowedUses": ["digital_signature", "client_auth"],
        "validityPeriodHours": 1,
    }
    certificate, _ = issuing.self_signed(inputs, datetime.now(UTC) - timedelta(days=1))
    encoded = [base64.b64encode(each.encode()).decode() for each in (certificate, key)]
    kubeconfig(lab, HOST[1], dict(zip(("client-certificate-data", "client-key-data"), encoded, strict=True)))


def no_right(lab: Lab) -> None:
    """A token of a ServiceAccount that lacks one, for ten minutes."""
    token = output_of(kubectl(*HOST, "create", "token", USER, f"--namespace={NAMESPACE}", "--duration=10m")).strip()
    kubeconfig(lab, HOST[1], {"token": token})


def another_commit(lab: Lab) -> None:
    lab.images["build"] = {"ref": "v0.36.0", "commit": "deadbeef" * 5}


SEEN: Mapping[str, tuple[Mistake, str, str]] = {
    "the host's and a member's contexts are swapped": (
        swapped,
        "host.context",
        '"member3" is what Karmada knows as the member "member3"',
    ),
    "nobody listens at the only member's API": (nobody_listens, "away.most", "Connection refused"),
    "the host's credentials have expired": (
        expired,
        "host.context",
        'the API of "karmada-host" does not accept the credentials, which may have expired',
    ),
    "the host's user may all but create Secrets": (
        no_right,
        "host.context",
        'the user of "karmada-host" may not create secrets in namespace "karmada-system"',
    ),
    "the commit is not what the ref is": (
        another_commit,
        "images.build",
        "v0.36.0 of https://github.com/kubernetes-sigs/apiserver-network-proxy: ",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def as_it_was(dev: Checkout) -> Iterator[None]:
    """The stack's config is its own again in the end."""
    file = dev.directory / f"Pulumi.{dev.stack}.yaml"
    content = file.read_text()
    yield
    file.write_text(content)


@pytest.fixture(scope="module", autouse=True)
def user(as_it_was: None) -> Iterator[None]:
    """A ServiceAccount with those rights in the host cluster."""
    output_of(kubectl(*HOST, "create", "serviceaccount", USER, f"--namespace={NAMESPACE}"))
    names = [f"{USER}-{i}" for i in range(len(RIGHTS))]
    for name, right in zip(names, RIGHTS, strict=True):
        verbs, resources = right.split(" ")
        output_of(kubectl(*HOST, "create", "clusterrole", name, f"--verb={verbs}", f"--resource={resources}"))
        subject = f"--serviceaccount={NAMESPACE}:{USER}"
        output_of(kubectl(*HOST, "create", "clusterrolebinding", name, f"--clusterrole={name}", subject))
    yield
    output_of(kubectl(*HOST, "delete", "serviceaccount", USER, f"--namespace={NAMESPACE}"))
    output_of(kubectl(*HOST, "delete", "clusterrole,clusterrolebinding", *names))


@pytest.mark.parametrize("name", SEEN)
def test_a_mistake_that_can_be_seen_is_one_message_and_changes_nothing(
    dev: Checkout, tmp_path: Path, name: str
) -> None:
    mistake, key, found = SEEN[name]
    lab = Lab(local(), environment.settings_of("member3")["member3"], {"build": {}}, tmp_path)
    mistake(lab)
    dev.configure(host=lab.host, members={"member3": lab.member}, images=lab.images)
    dev.select()
    before, begins = holds(), time.monotonic()
    done = dev.run(*UP)
    problems, took = said(done), time.monotonic() - begins
    note(
        "Mistakes",
        tried=f"up: {name}",
        expected=f"refused, naming {key}",
        seen=f"{' / '.join(problems)} ({took:.0f} s)",
    )
    refused(done)
    assert any(each.startswith(f"karmada-anp:{key}: ") and found in each for each in problems), done.stdout
    assert len(problems) == (2 if mistake is swapped else 1), problems
    assert holds() == before
