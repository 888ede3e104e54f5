"""What Karmada says of a member that it alone gets at: whether it is Ready, and what became of the Works for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from clusters.api import CLUSTERS, Asking, Resource
from clusters.kubeconfig import Context
from clusters.objects import Json, is_going, items, number, text
from components.anp import EXECUTION_SPACE, OF_STACK

WORKS = Resource("/apis/work.karmada.io/v1alpha1", "works")

APPLY_SECONDS = 90
"""How long karmada-agent may take to apply what is there: one that has just started waits for its leader lease."""

IS_THERE = "already exists"
"""What karmada-agent says of an object that is there and not Karmada's."""


class Expected(BaseModel):
    """A Work of a stack by its name, and of a Deployment's which number its status is to have: Karmada takes it from
    the manifest that is applied, so that a status of an earlier one is told from it."""

    work: str
    generation: int = 0


@dataclass(frozen=True, kw_only=True)
class DeliveryFacts:
    """What preflight knows of such a member: whether it is Ready, what it has lost of what the stack had set, whether
    its namespace is one that Karmada hands over by itself, and the user who needs rights in it, if any."""

    ready: bool = True
    found: str = ""
    has_namespace: bool = False
    operator: str = ""


class Delivered(BaseModel):
    """A member of a stack, and how Karmada is asked, which alone gets at it."""

    member: str
    stack: str
    karmada: Context

    def cluster(self, asking: Asking) -> Json:
        """Its Cluster object, or None. Raises Unavailable."""
        return asking.get(self.karmada, CLUSTERS, self.member)

    def works(self, asking: Asking) -> dict[str, Json]:
        """The stack's Works for it, by name. Raises Unavailable."""
        found = asking.all(self.karmada, WORKS, EXECUTION_SPACE.format(self.member), f"{OF_STACK}={self.stack}")
        return {text(each, "metadata", "name"): each for each in found}

    def delete(self, asking: Asking, work: str) -> None:
        """Asks that a Work goes. Raises Unavailable."""
        asking.delete(self.karmada, WORKS.path(EXECUTION_SPACE.format(self.member), work))


def is_ready(cluster: Json) -> bool:
    """Whether a Cluster object says that its member is, and is not deleted. What is meant for another waits in
    Karmada."""
    return condition(cluster, "Ready") == ("True", "") and not is_going(cluster)


def condition(of: Json, kind: str) -> tuple[str, str]:
    """A condition's status and, unless it is True, its message; both empty where there is none."""
    for each in items(of, "status", "conditions"):
        if text(each, "type") == kind:
            status = text(each, "status")
            return status, "" if status == "True" else text(each, "message")
    return "", ""


def behind(works: Mapping[str, Json], expected: Sequence[Expected]) -> str:
    """Why not all that is expected is applied in the member, of the first Work of which it is not so; or nothing."""
    missing = [each.work for each in expected if each.work not in works]
    if missing:
        return f"Work {missing[0]} is not there"
    return unapplied(works[each.work] for each in expected)


def unhealthy(works: Mapping[str, Json], expected: Sequence[Expected]) -> str:
    """Why not all pods that are expected run, as far as Karmada tells it; or nothing."""
    for each in expected:
        work = works.get(each.work)
        if each.generation and number(_status(work), "status", "resourceTemplateGeneration") != each.generation:
            return f"Work {each.work}: its status is still that of an earlier one"
    return next(filter(None, (_ill(works.get(each.work)) for each in expected)), "")


def fault(work: Json) -> str:
    """Why what a Work holds is not applied in its member, or not well there; or nothing."""
    return _unapplied(work) or _ill(work)


def unapplied(works: Iterable[Json]) -> str:
    """Why what Works hold is not applied in their member, of the first of which it is not so; or nothing."""
    return next(filter(None, (_unapplied(each) for each in works)), "")


def _unapplied(work: Json) -> str:
    name = text(work, "metadata", "name")
    if is_going(work):
        return f"Work {name} is deleted, and waits for karmada-agent"
    status, message = condition(work, "Applied")
    theirs = text(_manifest(work), "kind") == "Namespace" and IS_THERE in message
    # a namespace that is somebody else's stays theirs
    return "" if status == "True" or theirs else f"Work {name}: {message or 'karmada-agent has not applied it yet'}"


def _ill(work: Json) -> str:
    status = _status(work)
    latest, replicas, available = (
        number(status, "status", count) for count in ("updatedReplicas", "replicas", "availableReplicas")
    )
    # Karmada calls a Deployment healthy once all its pods are made, whether they run or not, and others are left or not
    if text(status, "health") != "Unhealthy" and latest == replicas == available:
        return ""
    name = text(work, "metadata", "name")
    return f"Work {name}: of {replicas} pods {latest} are of its latest template, and {available} are available"


def _manifest(work: Json) -> Json:
    """What a Work holds, which is one object."""
    return next(iter(items(work, "spec", "workload", "manifests")), None)


def _status(work: Json) -> Json:
    """What karmada-agent says of it."""
    return next(iter(items(work, "status", "manifestStatuses")), None)
