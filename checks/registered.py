"""Whether `karmadactl register` joined a member: then its karmada-agent has rights of its own, and lacks one."""

from __future__ import annotations

from clusters.api import CLUSTER_ROLE_BINDINGS, Asking
from clusters.kubeconfig import Context

BINDING = "system:karmada:{0}:agent"
"""The ClusterRoleBinding that `karmadactl register` makes in the Karmada API for a member (its register.go)."""


def is_registered(asking: Asking, karmada: Context, member: str, said: bool | None) -> bool:
    """What the config says or, where it does not, the Karmada API. Raises Unavailable where that does not tell."""
    return asking.get(karmada, CLUSTER_ROLE_BINDINGS, BINDING.format(member)) is not None if said is None else said
