"""What is deleted or taken away by hand while a stack is up, and that `pulumi up --refresh` mends it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import TypeAlias

import pytest

from answers import Json, at, entries, items, text
from preflight import args_owners
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, NAMESPACE, REGISTERED, member, through_karmada
from tools.checkout import Checkout
from workstation import ask, kubectl, objects

pytestmark = pytest.mark.long

PART = "Drift"
SOMEBODY = "somebody-else"
OURS = "karmada-anp-dev"
"""The manager of what this stack patches."""

REFRESH = ("up", "--yes", "--skip-preview", "--refresh")
MEMBER3 = member("member3")
GRANT = f"karmada-anp:{REGISTERED}"
AGENT_ARGS = "/spec/template/spec/containers/0/args"

Done: TypeAlias = "CompletedProcess[str]"
End: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """One of the stack's objects."""

    end: End
    kind: str
    name: str
    namespaced: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.end[1]}"

    def kubectl(self, *verb: str) -> list[str]:
        """A command on it."""
        namespace = [f"--namespace={NAMESPACE}"] if self.namespaced else []
        return kubectl(*self.end, *verb, f"{self.kind}/{self.name}", *namespace)

    def now(self) -> Json:
        """As its API has it; None when it is not there."""
        return next(iter(objects(self.kubectl("get"))), None)

    def at(self, *path: str) -> Json:
        return at(self.now(), *path)


SERVER_CERT = Ours(end=HOST, kind="secret", name="proxy-server-cert")
GUARD = Ours(end=HOST, kind="secret", name="proxy-guard")
SERVER = Ours(end=HOST, kind="deployment", name="proxy-server")
AGENT_CERT = Ours(end=MEMBER3, kind="secret", name="proxy-agent-cert")
AGENT = Ours(end=MEMBER3, kind="deployment", name="proxy-agent")
POLICY = Ours(end=MEMBER3, kind="networkpolicy", name="proxy-agent")
ROLE = Ours(end=KARMADA, kind="clusterrole", name=GRANT, namespaced=False)
BINDING = Ours(end=KARMADA, kind="clusterrolebinding", name=GRANT, namespaced=False)

KARMADA_AGENT = Ours(end=MEMBER3, kind="deployment", name="karmada-agent")
CLUSTER = Ours(end=KARMADA, kind="clusters.cluster.karmada.io", name="member3", namespaced=False)


def every() -> Sequence[Ours]:
    """The objects of ours on the clusters that are here."""
    registered = [ROLE, BINDING] if REGISTERED in environment.members() else []
    return [SERVER_CERT, GUARD, SERVER, AGENT_CERT, AGENT, POLICY, *registered]


@pytest.fixture(scope="module")
def manifest(before: Mapping[str, Json]) -> Json:
    """karmada-agent's Deployment as whoever joined the member would apply it, from before the stack."""
    found = KARMADA_AGENT.now()
    labels = at(found, "metadata", "labels")
    metadata: Json = {"name": KARMADA_AGENT.name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": at(found, "spec")}


@pytest.fixture(scope="module")
def up(manifest: Json, dev: Checkout) -> Checkout:
    """A stack that is up."""
    dev.select().up(on_output=print)
    return dev


@pytest.fixture(scope="module")
def as_it_was(up: Checkout) -> Mapping[Ours, Json]:
    """What each object says before anybody touched it."""
    return {each: meant(each) for each in every()}


def test_what_is_deleted_or_taken_away_by_hand_is_there_again(up: Checkout, as_it_was: Mapping[Ours, Json]) -> None:
    for each in every():
        ask(each.kubectl("delete"), 60)
    taken = f'--patch=[{{"op": "remove", "path": "{AGENT_ARGS}"}}]'
    ask([*KARMADA_AGENT.kubectl("patch"), "--type=json", taken, f"--field-manager={SOMEBODY}"])
    no_header = ["--type=merge", '--patch={"spec": {"proxyHeader": null}}', f"--field-manager={SOMEBODY}"]
    ask([*CLUSTER.kubectl("patch"), *no_header])
    assert CLUSTER.at("spec", "proxyHeader") is None

    done = up.run(*REFRESH)
    for each in every():
        judge(f"{each} deleted", "there again, as it was", "as it was" if meant(each) == as_it_was[each] else "not so")
    judge("karmada-agent's args removed", f"args of {OURS}", f"args of {', '.join(owners_of_args())}")
    judge("the Cluster's proxyHeader cleared", "set again", "set again" if header() else "not set")
    succeeds(done)
    assert {each: meant(each) for each in every()} == as_it_was
    assert owners_of_args() == [OURS]
    assert header()
    for name in environment.members():
        assert f"{name}-control-plane" in ask([*through_karmada(name), "get", "nodes", "--output=name"])


def test_a_karmada_agent_that_is_made_again_by_whoever_joined_the_member_gets_its_flags_again(
    up: Checkout, manifest: Json
) -> None:
    was = KARMADA_AGENT.at("metadata", "uid")
    ask(KARMADA_AGENT.kubectl("delete"), 60)
    applied(MEMBER3, manifest, "--server-side=false")
    assert owners_of_args() == []
    done = up.run(*REFRESH)
    judge(
        "karmada-agent's Deployment deleted and applied again by its own manifest",
        "flags again, member reached",
        f"args of {', '.join(owners_of_args())}, "
        f"{'member reached' if 'member3: reached through Karmada' in done.stdout else 'not reached'}",
    )
    succeeds(done)
    assert KARMADA_AGENT.at("metadata", "uid") != was
    assert owners_of_args() == [OURS]
    assert "member3: reached through Karmada" in done.stdout


def judge(tried: str, expected: str, seen: str) -> None:
    note(PART, tried=tried, expected=expected, seen=seen)


def by() -> str:
    return f"--field-manager={SOMEBODY}"


def applied(end: End, manifest: Json, *options: str) -> None:
    """kubectl apply."""
    command = kubectl(*end, "apply", "--filename=-", *options)
    done = subprocess.run(command, input=json.dumps(manifest), text=True, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def meant(each: Ours) -> Json:
    """What an object says, without what its API adds."""
    return {key: value for key, value in entries(each.now()).items() if key not in ("metadata", "status")}


def holds(live: Json, wanted: Json) -> bool:
    """Whether something has all that is wanted."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(holds(live.get(key), value) for key, value in wanted.items())
    return live == wanted


def owners_of_args() -> Sequence[str]:
    """Who owns karmada-agent's args: nobody where it has none."""
    found = objects([*KARMADA_AGENT.kubectl("get"), "--show-managed-fields"])[0]
    container = items(found, "spec", "template", "spec", "containers")[0]
    return sorted(args_owners(found, "karmada-agent")) if at(container, "args") else []


def header() -> str:
    """What the Cluster object has for the guard."""
    return text(CLUSTER.at("spec", "proxyHeader"), "Proxy-Authorization")


def succeeds(done: Done) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
