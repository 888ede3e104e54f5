"""Clusters for preflight's tests: what each API has, as kubectl would print it, and a Docker engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from answers import Json
from workstation import Unavailable

NAMESPACE: Json = {"kind": "Namespace", "metadata": {"name": "karmada-system"}}


def deployment(args: Sequence[str] = (), managers: Sequence[str] = (), container: str = "karmada-agent") -> Json:
    """karmada-agent's Deployment, with args that some managers own."""
    path: Json = {"f:args": {}}
    fields: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {f'k:{{"name":"{container}"}}': path}}}}}
    owned: list[Json] = [{"manager": each, "operation": "Apply", "fieldsV1": fields} for each in managers]
    other: Json = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    given: dict[str, Json] = {"name": container, "command": ["/bin/karmada-agent"]}
    return {
        "kind": "Deployment",
        "metadata": {"name": "karmada-agent", "managedFields": [other, *owned]},
        "spec": {"template": {"spec": {"containers": [{**given, "args": list(args)} if args else given]}}},
    }


def cluster(name: str, mode: str = "Pull") -> Json:
    return {"kind": "Cluster", "metadata": {"name": name}, "spec": {"syncMode": mode}}


def role(name: str) -> Json:
    return {"kind": "ClusterRole", "metadata": {"name": f"system:karmada:{name}:agent"}}


class Clusters:
    """APIs by context, each with what it has of what can be asked for; a context that is not here does not answer."""

    def __init__(self) -> None:
        member: dict[str, Sequence[Json]] = {
            "namespace/karmada-system": [NAMESPACE],
            "deployment/karmada-agent": [deployment()],
        }
        self.apis: dict[str, dict[str, Sequence[Json]]] = {
            "karmada-host": {"namespace/karmada-system": [NAMESPACE]},
            "karmada-apiserver": {"clusters.cluster.karmada.io": [cluster("member3"), cluster("member4")]},
            "member3": dict(member),
            "member4": dict(member),
        }
        self.pull_secrets: dict[str, set[str]] = {context: {"pull"} for context in self.apis}
        self.engine = True
        self.asked: list[str] = []

    def objects(self, command: Sequence[str], seconds: float = 10) -> Sequence[Json]:
        context = next(each for each in command if each.startswith("--context=")).removeprefix("--context=")
        self.asked.append(context)
        if context not in self.apis:
            raise Unavailable("connection refused")
        what = [each for each in command[command.index("get") + 1 :] if not each.startswith("--")]
        found = self.apis[context].get(what[0], [])
        return [each for each in found if len(what) == 1 or _name(each) in what[1:]]

    def ask(self, command: Sequence[str], seconds: float = 15) -> str:
        if command[0] == "kubectl":
            return self.names(command)
        assert command[:2] == ["docker", "version"]
        if not self.engine:
            raise Unavailable("Cannot connect to the Docker daemon")
        return "29.0\n"

    def names(self, command: Sequence[str]) -> str:
        """As `kubectl get secret/NAME --output=name --ignore-not-found` prints them."""
        assert {"get", "--output=name", "--ignore-not-found"} <= set(command)
        context = next(each for each in command if each.startswith("--context=")).removeprefix("--context=")
        if context not in self.apis:
            raise Unavailable("connection refused")
        wanted = [each.removeprefix("secret/") for each in command if each.startswith("secret/")]
        assert wanted
        return "".join(f"secret/{each}\n" for each in wanted if each in self.pull_secrets[context])


def _name(each: Json) -> Json:
    assert isinstance(each, Mapping)
    metadata = each["metadata"]
    assert isinstance(metadata, Mapping)
    return metadata["name"]
