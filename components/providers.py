"""The Kubernetes providers of a stack: the host cluster, the Karmada API, and one a member that has a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes

from config.settings import Cluster, Settings

PAUSED_SECONDS = 5
"""How long a paused member's API may take to answer; where packets are dropped, Pulumi would wait a minute."""


@dataclass(frozen=True, kw_only=True)
class Providers:
    """A provider for each API that the stack speaks to, `members` by the member's name: its own, or the Karmada API's
    where that alone gets at it."""

    host: kubernetes.Provider
    karmada: kubernetes.Provider
    members: Mapping[str, kubernetes.Provider]


def providers(settings: Settings, adopting: Sequence[Cluster]) -> Providers:
    """The providers of a stack. Everything in a cluster is made through one of them.

    In those that are `adopting` what was made by hand is taken over.
    """
    host = settings.host
    karmada = _provider("karmada", host, host.karmada_context)
    return Providers(
        host=_provider("host", host, host.context, adopt=host in adopting),
        karmada=karmada,
        members={
            each.name: karmada
            if each.delivered
            else _provider(f"member-{each.name}", each, each.context, each.paused, each in adopting, each.gone)
            for each in [*settings.members, *settings.gone]
        },
    )


def _provider(
    name: str, cluster: Cluster, context: str, paused: bool = False, adopt: bool = False, gone: bool = False
) -> kubernetes.Provider:
    """A provider that keeps its identity when a kubeconfig's path or a context's name changes.

    A paused member is not waited for long, and when it does not answer, what it has is left as it is. What is in one
    that is `gone` is forgotten.

    Secrets are changed in place: a replaced one would take its Deployment with it, and the tunnel for half a minute.

    To `adopt` it may update what it would create, and take fields from whoever set them; otherwise either is an error.
    """
    return kubernetes.Provider(
        name,
        kubeconfig=os.path.expanduser(cluster.kubeconfig) or None,
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
