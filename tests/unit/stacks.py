"""The stacks of this program, run without an engine: each variant once a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from clusters.objects import Json
from config.problems import PROJECT
from tests.issuing import run
from tools.render.program import Run
from tools.render.recorded import Recorded
from tools.render.stackfile import ENCRYPTED, config_of

STACKS = ("dev", "fork", "prod")
"""The project's own stack files. Those that a user adds beside them are nothing to the tests."""

MEMBER3: Mapping[str, Json] = {
    "kind": "member3",
    "apiEndpoint": "https://192.0.2.4:6443",
}
"""The dev stack's member, with the address that it is rendered with whatever else is asked for before. Its
kubeconfig is the default that the stack's file has."""

MEMBER4: Mapping[str, Json] = {
    "registered": True,
    "apiEndpoint": "https://192.0.2.104:6443",
}
"""A member that is no kind cluster, and was joined by `karmadactl register`."""


@cache
def stack(name: str) -> Run:
    """A stack as its file is."""
    return run(name, config_of(name))


PAIR: Mapping[str, Json] = {"member3": MEMBER3, "member4": MEMBER4}

PUBLISHED: Mapping[str, Json] = {
    "server": "registry.example/proxy-server:1",
    "agent": "registry.example/proxy-agent:1",
    "pullSecrets": ["pull"],
}
"""Images that members can pull."""

AFAR: Mapping[str, Json] = {
    "member3": {"access": "karmada"},
    "member4": {"access": "karmada", "registered": True, "replicas": 2, "namespace": "{name}-tunnel"},
}
"""Members that Karmada alone gets at."""

REGISTRY = "registry.example/karmada"

BOTH = ("linux/amd64", "linux/arm64")
"""The platforms that can be built for."""

PASSWORD = ENCRYPTED
"""A password as Pulumi has it in a stack's file: encrypted, which a run stands this in for."""

HOST: Mapping[str, Json] = {"kubeconfig": "~/.kube/karmada.config", "context": "karmada-host"}
"""The dev stack's host as a cluster that is no kind cluster."""


NODE_PORT: Mapping[str, Json] = {"host": HOST, "members": PAIR, "proxy": {"exposure": "nodePort"}}
"""Two members, whose agents dial a port of a host that is no kind cluster."""


@cache
def pair() -> Run:
    """The dev stack with two members."""
    return changed(members=PAIR)


@cache
def afar() -> Run:
    """The dev stack with two members that Karmada alone gets at."""
    return changed(members=AFAR, images=PUBLISHED)


def balanced(before: Iterable[Recorded] = (), **sections: Json) -> Run:
    """The dev stack with two members, two proxy-servers behind a load balancer, and other sections."""
    ours: Mapping[str, Json] = {
        "host": HOST,
        "members": PAIR,
        "proxy": {"exposure": "loadBalancer", "replicas": 2},
        "monitoring": {"namespaces": ["monitoring"]},
    }
    return changed(before, **{**ours, **sections})


def configured(name: str, **sections: Json) -> dict[str, Json]:
    """A stack's config by full key, with other sections."""
    return {**config_of(name), **{f"{PROJECT}:{key}": each for key, each in sections.items()}}


def changed(before: Iterable[Recorded] = (), **sections: Json) -> Run:
    """The dev stack with other sections. `before` are the resources of an `up` before this one."""
    return run("dev", configured("dev", **sections), before)


@cache
def pushed() -> Run:
    """The dev stack with two members, whose images are pushed to a registry with a password."""
    return pushed_with({})


def pushed_with(build: Mapping[str, Json]) -> Run:
    """That of images that are built so."""
    credentials: Mapping[str, Json] = {"username": "robot", "password": PASSWORD}
    images: Mapping[str, Json] = {"build": build, "push": True, "registry": REGISTRY, "credentials": credentials}
    return changed(members=PAIR, images={**images, "pullSecrets": ["pull", "pull-more"]})


@cache
def both_platforms() -> Run:
    """The same, built for two platforms."""
    return pushed_with({"platforms": BOTH})


def kept(of: Run, *but: Recorded) -> list[Recorded]:
    """The resources of an earlier `up`, but for those that are to be made anew."""
    return [each for each in of.resources.values() if each not in but]


def differing(one: Run, other: Run) -> set[str]:
    """The URNs, short, of resources whose inputs differ, or that only one of two runs has."""
    urns = one.resources.keys() | other.resources.keys()
    return {short(urn) for urn in urns if _inputs(one, urn) != _inputs(other, urn)}


def short(urn: str) -> str:
    """A URN's last type and its name: `Deployment proxy-server`."""
    kind, name = urn.rsplit("::", 2)[1:]
    return f"{kind.rsplit(':', 1)[-1]} {name}"


def _inputs(of: Run, urn: str) -> Mapping[str, Json] | None:
    found = of.resources.get(urn)
    return None if found is None else found.inputs
