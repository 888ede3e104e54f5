"""What the machine that runs Pulumi knows by itself: its kubeconfigs, its kind clusters, and the tools to ask with.

Reads only, with the standard library alone. It asks `kubectl config view`, so that KUBECONFIG's own rules apply, and
`docker inspect`; it never reads a credential. What the clusters themselves say is preflight's.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from clusters.objects import Json, at, entries, items, parse, text


class Unavailable(Exception):
    """Something could not be asked; the text says what it answered, or how to get the tool."""


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
    """What config.py wants to know of a machine."""

    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        """The API server's URL of each context in a kubeconfig (`""`: where KUBECONFIG points). Raises Unavailable."""
        ...

    def kind_node(self, cluster: str) -> KindNode:
        """The node of the kind cluster of that name. Raises Unavailable."""
        ...

    def node_address(self, kubeconfig: str, context: str) -> str:
        """The address of a cluster's oldest node: an external one if it has any. Raises Unavailable."""
        ...

    def has_monitors(self, kubeconfig: str, context: str) -> bool:
        """Whether a cluster has prometheus-operator's PodMonitor and PrometheusRule. Raises Unavailable."""
        ...


def kubectl(kubeconfig: str, context: str, *arguments: str) -> list[str]:
    """The kubectl command for one context; without a context, for the kubeconfig itself."""
    path = [f"--kubeconfig={os.path.expanduser(kubeconfig)}"] if kubeconfig else []
    return ["kubectl", *path, *([f"--context={context}"] if context else []), *arguments]


def typed(kubeconfig: str, context: str, *arguments: str) -> str:
    """The same as a line to be typed."""
    return shlex.join(kubectl(kubeconfig, context, *arguments))


SAYS_WHY = ("error:", "error from server", "unable to connect", "the connection to the server")
"""How kubectl and docker begin the line with the reason; advice may be behind it."""


def ask(command: Sequence[str], seconds: float = 15, given: str = "") -> str:
    """What a command that changes nothing prints, with something given to its stdin. Raises Unavailable with the line
    in which it says why not, or its last one."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds, input=given)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not installed, or not on PATH") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} gave no answer within {seconds:.0f} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        reasons = [line for line in said if line.lower().startswith(SAYS_WHY)] or said
        raise Unavailable(reasons[-1].removeprefix("error: ").removeprefix("Error: ").strip())
    return done.stdout


def objects(command: Sequence[str], seconds: float = 10) -> Sequence[Json]:
    """What a `kubectl get` finds; what is not there is left out. Raises Unavailable."""
    timeout = f"--request-timeout={seconds:.0f}s"
    printed = ask([*command, "--output=json", "--ignore-not-found", timeout], seconds + 5)
    if not printed.strip():
        return []
    found = parse(printed)
    return items(found, "items") if text(found, "kind").endswith("List") else [found]


class ThisMachine:
    """The workstation that the program runs on. Each thing is asked once."""

    @cache  # noqa: B019  one object lives as long as the program
    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        path = os.path.expanduser(kubeconfig)
        if path and not os.path.exists(path):
            raise Unavailable("there is no such file")
        view = parse(ask(kubectl(kubeconfig, "", "config", "view", "--output=json")))
        servers = {text(each, "name"): text(each, "cluster", "server") for each in items(view, "clusters")}
        contexts = {text(each, "name"): text(each, "context", "cluster") for each in items(view, "contexts")}
        return {context: servers.get(cluster, "") for context, cluster in contexts.items()}

    @cache  # noqa: B019
    def kind_node(self, cluster: str) -> KindNode:
        node = f"{cluster}-control-plane"
        try:
            found = items(parse(ask(["docker", "inspect", "--type=container", node])))[0]
        except Unavailable as reason:
            if "no such container" in str(reason).lower():
                raise Unavailable(f"no container {node} is here; `kind get clusters` lists the clusters") from None
            raise
        networks = entries(found, "NetworkSettings", "Networks")
        address = text(at(networks, "kind") or next(iter(networks.values()), None), "IPAddress")
        if not address:
            raise Unavailable(f"the container {node} has no address; `docker start {node}` starts it")
        return KindNode(id=text(found, "Id"), address=address)

    def node_address(self, kubeconfig: str, context: str) -> str:
        nodes = objects(kubectl(kubeconfig, context, "get", "nodes"))
        for kind in ("ExternalIP", "InternalIP"):
            for node in sorted(nodes, key=_age):
                for each in items(node, "status", "addresses"):
                    if text(each, "type") == kind:
                        return text(each, "address")
        raise Unavailable("none has an address")

    def has_monitors(self, kubeconfig: str, context: str) -> bool:
        group = "--api-group=monitoring.coreos.com"
        kinds = ask(kubectl(kubeconfig, context, "api-resources", group, "--output=name", "--request-timeout=10s"))
        return {"podmonitors", "prometheusrules"} <= {kind.split(".")[0] for kind in kinds.split()}


def _age(node: Json) -> tuple[str, str]:
    return text(node, "metadata", "creationTimestamp"), text(node, "metadata", "name")
