"""Server-side apply in a stack's name: what it owns of objects that are not its own, and how it gives that up.

An object that is not there, or not the stack's, is not touched: an apply would make it, or fail at what it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from clusters.api import APPLY_PATCH, CLUSTERS, DEPLOYMENTS, MERGE_PATCH, Asking, Resource
from clusters.kubeconfig import Context
from clusters.objects import Json, items, text

KINDS: Mapping[Resource, tuple[str, str]] = {
    CLUSTERS: ("cluster.karmada.io/v1alpha1", "Cluster"),
    DEPLOYMENTS: ("apps/v1", "Deployment"),
}
"""What is applied to, as Kubernetes names it."""


def owns(found: Json, manager: str) -> bool:
    """Whether a field manager has applied anything of an object."""
    return any(
        text(each, "manager") == manager and text(each, "operation") == "Apply"
        for each in items(found, "metadata", "managedFields")
    )


def apply(
    asking: Asking,
    of: Context,
    what: Resource,
    name: str,
    namespace: str = "",
    *,
    fields: Mapping[str, Json],
    manager: str,
    force: bool = False,
) -> Json:
    """Has the manager own these fields of the object and no others, with `force` whoever set them: the object as it is
    then. Raises Unavailable."""
    api_version, kind = KINDS[what]
    asked = urlencode({"fieldManager": manager, "force": str(force).lower()})
    whole: Json = {"apiVersion": api_version, "kind": kind, **fields, "metadata": {"name": name}}
    return asking.patch(of, f"{what.path(namespace, name)}?{asked}", whole, APPLY_PATCH)


def give_up_credential(asking: Asking, karmada: Context, member: str, manager: str) -> None:
    """Takes `proxyHeader` from the Cluster object, where it is there and the manager's. Raises Unavailable."""
    if owns(asking.get(karmada, CLUSTERS, member), manager):
        apply(asking, karmada, CLUSTERS, member, fields={}, manager=manager)


def clear_proxy_url(asking: Asking, karmada: Context, member: str) -> None:
    """Takes `proxyURL` from the Cluster object, whoever has set it. Raises Unavailable."""
    asking.patch(karmada, CLUSTERS.path("", member), {"spec": {"proxyURL": None}}, MERGE_PATCH)
