"""The machine that runs Pulumi: its kubeconfigs, kind clusters and Docker engine. Read-only.

From clusters it reads only what the config leaves open: a node's address, the members of a selector, and whether the
prometheus-operator's kinds are served. All else about clusters is in checks/.
"""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from clusters.api import CLUSTERS, NODES, NOT_FOUND, OfficialClient, json_of
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context
from clusters.kubeconfig import servers as servers_of
from clusters.objects import Json, at, entries, is_terminating, items, parse, text
from clusters.programs import output_of

MONITORING_API = "/apis/monitoring.coreos.com/v1"
"""Where the prometheus-operator's kinds are served."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Processor architectures as Go and OCI name them, where Python names them otherwise."""


@dataclass(frozen=True, kw_only=True)
class KindNode:
    """The control-plane node of a kind cluster: its container's id, and its address on kind's Docker network."""

    id: str
    address: str

    @property
    def endpoint(self) -> str:
        """The URL of its API server, as other containers reach it: kind always has it on 6443."""
        return f"https://{self.address}:6443"


class Workstation(Protocol):
    """What config/ looks up on a machine, and in clusters where the config leaves it open."""

    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        """The API server's URL of each context in a kubeconfig (`""`: where KUBECONFIG points). Raises Unavailable."""
        ...

    def kind_node(self, cluster: str) -> KindNode:
        """The control-plane node of a kind cluster. Raises Unavailable, or Unanswered if the node is stopped."""
        ...

    def architecture(self) -> str:
        """The processor architecture of the Docker engine, and so of kind nodes, as Go and OCI name it: `amd64`."""
        ...

    def node_address(self, kubeconfig: str, context: str) -> str:
        """The address of a cluster's oldest node, an external one if there is any. Raises Unavailable."""
        ...

    def pull_members(self, kubeconfig: str, context: str, selector: str) -> Sequence[str]:
        """The names of the Clusters of a Karmada API that are in pull mode, match a label selector and are not
        terminating. Raises Unavailable."""
        ...

    def has_monitors(self, kubeconfig: str, context: str, kinds: Collection[str]) -> bool:
        """Whether a cluster serves these resources of the prometheus-operator. Raises Unavailable."""
        ...


def processor() -> str:
    """The processor architecture of this machine, as Go and OCI name it."""
    machine = platform.machine().lower()
    return ARCHITECTURES.get(machine, machine)


def kubectl_command(of: Context, *arguments: str) -> list[str]:
    """The words of a kubectl command for an API."""
    path = [f"--kubeconfig={os.path.expanduser(of.kubeconfig)}"] if of.kubeconfig else []
    below = [f"--server={_server(of)}{of.path}"] if of.path else []
    return ["kubectl", *path, f"--context={of.name}", *below, *arguments]


def kubectl_line(of: Context, *arguments: str) -> str:
    """A kubectl command for an API, as a line for a shell."""
    return shlex.join(kubectl_command(of, *arguments))


def _server(of: Context) -> str:
    """The API server's URL of a context, or the placeholder `URL` where the kubeconfig has none."""
    try:
        return servers_of(of.kubeconfig).get(of.name, "URL")
    except Unavailable:
        return "URL"


class ThisMachine:
    """The Workstation that the program runs on. What it reads of the machine itself is cached."""

    def __init__(self) -> None:
        self._apis = OfficialClient()

    @cache  # noqa: B019  one object lives as long as the program
    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        return servers_of(kubeconfig)

    @cache  # noqa: B019
    def kind_node(self, cluster: str) -> KindNode:
        node = f"{cluster}-control-plane"
        try:
            found = items(parse(output_of(["docker", "inspect", "--type=container", node])))[0]
        except Unavailable as reason:
            if "no such container" in str(reason).lower():
                raise Unavailable(f"no container {node} is here; `kind get clusters` lists the clusters") from None
            raise
        networks = entries(found, "NetworkSettings", "Networks")
        address = text(at(networks, "kind") or next(iter(networks.values()), None), "IPAddress")
        if not address:
            raise Unanswered(f"the container {node} has no address; `docker start {node}` starts it")
        return KindNode(id=text(found, "Id"), address=address)

    @cache  # noqa: B019
    def architecture(self) -> str:
        try:
            # the engine may be on another machine, or this Python may run in emulation
            return output_of(["docker", "version", "--format={{.Server.Arch}}"]).strip() or processor()
        except Unavailable:
            # preflight reports that the engine does not answer
            return processor()

    def node_address(self, kubeconfig: str, context: str) -> str:
        nodes = self._apis.all(Context(kubeconfig, context), NODES)
        for kind in ("ExternalIP", "InternalIP"):
            for node in sorted(nodes, key=_age):
                for each in items(node, "status", "addresses"):
                    if text(each, "type") == kind:
                        return text(each, "address")
        raise Unavailable("none has an address")

    def pull_members(self, kubeconfig: str, context: str, selector: str) -> Sequence[str]:
        found = self._apis.all(Context(kubeconfig, context), CLUSTERS, labels=selector)
        here = [each for each in found if text(each, "spec", "syncMode") == "Pull" and not is_terminating(each)]
        return sorted(text(each, "metadata", "name") for each in here)

    def has_monitors(self, kubeconfig: str, context: str, kinds: Collection[str]) -> bool:
        try:
            served = json_of(self._apis.raw(Context(kubeconfig, context), MONITORING_API))
        except Unavailable as unavailable:
            if unavailable.status == NOT_FOUND:
                return False
            raise
        return set(kinds) <= {text(each, "name") for each in items(served, "resources")}


def _age(node: Json) -> tuple[str, str]:
    return text(node, "metadata", "creationTimestamp"), text(node, "metadata", "name")
