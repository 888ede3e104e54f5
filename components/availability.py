"""What keeps a proxy with several pods available while nodes fail or are drained."""

from __future__ import annotations

from typing import TypedDict

from pulumi import CustomResource, CustomTimeouts, ResourceOptions
from pulumi_kubernetes.core.v1 import ProbeArgsDict, TopologySpreadConstraintArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgsDict

from components.anp import GUARD_METRICS_PORT
from components.works import Makes, made
from config.pod_settings import Rollout

PROGRESS_DEADLINE = 600  # seconds, Kubernetes' own


def disruption_budget(
    name: str, app: str, namespace: str, opts: ResourceOptions, *, make: Makes = made
) -> CustomResource:
    """Lets a drain of nodes take one pod of an app at a time. With a single pod it would never let a node go.

    Pods that are not ready, as all are whose line is cut, may go whenever a node does.
    """
    spec: PodDisruptionBudgetSpecArgsDict = {
        "max_unavailable": 1,
        "selector": {"match_labels": {"app": app}},
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
    }
    return make(PodDisruptionBudget, name, metadata={"name": app, "namespace": namespace}, spec=spec, opts=opts)


def liveness(port: int, delay: int) -> ProbeArgsDict:
    """Ends an ANP process that hangs, noticed within 26 s: three questions of 7 s, the first at most 5 s later.

    As documented each may take a minute. `delay` is how many seconds after its start the first one is asked.
    """
    return {
        "http_get": {"path": "/healthz", "port": port, "scheme": "HTTP"},
        "initial_delay_seconds": delay,
        "period_seconds": 5,
        "timeout_seconds": 7,
        "failure_threshold": 3,
        "success_threshold": 1,
    }


class Probes(TypedDict):
    """A part of a container."""

    liveness_probe: ProbeArgsDict
    readiness_probe: ProbeArgsDict


def guard_probes() -> Probes:
    """By HTTP, at the port of its own health: one that hangs still accepts, and a plain port may refuse the kubelet."""
    healthy: ProbeArgsDict = {"http_get": {"path": "/healthz", "port": GUARD_METRICS_PORT}}
    return {
        "liveness_probe": {**healthy, "initial_delay_seconds": 10},
        "readiness_probe": {**healthy, "period_seconds": 1},
    }


def spread_over_nodes(app: str) -> TopologySpreadConstraintArgsDict:
    """Puts the pods of an app on different nodes, as far as there are any; those that a roll replaces do not count."""
    return {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": {"app": app}},
        "match_label_keys": ["pod-template-hash"],
    }


def rollout_minutes(of: Rollout, replicas: int) -> int:
    """How long `up` waits for a Deployment whose pods come or are replaced, before it fails."""
    return of.rollout_minutes + replicas - 1


def longest_rollout(of: Rollout, replicas: int) -> CustomTimeouts:
    """The same, where Pulumi is who waits."""
    whole = f"{rollout_minutes(of, replicas)}m"
    return CustomTimeouts(create=whole, update=whole)


class Deadline(TypedDict, total=False):
    """A part of a Deployment's spec."""

    progress_deadline_seconds: int


def progress_deadline(of: Rollout) -> Deadline:
    """For how long Kubernetes lets a pod get nowhere: its own 10 minutes, or for as long as `up` waits, where that is
    longer. Pulumi gives up as soon as Kubernetes does."""
    seconds = of.rollout_minutes * 60
    return {"progress_deadline_seconds": seconds} if seconds > PROGRESS_DEADLINE else {}
