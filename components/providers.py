"""The Kubernetes providers: one for the host cluster, one for the Karmada API, one per member with a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes

from config.settings import Cluster, Settings

PAUSED_SECONDS = 5
"""Timeout of requests to the API of a paused or gone member; where packets are dropped, Pulumi would wait a minute."""


@dataclass(frozen=True, kw_only=True)
class Providers:
    """A provider for each API. `members` has one by each member's name: its own cluster's, or with `access: karmada`
    the Karmada API's."""

    host: kubernetes.Provider
    karmada: kubernetes.Provider
    members: Mapping[str, kubernetes.Provider]


def providers(settings: Settings, taken_over: Sequence[Cluster]) -> Providers:
    """The providers of a stack. Every Kubernetes object is made through one of them.

    In the clusters in `taken_over` they take over what was made by hand.
    """
    host = settings.host
    karmada = _provider("karmada", host, host.karmada_context)
    return Providers(
        host=_provider("host", host, host.context, adopt=host in taken_over),
        karmada=karmada,
        members={
            each.name: karmada
            if each.delivered
            else _provider(f"member-{each.name}", each, each.context, each.paused, each in taken_over, each.gone)
            for each in [*settings.members, *settings.gone]
        },
    )


def _provider(
    name: str, cluster: Cluster, context: str, paused: bool = False, adopt: bool = False, gone: bool = False
) -> kubernetes.Provider:
    """A provider that is not replaced when a kubeconfig's path or a context's name changes (`cluster_identifier`).

    Objects in a `paused` member that does not answer are left as they are; those in one that is `gone` are dropped from
    the state.

    Secrets are changed in place: replacing one would replace its Deployment too, and cut the tunnel for half a minute.

    With `adopt` a create is an upsert, and a patch takes fields from other field managers; otherwise both are errors.
    """
    return kubernetes.Provider(
        name,
        # not None, for which the SDK gives KUBECONFIG's value: the plugin takes several paths in it for a kubeconfig
        kubeconfig=os.path.expanduser(cluster.kubeconfig),
        context=context,
        cluster_identifier=name,
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        upsert_existing_objects=adopt or None,
        enable_patch_force=adopt or None,
        skip_update_unreachable=paused or None,
        delete_unreachable=gone or None,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(timeout=PAUSED_SECONDS) if paused or gone else None,
    )
