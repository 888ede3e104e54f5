"""Whether `karmadactl register` joined a member: then karmada-agent has a user of its own, which lacks one right."""

from __future__ import annotations

from collections.abc import Set

from clusters.api import CLUSTER_ROLE_BINDINGS, FORBIDDEN, KubernetesApis
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import text

BINDING = "system:karmada:{0}:agent"
"""The ClusterRoleBinding that `karmadactl register` makes in the Karmada API for a member (its register.go)."""


def bindings(apis: KubernetesApis, karmada: Context) -> Set[str] | None:
    """The names of all ClusterRoleBindings of the Karmada API, or None if the user may not list them. Raises
    Unavailable."""
    try:
        return {text(each, "metadata", "name") for each in apis.all(karmada, CLUSTER_ROLE_BINDINGS)}
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        return None


def is_registered(
    apis: KubernetesApis, karmada: Context, member: str, said: bool | None, known: Set[str] | None = None
) -> bool:
    """The config's value (`said`), else whether the binding exists in the Karmada API: among those `known`, if any are.
    Raises Unavailable."""
    if said is not None:
        return said
    name = BINDING.format(member)
    return name in known if known is not None else apis.get(karmada, CLUSTER_ROLE_BINDINGS, name) is not None
