"""Registration: what the Karmada API holds for a member's tunnel.

For a member joined by `karmadactl register`, RBAC to update its own Cluster object, which its karmada-agent needs to
report the tunnel; in a guarded stack, the credential that Karmada shows to the host guard. It does not create Clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pulumi import Output, Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResourcePatch
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

from components.anp import AGENT_USER
from components.host_guard import credential
from components.moved import moved_out_of
from components.revision import revision
from components.secret_files import checksum_of
from config.proxy_settings import Frontend


@dataclass(frozen=True, kw_only=True)
class RegistrationArgs:
    """`cluster` is the Cluster object's name; `registered` is whether `karmadactl register` made it.

    `mac_keys` are the keys with which the host guard verifies credentials; Karmada's is made with the first.
    """

    cluster: str
    registered: bool
    frontend: Frontend
    mac_keys: Sequence[Output[str]] = ()


class Registration:
    """RBAC (`grant`), which must exist before karmada-agent gets its flags, and `spec.proxyHeader` of the Cluster.

    Not a component (moved.py says why): its resources are children of `opts.parent`.

    karmada-agent never writes `proxyHeader`. Destroy deletes the RBAC. The header is removed by the Command that gives
    back karmada-agent's flags, if the Cluster still exists: Pulumi would fail where it does not, so it *retains* it.
    """

    grant: Sequence[Resource]
    """The ClusterRole and its binding by which a registered member's karmada-agent reports the tunnel, or nothing."""
    headers: Sequence[CustomResourcePatch]
    """The patch with the header by which Karmada passes the host guard; empty before show()."""
    revision: Output[str]
    """Changes with the credential on the Cluster object, and when a refresh finds that object changed."""
    checksum: Output[str]
    """Changes with the credential alone. It is a hash of a MAC, and reveals nothing of it."""

    def __init__(self, name: str, args: RegistrationArgs, opts: ResourceOptions) -> None:
        self._name, self._args, self._opts = name, args, moved_out_of("Registration", name, opts)
        self.headers = []
        self.grant = _grant(name, args.cluster, self._opts) if args.registered else []
        self.revision = Output.from_input("")
        self.checksum = Output.unsecret(Output.all(*args.mac_keys).apply(partial(_checksum, args.cluster)))

    def show(self, after: Sequence[Resource]) -> None:
        """Makes Karmada show the credential, `after` the guard knows its key and the Command that removes it exists."""
        if self._args.frontend is Frontend.GUARDED:
            opts = ResourceOptions.merge(self._opts, ResourceOptions(depends_on=list(after)))
            self.headers = [_proxy_header(self._name, self._args, opts)]
            self.revision = revision(self.headers[0])


def _grant(name: str, cluster: str, opts: ResourceOptions) -> list[Resource]:
    """A ClusterRole and its binding: the member's own karmada-agent may get and update this one Cluster object."""
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
    """A server-side apply patch of the Cluster object that owns `spec.proxyHeader` alone.

    Pulumi leaves the field on destroy (retain_on_delete); the Command that gives back the flags removes it.
    """
    return CustomResourcePatch(
        f"{name}-header",
        api_version="cluster.karmada.io/v1alpha1",
        kind="Cluster",
        metadata={"name": args.cluster},
        spec={"proxyHeader": {"Proxy-Authorization": args.mac_keys[0].apply(partial(credential, args.cluster))}},
        opts=ResourceOptions.merge(opts, ResourceOptions(additional_secret_outputs=["spec"], retain_on_delete=True)),
    )
