"""Reads what a run of the program made: pods, Secrets, what comes before what."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Mapping
from typing import Any, cast

from clusters.objects import Json, entries, items, text
from components.secret_files import CHECKSUM_ANNOTATION
from tests.unit.stacks import short
from tools.render.program import Run
from tools.render.recorded import Recorded


def pods(run: Run) -> dict[str, Json]:
    """The pod template of each Deployment that the program makes, by its resource's name."""
    return {
        each.name: entries(each.inputs, "spec", "template")
        for each in run.resources.values()
        if each.type == "kubernetes:apps/v1:Deployment"
    }


def agents(run: Run) -> dict[str, Recorded]:
    """The Deployment of proxy-agent in each member, by its resource's name."""
    found = {each.name: each for each in run.resources.values() if each.type == "kubernetes:apps/v1:Deployment"}
    return {name: each for name, each in found.items() if name != "proxy-server"}


def containers(template: Json) -> dict[str, Json]:
    """The containers of a pod template by name."""
    return {text(each, "name"): each for each in items(template, "spec", "containers")}


def arguments(template: Json, container: str) -> dict[str, str]:
    """A container's arguments: each flag with its value, or with nothing. No flag may be there twice."""
    pairs = [str(each).removeprefix("--").partition("=") for each in items(containers(template)[container], "args")]
    found = {flag: value for flag, _, value in pairs}
    assert len(found) == len(pairs)
    return found


def flags(run: Run, member: str) -> dict[str, str]:
    """What karmada-agent of a member is given."""
    patch = run.the("DeploymentPatch", f"{member}-karmada-agent")
    return arguments(entries(patch.inputs, "spec", "template"), "karmada-agent")


def checksum(run: Run, deployment: str) -> str:
    """The checksum in a Deployment's pod template."""
    path = ("spec", "template", "metadata", "annotations", CHECKSUM_ANNOTATION)
    return text(run.the("Deployment", deployment).inputs, *path)


def files(run: Run, secret: str) -> dict[str, str]:
    """The files of a Secret, by name."""
    data = entries(run.the("Secret", secret).inputs, "data")
    return {file: base64.b64decode(str(content)).decode() for file, content in data.items()}


def guard_configuration(run: Run) -> str:
    """The host guard's configuration, out of its Secret."""
    return files(run, "proxy-guard")["haproxy.cfg"]


def member_guard_configuration(run: Run, member: str) -> str:
    """A member guard's configuration, out of the Secret of its agent."""
    return files(run, f"{member}-proxy-agent-cert")["haproxy.cfg"]


def identifiers(run: Run, member: str) -> str:
    """By which hosts a member's agents are found, as they are told."""
    template = entries(run.the("Deployment", f"{member}-proxy-agent").inputs, "spec", "template")
    return arguments(template, "proxy-agent")["agent-identifiers"]


def mac_keys(run: Run) -> list[str]:
    """The keys by which the host guard knows credentials, in base64, the current generation's first."""
    found = re.findall(r"hmac\(sha256,([^)]*)\)", guard_configuration(run))
    assert found
    return found


def header(run: Run, member: str) -> str:
    """The credential on a member's Cluster object."""
    patch = run.the("ClusterPatch", f"{member}-registration-header")
    return text(patch.inputs, "spec", "proxyHeader", "Proxy-Authorization")


def shown(run: Run, member: str) -> str:
    """What Karmada shows the host guard for a member, in clear: `NAME:MAC`."""
    scheme, encoded = header(run, member).split(" ")
    assert scheme == "Basic"
    return base64.b64decode(encoded, validate=True).decode()


def needs(run: Run, kind: str, name: str) -> set[str]:
    """Everything that must be there before a resource, however indirectly."""
    return {short(urn) for urn in run.needs(run.the(kind, name))}


def commands(run: Run) -> dict[str, Recorded]:
    """The local Commands by name."""
    return {each.name: each for each in run.resources.values() if each.type == "command:local:Command"}


def of_kind(run: Run, kind: str) -> Mapping[str, Recorded]:
    """The resources of a kind (`Service`), by name."""
    return {each.name: each for each in run.resources.values() if each.type.rsplit(":", 1)[-1] == kind}


def altered(properties: Json, path: str, value: Json) -> Json:
    """Properties with another value at `spec/containers/0/name`. Keys on the way are made; None takes a key away."""
    changed: Any = copy.deepcopy(properties)
    *way, last = path.split("/")
    here = changed
    for key in way:
        here = here[int(key)] if key.isdigit() else here.setdefault(key, {})
    if value is None:
        del here[last]
    else:
        here[int(last) if last.isdigit() else last] = value
    return cast("Json", changed)
