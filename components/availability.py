"""What keeps a proxy with several pods available while nodes fail or are drained."""

from __future__ import annotations

from pulumi import CustomTimeouts, ResourceOptions
from pulumi_kubernetes.core.v1 import TopologySpreadConstraintArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget


def disruption_budget(name: str, app: str, namespace: str, opts: ResourceOptions) -> PodDisruptionBudget:
    """Lets a drain of nodes take one pod of an app at a time. With a single pod it would never let a node go."""
    return PodDisruptionBudget(
        name,
        metadata={"name": app, "namespace": namespace},
        spec={"max_unavailable": 1, "selector": {"match_labels": {"app": app}}},
        opts=opts,
    )


def spread_over_nodes(app: str) -> TopologySpreadConstraintArgsDict:
    """Puts the pods of an app on different nodes, as far as there are any."""
    return {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": {"app": app}},
    }


def longest_rollout(replicas: int) -> CustomTimeouts:
    """How long `up` waits for a Deployment whose pods are replaced, before it fails."""
    return CustomTimeouts(create="3m", update=f"{2 + replicas}m")
