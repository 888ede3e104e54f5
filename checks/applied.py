"""Server-side apply by a stack's field manager: sets fields of objects that others made, and gives them up again.

Objects that do not exist, or of which the manager owns nothing, are left alone: an apply would create them, or fail
validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from checks.retry import answered
from clusters.api import APPLY_PATCH, CLUSTERS, DEPLOYMENTS, MERGE_PATCH, KubernetesApis, Resource
from clusters.kubeconfig import Context
from clusters.objects import Json, items, text

KINDS: Mapping[Resource, tuple[str, str]] = {
    CLUSTERS: ("cluster.karmada.io/v1alpha1", "Cluster"),
    DEPLOYMENTS: ("apps/v1", "Deployment"),
}
"""`apiVersion` and `kind` of the resources that are applied to."""


def owns(found: Json, manager: str) -> bool:
    """Whether a field manager owns fields of an object by server-side apply."""
    return any(
        text(each, "manager") == manager and text(each, "operation") == "Apply"
        for each in items(found, "metadata", "managedFields")
    )


def apply(
    apis: KubernetesApis,
    of: Context,
    what: Resource,
    name: str,
    namespace: str = "",
    *,
    fields: Mapping[str, Json],
    manager: str,
    force: bool = False,
) -> Json:
    """Makes the field manager own exactly these fields of an object, and returns the object. `force` takes fields over
    from other managers. Raises Unavailable, also on a conflict with one."""
    api_version, kind = KINDS[what]
    query = urlencode({"fieldManager": manager, "force": str(force).lower()})
    manifest: Json = {"apiVersion": api_version, "kind": kind, **fields, "metadata": {"name": name}}
    return apis.patch(of, f"{what.path(namespace, name)}?{query}", manifest, APPLY_PATCH)


def give_up_credential(apis: KubernetesApis, karmada: Context, member: str, manager: str) -> None:
    """Removes the `proxyHeader` that the manager has set on the Cluster object, if any. Raises Unavailable."""
    if owns(answered(lambda: apis.get(karmada, CLUSTERS, member)), manager):
        apply(apis, karmada, CLUSTERS, member, fields={}, manager=manager)


def clear_proxy_url(apis: KubernetesApis, karmada: Context, member: str) -> None:
    """Removes `proxyURL` from the Cluster object, whoever has set it. Raises Unavailable."""
    apis.patch(karmada, CLUSTERS.path("", member), {"spec": {"proxyURL": None}}, MERGE_PATCH)
