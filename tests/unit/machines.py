"""A machine for the config's tests: contexts, kind clusters, and what is missing of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from clusters.errors import Unanswered, Unavailable
from clusters.objects import Json
from clusters.workstation import KindNode
from config import stack_config
from config.settings import Settings

HOST: dict[str, Json] = {"kubeconfig": "~/karmada.config", "context": "karmada-host", "address": "10.0.0.1"}
MEMBER: dict[str, Json] = {"kubeconfig": "~/members.config"}
"""Of member3 and of any other by its name."""


class Machine:
    """Two kubeconfigs and KUBECONFIG's, and three kind clusters, one of them stopped."""

    kubeconfigs: Mapping[str, Mapping[str, str]] = {
        "": {"elsewhere": "https://10.0.0.9:6443"},
        "~/karmada.config": {
            "karmada-host": "https://127.0.0.1:40001",
            "karmada-apiserver": "https://10.0.0.1:5443",
        },
        "~/members.config": {
            "member3": "https://10.0.0.3:6443",
            "member4": "https://10.0.0.4:6443",
            "here": "https://127.0.0.1:40003",
            "here-too": "https://localhost:40004",
            "plain": "http://10.0.0.5:8080",
            "six": "https://[fd00::6]:6443",
            "default-port": "https://api.example.org",
            "rancher": "https://rancher.example.org/k8s/clusters/c-m-1",
        },
    }
    nodes: Mapping[str, KindNode] = {
        "karmada-host": KindNode(id="c0ffee", address="172.18.0.2"),
        "member3": KindNode(id="decade", address="172.18.0.3"),
    }

    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        if kubeconfig not in self.kubeconfigs:
            raise Unavailable("there is no such file")
        return self.kubeconfigs[kubeconfig]

    def kind_node(self, cluster: str) -> KindNode:
        if cluster == "stopped":
            raise Unanswered("the container stopped-control-plane has no address; `docker start` starts it")
        if cluster not in self.nodes:
            raise Unavailable(f"no container {cluster}-control-plane is here; `kind get clusters` lists the clusters")
        return self.nodes[cluster]

    def architecture(self) -> str:
        return "amd64"

    def node_address(self, kubeconfig: str, context: str) -> str:
        if context != "karmada-host":
            raise Unavailable("none has an address")
        return "192.0.2.77"

    def pull_members(self, kubeconfig: str, context: str, selector: str) -> Sequence[str]:
        assert (kubeconfig, context) == ("~/karmada.config", "karmada-apiserver")
        if "(" in selector:
            raise Unavailable("unable to parse requirement")
        return {"edge=true": ["edge1", "edge2"], "edge=new": ["edge1", "member3"]}.get(selector, [])

    def has_monitors(self, kubeconfig: str, context: str, kinds: Collection[str]) -> bool:
        if context == "six":
            raise Unavailable("connection refused")
        return context != "member4"


def load(secret: Collection[str] = (), /, **sections: Json) -> Settings:
    """Settings of sections over a host and one member that are in order. A section of None is left out.

    `secret` are the sections that hold something encrypted.
    """
    whole: dict[str, Json] = {"host": HOST, "members": {"member3": MEMBER}, **sections}
    return stack_config.load(
        {key: as_text(value) for key, value in whole.items() if value is not None}, Machine(), secret
    )


def as_text(value: Json) -> str:
    """A value as Pulumi hands it to a program."""
    return value if isinstance(value, str) else json.dumps(value)
