"""A member that only Karmada reaches, as Karmada sees it: its Cluster's conditions, and the status of its Works."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel

from checks.retry import answered
from clusters.api import CLUSTERS, KubernetesApis, Resource
from clusters.kubeconfig import Context
from clusters.objects import Json, is_terminating, items, number, text
from components.anp import EXECUTION_SPACE, OF_STACK

WORKS = Resource("/apis/work.karmada.io/v1alpha1", "works")

APPLY_SECONDS = 90
"""How long karmada-agent may take to apply Works: after a start it first waits for its leader lease."""

RESTART_SECONDS = 60
"""For how long a member that is not Ready may only have a karmada-agent that restarts. Karmada calls it Unknown 40 s
after the last report, and a new karmada-agent first waits for its leader lease."""

PAUSE = 2
"""Seconds: of many members' karmada-agents that start again, Karmada's API has enough to do."""

ALREADY_EXISTS = "already exists"
"""In karmada-agent's message on an object that exists and is not Karmada's."""


class Expected(BaseModel):
    """The name of a Work and, if it holds a Deployment, the `generation` of its manifest. Karmada copies that into the
    Work's status, which shows whether the status is of this manifest or an earlier one."""

    work: str
    generation: int = 0


@dataclass(frozen=True, kw_only=True)
class DeliveryFacts:
    """What preflight found of a member that only Karmada reaches: whether it is Ready (`ready`), which of the stack's
    settings were lost there (`found`), whether another Work than the stack's brings its namespace (`has_namespace`),
    and the user as whom Karmada's requests reach it, if that one needs rights there (`operator`)."""

    ready: bool = True
    found: str = ""
    has_namespace: bool = False
    operator: str = ""


class Delivered(BaseModel):
    """A member that only Karmada reaches, its stack's name, and the Karmada API."""

    member: str
    stack: str
    karmada: Context

    def cluster(self, apis: KubernetesApis) -> Json:
        """The member's Cluster object, or None. Raises Unavailable."""
        return answered(lambda: apis.get(self.karmada, CLUSTERS, self.member))

    def settled_cluster(self, apis: KubernetesApis) -> Json:
        """The same, but one that has not been Ready for less than RESTART_SECONDS is waited for until it is, or until
        that time is over."""
        end = time.monotonic() + RESTART_SECONDS
        while lost_lately(found := self.cluster(apis)) and time.monotonic() < end:
            time.sleep(PAUSE)
        return found

    def works(self, apis: KubernetesApis) -> dict[str, Json]:
        """The stack's Works for the member, by name. Raises Unavailable."""
        space, labels = EXECUTION_SPACE.format(self.member), f"{OF_STACK}={self.stack}"
        found = answered(lambda: apis.all(self.karmada, WORKS, space, labels))
        return {text(each, "metadata", "name"): each for each in found}

    def delete(self, apis: KubernetesApis, work: str) -> None:
        """Deletes a Work without waiting for its finalizer. Raises Unavailable."""
        apis.delete(self.karmada, WORKS.path(EXECUTION_SPACE.format(self.member), work))


def is_ready(cluster: Json) -> bool:
    """Whether a Cluster has the condition Ready and is not terminating. Works for other members wait in Karmada."""
    return condition(cluster, "Ready") == ("True", "") and not is_terminating(cluster)


def lost_lately(cluster: Json) -> bool:
    """Whether a Cluster is not Ready, and was within the last RESTART_SECONDS."""
    ready = _condition(cluster, "Ready")
    since = text(ready, "lastTransitionTime")
    if is_terminating(cluster) or text(ready, "status") == "True" or not since:
        return False
    return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() < RESTART_SECONDS


def condition(of: Json, kind: str) -> tuple[str, str]:
    """The status of an object's condition and, unless that is True, its message; both empty if it has none."""
    found = _condition(of, kind)
    status = text(found, "status")
    return status, "" if status == "True" else text(found, "message")


def _condition(of: Json, kind: str) -> Json:
    return next((each for each in items(of, "status", "conditions") if text(each, "type") == kind), None)


def missing(works: Mapping[str, Json], expected: Sequence[Expected]) -> str:
    """The name of the first expected Work that does not exist; an empty text if all do."""
    return next((each.work for each in expected if each.work not in works), "")


def not_delivered(works: Mapping[str, Json], expected: Sequence[Expected]) -> str:
    """Why the first expected Work that is not applied is not; an empty text if all are."""
    absent = missing(works, expected)
    if absent:
        return f"Work {absent} is not there"
    return unapplied(works[each.work] for each in expected)


def unhealthy(works: Mapping[str, Json], expected: Sequence[Expected]) -> str:
    """Why the first expected Work whose pods do not all run is unhealthy, by its status; an empty text if none is."""
    for each in expected:
        work = works.get(each.work)
        if each.generation and number(_status(work), "status", "resourceTemplateGeneration") != each.generation:
            return f"Work {each.work}: its status is still that of an earlier one"
    return next(filter(None, (_not_healthy(works.get(each.work)) for each in expected)), "")


def fault(work: Json) -> str:
    """Why a Work is not applied in its member, or not healthy there; an empty text if it is both."""
    return _unapplied(work) or _not_healthy(work)


def unapplied(works: Iterable[Json]) -> str:
    """Why the first Work that is not applied is not; an empty text if all are."""
    return next(filter(None, (_unapplied(each) for each in works)), "")


def _unapplied(work: Json) -> str:
    name = text(work, "metadata", "name")
    if is_terminating(work):
        return f"Work {name} is deleted, and waits for karmada-agent"
    status, message = condition(work, "Applied")
    theirs = text(_manifest(work), "kind") == "Namespace" and ALREADY_EXISTS in message
    # a namespace that somebody else has made is used as it is
    return "" if status == "True" or theirs else f"Work {name}: {message or 'karmada-agent has not applied it yet'}"


def _not_healthy(work: Json) -> str:
    status = _status(work)
    latest, replicas, available = (
        number(status, "status", count) for count in ("updatedReplicas", "replicas", "availableReplicas")
    )
    # Karmada calls a Deployment healthy once all new pods exist, even if they do not run, or old ones are left
    if text(status, "health") != "Unhealthy" and latest == replicas == available:
        return ""
    name = text(work, "metadata", "name")
    return f"Work {name}: of {replicas} pods {latest} are of its latest template, and {available} are available"


def _manifest(work: Json) -> Json:
    """The manifest in a Work: this program puts one into each."""
    return next(iter(items(work, "spec", "workload", "manifests")), None)


def _status(work: Json) -> Json:
    """The status that karmada-agent reports of a Work's object."""
    return next(iter(items(work, "status", "manifestStatuses")), None)
