"""A member's whole life by the real karmadactl: `register`, with and without `--proxy-server-address`, `up`, and
`unregister`, after it has left the stack and before.

Skipped where there is no karmadactl. Of what `karmadactl init` makes for registrations the control plane has meanwhile
what it lacks; in the end the member is joined as it was before.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import pytest
import yaml

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, items, text
from clusters.programs import output_of
from components.anp import EXECUTION_SPACE
from tests.proof import note
from tests.stack import environment
from tests.stack.delivered import in_member, proxy_url, works
from tests.stack.environment import HOST_CONFIG, KARMADA, MEMBERS_CONFIG, NAMESPACE, REGISTERED, SITE, member
from tests.stack.kubeconfigs import seen
from tests.stack.kubectl import apply, kubectl, manifest, objects
from tests.stack.refusals import succeeds
from tools.checkout import DESTROY, UP, Checkout

pytestmark = pytest.mark.long

PART = "Real parts"
SECONDS = 150

INIT = """
- {kind: ClusterRole, name: "system:karmada:agent-rbac-generator",
   rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]}
- {kind: ClusterRoleBinding, name: "system:karmada:agent-rbac-generator", role: "system:karmada:agent-rbac-generator",
   subject: {kind: User, name: "system:karmada:agent:rbac-generator"}}
- {kind: ClusterRoleBinding, name: "system:karmada:agent-bootstrap", role: "system:node-bootstrapper",
   subject: {kind: Group, name: "system:bootstrappers:karmada:default-cluster-token"}}
- {kind: ClusterRole, name: "system:karmada:certificatesigningrequest:autoapprover",
   rules: [{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/clusteragent], verbs: [create]}]}
- {kind: ClusterRoleBinding, name: "system:karmada:agent-autoapprove-bootstrap",
   role: "system:karmada:certificatesigningrequest:autoapprover",
   subject: {kind: Group, name: "system:bootstrappers:karmada:default-cluster-token"}}
- {kind: Role, name: "kubeadm:bootstrap-signer-clusterinfo", namespace: kube-public,
   rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [cluster-info], verbs: [get]}]}
- {kind: RoleBinding, name: "kubeadm:bootstrap-signer-clusterinfo", namespace: kube-public,
   role: "kubeadm:bootstrap-signer-clusterinfo", subject: {kind: User, name: "system:anonymous"}}
"""
"""What `karmadactl init` makes beside cluster-info: pkg/karmadactl/cmdinit of Karmada 1.18."""


def init() -> Sequence[Json]:
    """The same as objects of the Karmada API, with cluster-info."""
    made: list[Json] = []
    for each in yaml.safe_load(INIT):
        group = "rbac.authorization.k8s.io"
        metadata = {key: each[key] for key in ("name", "namespace") if key in each}
        given = {"rules": each.get("rules")}
        if "role" in each:
            role = {"apiGroup": group, "kind": each["kind"].removesuffix("Binding"), "name": each["role"]}
            given = {"roleRef": role, "subjects": [{"apiGroup": group, **each["subject"]}]}
        made.append({"apiVersion": f"{group}/v1", "kind": each["kind"], "metadata": metadata, **given})
    cluster, _ = seen(KARMADA)
    kubeconfig: Json = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": cluster}]}
    info: Json = {"name": "cluster-info", "namespace": "kube-public"}
    data: Json = {"kubeconfig": yaml.safe_dump(kubeconfig)}
    return [*made, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": info, "data": data}]


OF_AGENT = [
    (KARMADA, "", "clusterroles,clusterrolebindings"),
    (KARMADA, EXECUTION_SPACE.format(REGISTERED), "roles,rolebindings"),
    (KARMADA, "karmada-cluster", "roles,rolebindings"),
    (member(REGISTERED), "", "clusterrolebindings"),
    (member(REGISTERED), NAMESPACE, "serviceaccounts,secrets,deployments"),
]
"""Where what belongs to the member's karmada-agent is, which `karmadactl unregister` deletes."""


def agents_objects() -> Sequence[tuple[tuple[str, str], Json]]:
    """All of it, as it could be applied again."""
    found: list[tuple[tuple[str, str], Json]] = []
    for end, namespace, kinds in OF_AGENT:
        listed = objects(kubectl(*end, "get", kinds, *([f"--namespace={namespace}"] if namespace else [])))
        found += [(end, manifest(each)) for each in listed if _of_agent(text(each, "metadata", "name"))]
    return found


def _of_agent(name: str) -> bool:
    return name.startswith((f"system:karmada:{REGISTERED}:agent", "karmada-agent", "karmada-kubeconfig"))


@pytest.fixture(scope="module")
def image(before: Mapping[str, Json]) -> Iterator[str]:
    """karmada-agent's, of a member that may be unregistered: in the end it is joined as it was. The control plane has
    meanwhile what a registration needs."""
    if not shutil.which("karmadactl"):
        pytest.skip("karmadactl is not on PATH")
    if REGISTERED not in SITE.joined:
        pytest.skip(f"there is no member {REGISTERED}")
    kept = agents_objects()
    agent = items(before[f"{REGISTERED} karmada-agent"], "template", "spec", "containers")[0]
    with ExitStack() as undone:
        undone.callback(environment.heard_of, REGISTERED)
        for end, each in reversed(kept):
            undone.callback(apply, kubectl(*end), each)
        space = EXECUTION_SPACE.format(REGISTERED)
        undone.callback(
            apply, kubectl(*KARMADA), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
        )
        undone.callback(retry, lambda: _gone("namespaces", space), SECONDS, 1)
        undone.callback(unregister)
        for each in init():
            namespace = text(each, "metadata", "namespace")
            named = [text(each, "kind"), text(each, "metadata", "name")]
            where = [f"--namespace={namespace}"] if namespace else []
            if not objects(kubectl(*KARMADA, "get", *named, *where)):
                apply(kubectl(*KARMADA), each)
                undone.callback(output_of, kubectl(*KARMADA, "delete", *named, *where))
        yield text(agent, "image")


def _gone(kind: str, name: str) -> None:
    if objects(kubectl(*KARMADA, "get", kind, name)):
        raise Unavailable(f"{name} is still there")


def unregister() -> None:
    """Of a member that is registered; else nothing."""
    if REGISTERED in SITE.joined:
        ends = {
            "karmada-config": os.path.expanduser(HOST_CONFIG),
            "karmada-context": KARMADA[1],
            "cluster-kubeconfig": os.path.expanduser(MEMBERS_CONFIG),
            "cluster-context": REGISTERED,
        }
        flags = [f"--{key}={value}" for key, value in ends.items()]
        output_of(["karmadactl", "unregister", REGISTERED, *flags], SECONDS)


def register(image: str, *flags: str) -> None:
    """By a token, as the command that `karmadactl token create` prints."""
    ends = [f"--kubeconfig={os.path.expanduser(HOST_CONFIG)}", f"--karmada-context={KARMADA[1]}"]
    printed = output_of(["karmadactl", "token", "create", *ends, "--ttl=10m", "--print-register-command"])
    of = [f"--kubeconfig={os.path.expanduser(MEMBERS_CONFIG)}", f"--context={REGISTERED}"]
    named = [f"--cluster-name={REGISTERED}", f"--karmada-agent-image={image}"]
    output_of([*printed.split(), *of, *named, *flags], SECONDS)
    environment.heard_of(REGISTERED)


ADDRESS = "--proxy-server-address"


@pytest.mark.parametrize("with_address", [False, True], ids=["without an address", "with the tunnel's address"])
def test_a_member_is_registered_reached_and_unregistered(dev: Checkout, image: str, with_address: bool) -> None:
    plain = environment.settings_of(SITE.plain)
    both = {**plain, REGISTERED: {"access": "karmada", "kind": REGISTERED}}
    dev.configure(members=plain)
    dev.select().up()
    url: str = dev.select().outputs()["entry"].value["proxyUrl"]
    flags = [f"{ADDRESS}={url}"] if with_address else []
    unregister()
    register(image, *flags)
    dev.configure(members=both)
    up = dev.run(*UP)
    dev.configure(members=plain)
    leaves = dev.run(*UP)
    left = [*in_member(REGISTERED), *works(REGISTERED)]
    reports = proxy_url(REGISTERED)
    unregister()
    register(image, *flags)
    dev.configure(members=both)
    again = dev.run(*UP)
    unregister()
    dev.configure(members=plain)
    gone = dev.run(*UP)
    nothing = dev.run(*UP, "--expect-no-changes")
    runs = [up, leaves, again, gone, nothing]
    note(
        PART,
        tried=f"karmadactl register {' '.join(flags)}: up, leaves, unregister; register, up, unregister, leaves",
        expected="each ends well, nothing is left",
        seen=f"exit {[done.returncode for done in runs]}; left: {left or 'nothing'}; proxyURL: {reports or 'none'}",
    )
    for done in runs:
        succeeds(done)
    for done in (up, again):
        assert f"{REGISTERED}: reached through Karmada" in done.stdout
    assert left == []
    # a flag that the stack has not set stays
    assert reports == (url if with_address else "")
    register(image)


def test_a_member_that_is_gone_leaves_nothing_in_karmada_or_beside(dev: Checkout, image: str) -> None:
    plain = environment.settings_of(SITE.plain)
    dev.configure(members={**plain, REGISTERED: {"access": "karmada", "kind": REGISTERED}})
    succeeds(dev.run(*UP))
    unregister()
    dev.configure(members=plain)
    succeeds(dev.run(*DESTROY))
    register(image)
    for end in (environment.HOST, KARMADA, member(SITE.plain)):
        assert environment.ours_in(end) == []
    assert [*in_member(REGISTERED), *works(REGISTERED)] == []
