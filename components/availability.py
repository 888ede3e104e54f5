"""Availability of proxy-server and proxy-agent: PodDisruptionBudget, probes, topology spread, rollout timeouts."""

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
    """A PodDisruptionBudget: a drain of nodes evicts one of an app's pods at a time. Only for apps with several pods.

    Pods that are not ready, as all are when the network is cut, may always be evicted (AlwaysAllow).
    """
    spec: PodDisruptionBudgetSpecArgsDict = {
        "max_unavailable": 1,
        "selector": {"match_labels": {"app": app}},
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
    }
    return make(PodDisruptionBudget, name, metadata={"name": app, "namespace": namespace}, spec=spec, opts=opts)


def liveness(port: int, delay: int) -> ProbeArgsDict:
    """A liveness probe that restarts a container within 26 s of hanging: three probes of 7 s, the first at most 5 s
    later. In Karmada's documentation each may take a minute; by Kubernetes' default, 1 s, a node that is short of CPU
    would restart containers, and end all sessions through them. `delay` is the initial delay in seconds.
    """
    return {
        "http_get": {"path": "/healthz", "port": port, "scheme": "HTTP"},
        "initial_delay_seconds": delay,
        "period_seconds": 5,
        "timeout_seconds": 7,
        "failure_threshold": 3,
        "success_threshold": 1,
    }


def startup(port: int) -> ProbeArgsDict:
    """A startup probe on `/healthz`: the other probes begin when it succeeds, within two minutes. Where a node starts
    many pods at once, containers that a liveness probe restarts before they have started never get to."""
    return {"http_get": {"path": "/healthz", "port": port}, "period_seconds": 1, "failure_threshold": 120}


class Probes(TypedDict):
    """The probes of a container's spec."""

    startup_probe: ProbeArgsDict
    liveness_probe: ProbeArgsDict
    readiness_probe: ProbeArgsDict


SERVED, ROLLED = 1, 5
"""Seconds between two readiness probes: of pods that a Service selects, which must leave it soon, and of members',
whose readiness counts in a rollout alone. By a probe each second, a hundred of these cost kubelet 0.4 cores."""


def guard_probes(period: int) -> Probes:
    """A guard's startup, liveness and readiness probes, by HTTP on its health port. `period` is readiness', in seconds.

    A TCP probe would not notice a guard that hangs, which still accepts; the plain port may reject kubelet's address.
    """
    return {
        "startup_probe": startup(GUARD_METRICS_PORT),
        "liveness_probe": liveness(GUARD_METRICS_PORT, 10),
        "readiness_probe": {"http_get": {"path": "/healthz", "port": GUARD_METRICS_PORT}, "period_seconds": period},
    }


def spread_over_nodes(app: str) -> TopologySpreadConstraintArgsDict:
    """A topology spread constraint: an app's pods run on different nodes where possible.

    `pod-template-hash` keeps a rollout's old pods from counting.
    """
    return {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": {"app": app}},
        "match_label_keys": ["pod-template-hash"],
    }


def rollout_minutes(of: Rollout, replicas: int) -> int:
    """Minutes that `up` waits for a Deployment's rollout before it fails: one more for each replica after the first."""
    return of.rollout_minutes + replicas - 1


def longest_rollout(of: Rollout, replicas: int) -> CustomTimeouts:
    """rollout_minutes as Pulumi's timeouts of a resource's create and update."""
    whole = f"{rollout_minutes(of, replicas)}m"
    return CustomTimeouts(create=whole, update=whole)


class Deadline(TypedDict, total=False):
    """The progress deadline in a Deployment's spec, if it is set."""

    progress_deadline_seconds: int


def progress_deadline(of: Rollout) -> Deadline:
    """`progressDeadlineSeconds`, set only where `up` waits longer than Kubernetes' default of 10 minutes: Pulumi gives
    up as soon as Kubernetes reports that a rollout makes no progress."""
    seconds = of.rollout_minutes * 60
    return {"progress_deadline_seconds": seconds} if seconds > PROGRESS_DEADLINE else {}
