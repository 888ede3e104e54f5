"""Golden states: what a version of this program leaves in a stack's state, as far as a later one must go on from it.

`python -m tests.golden v0.1.0` writes tests/states/v0.1.0.json when that version is released. Per stack it has the
config, and in the form of `pulumi stack export` each resource's URN, the inputs for a change of which its provider
makes it anew, what the state itself is to run when it is deleted, and the outputs that a later `up` reads. No key and
no certificate is in it, and nothing that two runs have differently: what pulumi-tls makes are placeholders.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pulumi.runtime.proto.alias_pb2 import Alias

from clusters.objects import Json, at, entries, items, parse
from components.field_manager import ANNOTATION
from tests.unit.stacks import AFAR, PUBLISHED, configured
from tools.render import program
from tools.render.program import Run
from tools.render.recorded import Path as Keys
from tools.render.recorded import Recorded

STATES = Path(__file__).with_name("states")

STACKS: Mapping[str, tuple[str, Mapping[str, Json]]] = {
    "dev": ("dev", {}),
    "fork": ("fork", {}),
    "prod": ("prod", {}),
    "afar": ("dev", {"members": AFAR, "images": PUBLISHED}),
}
"""By its name here a stack's own name, and the sections that it has beside those of its file."""

IN_A_CLUSTER: Sequence[Keys] = (("metadata", "name"), ("metadata", "namespace"))
OF_A_PATCH: Keys = ("metadata", "annotations", ANNOTATION)
REPLACING: Mapping[str, Sequence[Keys]] = {
    "pulumi:providers:kubernetes": [("clusterIdentifier",)],
    "kubernetes:apps/v1:Deployment": [("spec", "selector")],
    "kubernetes:core/v1:Secret": [("type",)],
    "kubernetes:core/v1:Service": [("spec", "clusterIP")],
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": [("roleRef",)],
    "tls:index/privateKey:PrivateKey": [("algorithm",), ("ecdsaCurve",)],
    "tls:index/certRequest:CertRequest": [("subject",), ("dnsNames",), ("ipAddresses",)],
    "tls:index/selfSignedCert:SelfSignedCert": [
        ("subject",),
        ("allowedUses",),
        ("validityPeriodHours",),
        ("isCaCertificate",),
        ("setSubjectKeyId",),
    ],
    "tls:index/locallySignedCert:LocallySignedCert": [("allowedUses",), ("validityPeriodHours",)],
}
"""Inputs by which providers replace, beside IN_A_CLUSTER's and OF_A_PATCH. A patch under another field manager would
leave what it owned. Source: pulumi-kubernetes, provider/pkg/provider/diff.go; terraform-provider-tls,
internal/provider."""

READ = ("settings", "certificateEnds", "monitored")
"""Outputs of a Member that checks/preflight/stored_members.py reads from the state."""


def golden(stack: str) -> Mapping[str, Json]:
    """What today's program leaves in one of STACKS."""
    name, sections = STACKS[stack]
    config = configured(name, **sections)
    ran = run(stack, config)
    resources: list[Json] = [
        {"urn": urn, "type": each.type, **state(each)}
        for urn, each in sorted((own_urn(ran, each), each) for each in ran.resources.values())
    ]
    return {"config": config, "deployment": {"resources": resources}}


def run(stack: str, config: Mapping[str, Json]) -> Run:
    """A run of today's program on a stack with a config, in which keys and certificates are placeholders."""
    return program.run(STACKS[stack][0], config)


def read(version: str, stack: str) -> Mapping[str, Json]:
    """What a version has left there."""
    return entries(parse((STATES / f"{version}.json").read_text()), stack)


def resources(of: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    """A golden state's resources."""
    return [entries(each) for each in items(of, "deployment", "resources")]


def state(of: Recorded) -> dict[str, Json]:
    """What a golden state says of a resource: `replacing`, `deletes` and `outputs`, each where there are any."""
    keys = [*(IN_A_CLUSTER if of.is_kubernetes else ()), *REPLACING.get(of.type, ())]
    keys += [OF_A_PATCH] if of.type.endswith("Patch") else []
    keys += [tuple(each.split(".")) for each in of.replace_on_changes if "[" not in each]
    replacing: dict[str, Json] = {".".join(each): at(of.inputs, *each) for each in keys}
    replacing["provider"] = of.provider
    deletes: dict[str, Json] = {}
    if "delete" in of.inputs:
        # a Command that is replaced is deleted, with all that it then takes away
        replacing["triggers"] = at(of.inputs, "triggers")
        deletes = {each: of.inputs[each] for each in ("delete", "stdin")}
    outputs = {each: of.outputs[each] for each in READ if of.is_component and each in of.outputs}
    found: dict[str, Json] = {
        "replacing": {key: each for key, each in replacing.items() if each},
        "deletes": deletes,
        "outputs": outputs,
    }
    return {key: each for key, each in found.items() if each}


def own_urn(ran: Run, of: Recorded) -> str:
    """A resource's URN as an engine has it, with the types of all that it is in; Pulumi's mocks name but one."""
    return urns(ran, of)[0]


def declared(ran: Run) -> Mapping[str, Recorded]:
    """A run's resources by each URN that they have or take over."""
    return {urn: each for each in ran.resources.values() for urn in urns(ran, each)}


def urns(ran: Run, of: Recorded) -> Sequence[str]:
    """Its own URN, and those by which its aliases, and its parents', take over a resource of an earlier version."""
    head = ran.stack.urn.split("pulumi:pulumi:Stack", 1)[0]
    return [*(head + each for each in _places(ran, of)), *(each.urn for each in of.aliases if each.urn)]


def _places(ran: Run, of: Recorded) -> Sequence[str]:
    """What is behind a URN's stack and project: the resource's own first."""
    specs = [each.spec for each in of.aliases if not each.urn]
    return [
        f"{above}{each.type or of.type}::{each.name or of.name}"
        for each in [Alias.Spec(), *specs]
        for above in _above(ran, "" if each.noParent else each.parentUrn or of.parent)
    ]


def _above(ran: Run, parent: str) -> Sequence[str]:
    """The types of a parent and of all that it is in; of the stack itself none. One that only an alias names, and that
    is gone, has them in its URN."""
    found = ran.resources.get(parent)
    if found:
        return [f"{each.split('::')[0]}$" for each in _places(ran, found)]
    types = parent.split("::")[2].removeprefix("pulumi:pulumi:Stack").removeprefix("$") if parent else ""
    return [f"{types}$" if types else ""]


def write(version: str) -> Path:
    """Writes what today's program leaves, a line a resource."""
    file = STATES / f"{version}.json"
    found = [f"{json.dumps(stack)}: {_lines(golden(stack))}" for stack in STACKS]
    file.write_text("{\n" + ",\n".join(found) + "\n}\n")
    return file


def _lines(of: Mapping[str, Json]) -> str:
    listed = ",\n".join(json.dumps(each) for each in resources(of))
    return f'{{"config": {json.dumps(of["config"])}, "deployment": {{"resources": [\n{listed}\n]}}}}'


if __name__ == "__main__":
    print(write(sys.argv[1]))
