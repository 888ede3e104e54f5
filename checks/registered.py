"""Whether `karmadactl register` joined a member: then karmada-agent has a user of its own, which lacks one right."""

from __future__ import annotations

from clusters.api import CLUSTER_ROLE_BINDINGS, KubernetesApis
from clusters.kubeconfig import Context

BINDING = "system:karmada:{0}:agent"
"""The ClusterRoleBinding that `karmadactl register` makes in the Karmada API for a member (its register.go)."""


def is_registered(apis: KubernetesApis, karmada: Context, member: str, said: bool | None) -> bool:
    """The config's value (`said`), else whether the binding exists in the Karmada API. Raises Unavailable."""
    return apis.get(karmada, CLUSTER_ROLE_BINDINGS, BINDING.format(member)) is not None if said is None else said
