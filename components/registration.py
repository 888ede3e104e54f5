"""Registration: what the Karmada API holds for a member's tunnel.

For a member joined by `karmadactl register`, the right to update its own Cluster object, which its agent needs to
report the tunnel; for a guarded stack, the credential that Karmada shows to the guard. It does not create the Cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResourcePatch
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

from components.anp import AGENT_USER
from components.field_manager import ANNOTATION, field_manager
from components.host_guard import credential
from components.revision import revision
from components.secret_files import checksum_of
from config.proxy_settings import Frontend


@dataclass(frozen=True, kw_only=True)
class RegistrationArgs:
    """The Cluster object's name, whether `karmadactl register` made it, and the keys by which a guard knows who asks.

    Karmada shows the one of the first.
    """

    cluster: str
    registered: bool
    frontend: Frontend
    mac_keys: Sequence[Output[str]] = ()


class Registration(ComponentResource):
    """The grant, which must be there before karmada-agent gets its flags, and `spec.proxyHeader` of the Cluster.

    Destroy takes both away; karmada-agent never touches `proxyHeader`. What gives back the flags takes the header, if
    the Cluster is there still: Pulumi, which *retains* it, would fail where it is not.
    """

    grant: Sequence[Resource]
    """What a registered member's karmada-agent needs to report the tunnel."""
    headers: Sequence[CustomResourcePatch]
    """What Karmada needs to pass the guard."""
    revision: Output[str]
    """Another one after each change of the credential on the Cluster object, and where a refresh has found the object
    another than it was."""
    checksum: Output[str]
    """Another one after each change of the credential alone. It is of a MAC, and tells nothing of it."""

    def __init__(self, name: str, args: RegistrationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Registration", name, None, opts)
        self._name, self._args = name, args
        self.headers = []
        self.grant = _grant(name, args.cluster, ResourceOptions(parent=self)) if args.registered else []
        self.revision = Output.from_input("")
        self.checksum = Output.unsecret(Output.all(*args.mac_keys).apply(partial(_checksum, args.cluster)))
        self.register_outputs({})

    def show(self, after: Sequence[Resource]) -> None:
        """Has Karmada show the credential, `after` the guard knows it and what gives it back is there."""
        if self._args.frontend is Frontend.GUARDED:
            opts = ResourceOptions(parent=self, depends_on=list(after))
            self.headers = [_proxy_header(self._name, self._args, opts)]
            self.revision = revision(self.headers[0])


def _grant(name: str, cluster: str, opts: ResourceOptions) -> list[Resource]:
    """Reading and updating this one Cluster, for its own agent."""
    role_name = f"karmada-anp:{cluster}"
    role = ClusterRole(
        f"{name}-role",
        metadata={"name": role_name},
        rules=[
            {
                "api_groups": ["cluster.karmada.io"],
                "resources": ["clusters"],
                "resource_names": [cluster],
                "verbs": ["get", "update"],
            }
        ],
        opts=opts,
    )
    binding = ClusterRoleBinding(
        f"{name}-binding",
        metadata={"name": role_name},
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role_name},
        subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "User", "name": AGENT_USER.format(cluster)}],
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[role])),
    )
    return [role, binding]


def _checksum(cluster: str, keys: Sequence[str]) -> str:
    return checksum_of({"header": credential(cluster, keys[0])} if keys else {})


def _proxy_header(name: str, args: RegistrationArgs, opts: ResourceOptions) -> CustomResourcePatch:
    """The header with which Karmada goes through the guard, on the Cluster object."""
    return CustomResourcePatch(
        f"{name}-header",
        api_version="cluster.karmada.io/v1alpha1",
        kind="Cluster",
        metadata={"name": args.cluster, "annotations": {ANNOTATION: field_manager()}},
        spec={"proxyHeader": {"Proxy-Authorization": args.mac_keys[0].apply(partial(credential, args.cluster))}},
        opts=ResourceOptions.merge(opts, ResourceOptions(additional_secret_outputs=["spec"], retain_on_delete=True)),
    )
