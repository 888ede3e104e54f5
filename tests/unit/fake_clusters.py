"""Clusters for preflight's tests: what each API has, and a Docker engine."""

from __future__ import annotations

import json
from collections.abc import Sequence

from clusters.api import FORBIDDEN, SELF_ACCESS_REVIEWS, SELF_SUBJECT_REVIEWS, Resource
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, text

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


def binding(name: str) -> Json:
    """What `karmadactl register` makes."""
    return {"kind": "ClusterRoleBinding", "metadata": {"name": f"system:karmada:{name}:agent"}}


def state(*outputs: tuple[str, Json]) -> Json:
    """A stack's state with members, by what their components have as outputs, and with their providers."""
    resources: list[Json] = []
    for name, each in outputs:
        resources.append(
            {
                "urn": f"urn:pulumi:dev::karmada-anp::pulumi:providers:kubernetes::member-{name}",
                "type": "pulumi:providers:kubernetes",
            }
        )
        resources.append(
            {
                "urn": f"urn:pulumi:dev::karmada-anp::karmada-anp:index:Member::{name}",
                "type": "karmada-anp:index:Member",
                "outputs": each,
            }
        )
        if each:
            resources.append(patch(name))
    return {"deployment": {"resources": resources}}


def patch(name: str, **more: Json) -> Json:
    """What sets the flags of a member's karmada-agent."""
    urn = "urn:pulumi:dev::karmada-anp::{}::{}"
    provider = urn.format("pulumi:providers:kubernetes", f"member-{name}")
    kind = "kubernetes:apps/v1:DeploymentPatch"
    return {"urn": urn.format(kind, f"{name}-karmada-agent"), "type": kind, "provider": f"{provider}::id", **more}


def called(of: Context) -> str:
    """What an API is called here: by its context, or of a member that is asked through Karmada `through member3`."""
    return f"through {of.path.split('/')[-2]}" if of.path else of.name


class Clusters:
    """APIs by what they are called, each with what it has by kind and name; one that is not here does not answer.

    `says` is what an API answers instead, with its status, and `denied` what its user may not (`create secrets`).
    """

    def __init__(self) -> None:
        member: dict[str, Sequence[Json]] = {
            "namespaces/karmada-system": [NAMESPACE],
            "deployments/karmada-agent": [deployment()],
        }
        joined = [cluster("member3", uid="uid of member3"), cluster("member4", uid="uid of member4")]
        self.apis: dict[str, dict[str, Sequence[Json]]] = {
            "karmada-host": {"namespaces/karmada-system": [NAMESPACE]},
            "karmada-apiserver": {"clusters": joined},
            "member3": dict(member),
            "member4": dict(member),
        }
        for context, api in self.apis.items():
            api["namespaces/kube-system"] = [identity(f"uid of {context}")]
            api["secrets/pull"] = [secret("pull")]
        self.says: dict[str, tuple[int, str]] = {}
        self.refuses: set[str] = set()
        """What a user may not look at: `member3 namespaces/kube-system`, or in all namespaces `member3 all secrets`."""
        self.denied: dict[str, set[str]] = {}
        self.narrow = False
        """Whether users have rights in single namespaces and for single objects alone."""
        self.engine = True
        self.user, self.groups = "operator", ["system:authenticated"]
        self.minors: dict[str, str] = {}
        """The minor versions of those that are not today's."""
        self.asked: list[str] = []
        """What was asked for: context, kind, namespace and name."""
        self.reviewed: list[Json] = []
        """The attributes of each right that was asked for."""

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        alone = self._found(of, f"{what.plural}/{name}", namespace)
        among = [each for each in self._listed(of, what, namespace) if text(each, "metadata", "name") == name]
        return next(iter([*alone, *among]), None)

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        if not namespace and f"{called(of)} all {what.plural}" in self.refuses:
            raise Unavailable(f"{what.plural} is forbidden", FORBIDDEN)
        self._found(of, what.plural, namespace)
        key, _, value = labels.partition("=")
        found = self._listed(of, what, namespace)
        return [each for each in found if not labels or text(each, "metadata", "labels", key) == value]

    def _listed(self, of: Context, what: Resource, namespace: str) -> list[Json]:
        """What is there by its kind alone, and by its own name, which goes first."""
        api, kind = self.apis[called(of)], f"{what.plural}/"
        found = [*(each[0] for key, each in api.items() if key.startswith(kind) and each), *api.get(what.plural, [])]
        here = [each for each in found if not namespace or text(each, "metadata", "namespace") in ("", namespace)]
        named = {(text(each, "metadata", "namespace"), text(each, "metadata", "name")): each for each in reversed(here)}
        return list(named.values())[::-1]

    def create(self, of: Context, what: Resource, given: Json) -> Json:
        if what is SELF_SUBJECT_REVIEWS:
            return {"status": {"userInfo": {"username": self.user, "groups": self.groups}}}
        assert what is SELF_ACCESS_REVIEWS
        assert text(given, "kind") == "SelfSubjectAccessReview"
        self._found(of, what.plural)
        attributes = at(given, "spec", "resourceAttributes")
        self.reviewed.append(attributes)
        right = f"{text(attributes, 'verb')} {text(attributes, 'resource')}"
        if text(attributes, "subresource"):
            right = f"{right}/{text(attributes, 'subresource')}"
        if self.narrow and not text(attributes, "namespace") and not text(attributes, "name"):
            return {"status": {"allowed": False}}
        return {"status": {"allowed": right not in self.denied.get(of.name, set())}}

    def raw(self, of: Context, path: str, seconds: float = 0) -> str:
        assert path == "/version"
        self._found(of, "version")
        return json.dumps({"major": "1", "minor": self.minors.get(of.name, "36")})

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        raise AssertionError(f"preflight changes {path}")

    def delete(self, of: Context, path: str) -> None:
        raise AssertionError(f"preflight takes away {path}")

    def pod_get(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        raise AssertionError(f"preflight looks at a pod: {pod}")

    def pod_connect(self, of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        raise AssertionError(f"preflight asks a guard: {pod}")

    def docker(self, command: Sequence[str]) -> str:
        assert command[:2] == ["docker", "version"]
        if not self.engine:
            raise Unavailable("Cannot connect to the Docker daemon")
        return "29.0\n"

    def _found(self, of: Context, what: str, namespace: str = "") -> Sequence[Json]:
        name = called(of)
        self.asked.append(" ".join(filter(None, [name, namespace, what])))
        if name in self.says:
            status, said = self.says[name]
            raise Unavailable(said, status)
        if f"{name} {what}" in self.refuses:
            raise Unavailable(f"{what} is forbidden", FORBIDDEN)
        if name not in self.apis:
            raise Unanswered("connection refused")
        return self.apis[name].get(what, [])
