"""What others do to the objects of a stack that is up, and what `pulumi up --refresh` then does: it mends what is the
stack's own, says who owns what somebody else took over, and overwrites nothing of theirs.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from checks.deployments import args_owners
from clusters.objects import Json, at, entries, items, text
from clusters.programs import output_of
from components.secret_files import CHECKSUM_ANNOTATION
from tests.proof import note
from tests.stack import environment
from tests.stack.checkout_commands import drift
from tests.stack.environment import HOST, KARMADA, NAMESPACE, beside, member
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import answers_itself
from tests.stack.refusals import succeeds
from tools.checkout import UP, Checkout

PART = "Drift"
SOMEBODY = "somebody-else"
OURS = "karmada-anp-beside"
"""The manager of what this stack patches."""

REFRESH = (*UP, "--refresh")
PLAIN, REGISTERED = beside().names
MEMBER = member(PLAIN)
GRANT = f"karmada-anp:{REGISTERED}"
REACHED = f"{PLAIN}: reached through Karmada"
AGENT_ARGS = "/spec/template/spec/containers/0/args"

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

    @property
    def namespace(self) -> str:
        """Where it is, where it is in one."""
        return beside().namespace if self.end == HOST else NAMESPACE

    def kubectl(self, *verb: str) -> list[str]:
        """A command on it."""
        namespace = [f"--namespace={self.namespace}"] if self.namespaced else []
        return kubectl(*self.end, *verb, f"{self.kind}/{self.name}", *namespace)

    def now(self) -> Json:
        """As its API has it; None when it is not there."""
        return next(iter(objects(self.kubectl("get"))), None)

    def at(self, *path: str) -> Json:
        return at(self.now(), *path)


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """A field of an object that somebody else sets; `resource` is the object's name in Pulumi."""

    of: Ours
    resource: str
    field: str
    content: Mapping[str, Json]

    @property
    def identity(self) -> Mapping[str, Json]:
        """The object without any field: who applies it gives back what they have."""
        namespace: Mapping[str, Json] = {"namespace": self.of.namespace} if self.of.namespaced else {}
        live = self.of.now()
        metadata: Json = {"name": self.of.name, **namespace}
        return {"apiVersion": at(live, "apiVersion"), "kind": at(live, "kind"), "metadata": metadata}

    @property
    def manifest(self) -> Mapping[str, Json]:
        return {**self.identity, **self.content}

    @property
    def stands(self) -> bool:
        """Whether the object says what they say."""
        return holds(self.of.now(), self.content)


SERVER_CERT = Ours(end=HOST, kind="secret", name="proxy-server-cert")
GUARD = Ours(end=HOST, kind="secret", name="proxy-guard")
SERVER = Ours(end=HOST, kind="deployment", name="proxy-server")
AGENT_CERT = Ours(end=MEMBER, kind="secret", name="proxy-agent-cert")
AGENT = Ours(end=MEMBER, kind="deployment", name="proxy-agent")
POLICY = Ours(end=MEMBER, kind="networkpolicy", name="proxy-agent")
ROLE = Ours(end=KARMADA, kind="clusterrole", name=GRANT, namespaced=False)
BINDING = Ours(end=KARMADA, kind="clusterrolebinding", name=GRANT, namespaced=False)

KARMADA_AGENT = Ours(end=MEMBER, kind="deployment", name="karmada-agent")
CLUSTER = Ours(end=KARMADA, kind="clusters.cluster.karmada.io", name=PLAIN, namespaced=False)


def every() -> Sequence[Ours]:
    """The objects of ours on the clusters that are here."""
    registered = [ROLE, BINDING] if REGISTERED in beside().joined else []
    return [SERVER_CERT, GUARD, SERVER, AGENT_CERT, AGENT, POLICY, *registered]


@pytest.fixture(scope="module")
def manifest(before: Mapping[str, Json]) -> Json:
    """karmada-agent's Deployment as whoever joined the member would apply it, from before the stack."""
    found = KARMADA_AGENT.now()
    labels = at(found, "metadata", "labels")
    metadata: Json = {"name": KARMADA_AGENT.name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": at(found, "spec")}


@pytest.fixture(scope="module")
def up(manifest: Json, dev: Checkout) -> Iterator[Checkout]:
    """A stack that is up. Afterwards nobody has taken anything over, whatever happened: it can be destroyed."""
    dev.select().up(on_output=print)
    yield dev
    taken = [
        each for each in takeovers() if environment.ours_in(HOST, beside().namespace) and each.of.now() is not None
    ]
    for each in taken:
        applied(each.of.end, each.identity, "--server-side", by())
    if taken:
        print(dev.run(*REFRESH).stdout)


@pytest.fixture(scope="module")
def as_it_was(up: Checkout) -> Mapping[Ours, Json]:
    """What each object says before anybody touched it."""
    return {each: meant(each) for each in every()}


def test_what_is_deleted_or_taken_away_by_hand_is_there_again(up: Checkout, as_it_was: Mapping[Ours, Json]) -> None:
    for each in every():
        output_of(each.kubectl("delete"), 60)
    no_args()
    no_header = ["--type=merge", '--patch={"spec": {"proxyHeader": null}}', f"--field-manager={SOMEBODY}"]
    output_of([*CLUSTER.kubectl("patch"), *no_header])
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
    for name in beside().joined:
        assert answers_itself(name)


def test_a_karmada_agent_that_is_made_again_by_whoever_joined_the_member_gets_its_flags_again(
    up: Checkout, manifest: Json
) -> None:
    was = KARMADA_AGENT.at("metadata", "uid")
    output_of(KARMADA_AGENT.kubectl("delete"), 60)
    applied(MEMBER, manifest, "--server-side=false")
    assert owners_of_args() == []
    done = up.run(*REFRESH)
    judge(
        "karmada-agent's Deployment deleted and applied again by its own manifest",
        "flags again, member reached",
        f"args of {', '.join(owners_of_args())}, {'member reached' if REACHED in done.stdout else 'not reached'}",
    )
    succeeds(done)
    assert KARMADA_AGENT.at("metadata", "uid") != was
    assert owners_of_args() == [OURS]
    assert REACHED in done.stdout


def test_what_somebody_else_took_over_is_left_to_them_and_named(up: Checkout) -> None:
    for each in takeovers():
        applied(each.of.end, each.manifest, "--server-side", "--force-conflicts", by())
    done = up.run(*REFRESH, "--continue-on-error")
    said = done.stdout + done.stderr
    for each in takeovers():
        named = f'conflict with "{SOMEBODY}"' in diagnostics(each.resource, said)
        judge(
            f"{each.field} of {each.of} taken over with force",
            "an error that names the manager; theirs stays",
            f"{'named' if named else 'not named'}, {'theirs stayed' if each.stands else 'overwritten'}",
        )
    assert done.returncode != 0
    for each in takeovers():
        assert f'conflict with "{SOMEBODY}"' in diagnostics(each.resource, said), said
        assert each.field in diagnostics(each.resource, said)
        assert each.stands


def test_karmada_agents_args_that_somebody_else_took_over_are_not_put_back(up: Checkout) -> None:
    # not with server-side apply: kubectl would take over all that it has ever applied
    container: Json = {"name": "karmada-agent", "args": ["--v=3"]}
    theirs: Json = {"spec": {"template": {"spec": {"containers": [container]}}}}
    output_of([*KARMADA_AGENT.kubectl("patch"), "--type=strategic", f"--patch={json.dumps(theirs)}", by()])
    done = up.run(*REFRESH)
    named = f"has args of {SOMEBODY}" in done.stdout + done.stderr
    judge(
        "karmada-agent's args taken over",
        "nothing is changed; the manager is named",
        f"{'named' if named else 'not named'}, args of {', '.join(owners_of_args())}",
    )
    assert done.returncode != 0
    assert named
    assert owners_of_args() == [SOMEBODY]
    # who took them gives them back
    no_args()
    assert owners_of_args() == []


def test_what_they_give_back_is_put_right_and_so_is_what_was_edited_with_kubectl(
    up: Checkout, as_it_was: Mapping[Ours, Json]
) -> None:
    for each in takeovers():
        applied(each.of.end, each.identity, "--server-side", by())
    for each, patch in edits().items():
        output_of([*each.kubectl("patch"), "--type=merge", f"--patch={json.dumps(patch)}"])
        assert meant(each) != as_it_was[each]
    state = up.run("stack", "export").stdout
    looked = drift(up)
    judge("the same, with deploy/run.sh drift", "exit code 1, the state is as it was", told(looked, state, up))
    assert looked.returncode == 1, looked.stdout + looked.stderr
    assert "to update" in looked.stdout
    assert base64.b64encode(b"wrong").decode() not in looked.stdout + looked.stderr
    assert up.run("stack", "export").stdout == state
    done = up.run(*REFRESH)
    for each in edits():
        judge(
            f"{each} edited with kubectl", "put right", "put right" if meant(each) == as_it_was[each] else "not right"
        )
    judge(
        "fields given back by who took them over",
        "the stack's again",
        f"args of {', '.join(owners_of_args())}, header {'set' if header() else 'not set'}",
    )
    succeeds(done)
    assert {each: meant(each) for each in every()} == as_it_was
    assert owners_of_args() == [OURS]
    assert header()
    assert [str(each.of) for each in takeovers() if each.stands] == []
    succeeds(up.run("preview", "--expect-no-changes"))
    succeeds(drift(up))


@pytest.mark.long
def test_a_proxy_url_that_was_cleared_is_said_to_be_karmada_agents(up: Checkout) -> None:
    output_of([*CLUSTER.kubectl("patch"), "--type=merge", '--patch={"spec": {"proxyURL": ""}}', by()])
    done = up.run(*REFRESH)
    said = "rollout restart deployment/karmada-agent" in done.stdout + done.stderr
    judge(
        "the Cluster's proxyURL cleared",
        "said to be karmada-agent's, with the command that mends it",
        "said" if said else "not said",
    )
    assert done.returncode != 0
    assert said, done.stdout + done.stderr
    # as the command does, but without the annotation that it leaves
    output_of(kubectl(*MEMBER, "delete", "pods", "--selector=app=karmada-agent", f"--namespace={NAMESPACE}"), 60)
    again = up.run(*REFRESH)
    succeeds(again)
    assert REACHED in again.stdout


def test_destroy_gives_everything_back(up: Checkout, before: Mapping[str, Json]) -> None:
    up.select().destroy()
    assert environment.agent_specs(beside().joined) == before
    assert environment.ours_in(HOST, beside().namespace) == []
    for end in (KARMADA, *(member(name) for name in beside().joined)):
        assert environment.ours_in(end, site=beside()) == []


def told(looked: subprocess.CompletedProcess[str], state: str, up: Checkout) -> str:
    same = up.run("stack", "export").stdout == state
    return f"exit code {looked.returncode}, the state is {'as it was' if same else 'another'}"


def edits() -> Mapping[Ours, Json]:
    """What somebody does in a hurry, as merge patches."""
    wrong = base64.b64encode(b"wrong").decode()
    found: dict[Ours, Json] = {
        SERVER_CERT: {"data": {"cluster-cert.crt": wrong}},
        GUARD: {"data": {next(iter(entries(GUARD.at("data")))): wrong}},
        SERVER: {"spec": {"replicas": 0}},
        AGENT_CERT: {"data": {"proxy-agent.key": None, "haproxy.cfg": wrong}},
        AGENT: {"spec": {"template": {"metadata": {"annotations": {CHECKSUM_ANNOTATION: "wrong"}}}}},
        POLICY: {"spec": {"policyTypes": ["Egress"]}},
        ROLE: {"rules": []},
        BINDING: {"subjects": []},
    }
    return {each: found[each] for each in every()}


def takeovers() -> Sequence[Takeover]:
    """What somebody else takes over, a field an object. Pulumi skips what depends on one of them: so the Secret and the
    NetworkPolicy are another member's."""
    theirs = base64.b64encode(b"theirs").decode()
    # karmada-agent may go on with it
    wider: Json = {"apiGroups": ["cluster.karmada.io"], "resources": ["clusters"], "verbs": ["get", "list", "update"]}
    found = [
        Takeover(of=AGENT, resource=f"{PLAIN}-proxy-agent", field=".spec.replicas", content={"spec": {"replicas": 2}}),
        Takeover(
            of=CLUSTER,
            resource=f"{PLAIN}-registration-header",
            field=".spec.proxyHeader.Proxy-Authorization",
            content={"spec": {"proxyHeader": {"Proxy-Authorization": "Basic dGhlaXJz"}}},
        ),
    ]
    if REGISTERED not in beside().joined:
        return found
    return [
        *found,
        Takeover(
            of=Ours(end=member(REGISTERED), kind="secret", name="proxy-agent-cert"),
            resource=f"{REGISTERED}-proxy-agent-cert",
            field=".data.ca.crt",
            content={"data": {"ca.crt": theirs}},
        ),
        Takeover(
            of=Ours(end=member(REGISTERED), kind="networkpolicy", name="proxy-agent"),
            resource=f"{REGISTERED}-proxy-agent-policy",
            field=".spec.policyTypes",
            content={"spec": {"policyTypes": ["Egress"]}},
        ),
        Takeover(of=ROLE, resource=f"{REGISTERED}-registration-role", field=".rules", content={"rules": [wider]}),
    ]


def judge(tried: str, expected: str, seen: str) -> None:
    note(PART, tried=tried, expected=expected, seen=seen)


def no_args() -> None:
    """Takes karmada-agent's args away."""
    taken = f'--patch=[{{"op": "remove", "path": "{AGENT_ARGS}"}}]'
    output_of([*KARMADA_AGENT.kubectl("patch"), "--type=json", taken, by()])


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


def diagnostics(resource: str, said: str) -> str:
    """What Pulumi says of one resource in the end."""
    found = re.search(rf"^  \S+ \({re.escape(resource)}\):\n((?:(?:    .*)?\n)+)", said, re.MULTILINE)
    return found[1] if found else ""
