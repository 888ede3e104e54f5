"""Clusters for preflight's tests: what each API has, as kubectl would print it, and a Docker engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from checks.preflight import adoption, docker_engine, karmada_api, rights, told
from clusters.objects import Json, at, items, parse, text
from clusters.workstation import Unavailable

OURS = "karmada-anp-dev"
"""The manager of what this stack patches."""

NAMESPACE: Json = {"kind": "Namespace", "metadata": {"name": "karmada-system"}}


def deployment(
    args: Sequence[str] = (),
    managers: Sequence[str] = (),
    container: str = "karmada-agent",
    name: str = "karmada-agent",
    maker: str = "kubectl",
    command: Sequence[str] = ("/bin/karmada-agent",),
) -> Json:
    """A Deployment, karmada-agent's if nothing else is said, with args that some managers own."""
    path: Json = {"f:args": {}}
    fields: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {f'k:{{"name":"{container}"}}': path}}}}}
    owned: list[Json] = [{"manager": each, "operation": "Apply", "fieldsV1": fields} for each in managers]
    other: Json = {"manager": maker, "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    given: dict[str, Json] = {"name": container, "command": list(command)}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "managedFields": [other, *owned]},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"spec": {"containers": [{**given, "args": list(args)} if args else given]}},
        },
    }


def secret(name: str, maker: str = "kubectl-create") -> Json:
    """A Secret, of which nothing but its maker is looked at."""
    return {"kind": "Secret", "metadata": {"name": name, "managedFields": [{"manager": maker}]}}


def cluster(name: str, mode: str = "Pull", uid: str = "") -> Json:
    """A Cluster object; `uid` is its identity, if Karmada has that."""
    spec: dict[str, Json] = {"syncMode": mode, **({"id": uid} if uid else {})}
    return {"kind": "Cluster", "metadata": {"name": name}, "spec": spec}


def identity(uid: str) -> Json:
    """The namespace by which a cluster is told."""
    return {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": uid}}


def role(name: str) -> Json:
    return {"kind": "ClusterRole", "metadata": {"name": f"system:karmada:{name}:agent"}}


def answered_by(
    monkeypatch: pytest.MonkeyPatch, objects: Callable[..., Sequence[Json]], ask: Callable[..., str] | None = None
) -> None:
    """Puts functions of a test in the place of those by which preflight asks."""
    for module in (adoption, karmada_api, told):
        monkeypatch.setattr(module, "objects", objects)
    for module in (docker_engine, rights, told) if ask else ():
        monkeypatch.setattr(module, "ask", ask)


class Clusters:
    """APIs by context, each with what it has of what can be asked for; a context that is not here does not answer.

    `says` is what an API answers instead, and `denied` what its user may not (`create secrets`).
    """

    def __init__(self) -> None:
        member: dict[str, Sequence[Json]] = {
            "namespace/karmada-system": [NAMESPACE],
            "deployment/karmada-agent": [deployment()],
        }
        joined = [cluster("member3", uid="uid of member3"), cluster("member4", uid="uid of member4")]
        self.apis: dict[str, dict[str, Sequence[Json]]] = {
            "karmada-host": {"namespace/karmada-system": [NAMESPACE]},
            "karmada-apiserver": {"clusters.cluster.karmada.io": joined},
            "member3": dict(member),
            "member4": dict(member),
        }
        for context, api in self.apis.items():
            api["namespace/kube-system"] = [identity(f"uid of {context}")]
        self.pull_secrets: dict[str, set[str]] = {context: {"pull"} for context in self.apis}
        self.says: dict[str, str] = {}
        self.denied: dict[str, set[str]] = {}
        self.engine = True
        self.asked: list[str] = []
        self.reviewed: list[Json] = []
        """The attributes of each right that was asked for."""

    def objects(self, command: Sequence[str], seconds: float = 10) -> Sequence[Json]:
        api = self._api(command)
        what = [each for each in command[command.index("get") + 1 :] if not each.startswith("--")]
        return [found for each in what for found in api.get(each, [])]

    def ask(self, command: Sequence[str], seconds: float = 15, given: str = "") -> str:
        if command[0] == "kubectl":
            return self._reviews(command, given) if "create" in command else self.names(command)
        assert command[:2] == ["docker", "version"]
        if not self.engine:
            raise Unavailable("Cannot connect to the Docker daemon")
        return "29.0\n"

    def names(self, command: Sequence[str]) -> str:
        """As `kubectl get secret/NAME --output=name --ignore-not-found` prints them."""
        assert {"get", "--output=name", "--ignore-not-found"} <= set(command)
        self._api(command)
        wanted = [each.removeprefix("secret/") for each in command if each.startswith("secret/")]
        assert wanted
        return "".join(f"secret/{each}\n" for each in wanted if each in self.pull_secrets[_context(command)])

    def _api(self, command: Sequence[str]) -> Mapping[str, Sequence[Json]]:
        context = _context(command)
        self.asked.append(context)
        if context in self.says:
            raise Unavailable(self.says[context])
        if context not in self.apis:
            raise Unavailable("connection refused")
        return self.apis[context]

    def _reviews(self, command: Sequence[str], given: str) -> str:
        """As `kubectl create` answers a list of SelfSubjectAccessReviews."""
        assert {"--filename=-", '--output=jsonpath={.status.allowed}{"\\n"}'} <= set(command)
        self._api(command)
        reviews = items(parse(given), "items")
        assert {text(each, "kind") for each in reviews} == {"SelfSubjectAccessReview"}
        attributes = [at(each, "spec", "resourceAttributes") for each in reviews]
        self.reviewed += attributes
        denied = self.denied.get(_context(command), set())
        return "".join(
            f"{'false' if ' '.join([text(each, 'verb'), text(each, 'resource')]) in denied else 'true'}\n"
            for each in attributes
        )


def _context(command: Sequence[str]) -> str:
    return next(each for each in command if each.startswith("--context=")).removeprefix("--context=")
