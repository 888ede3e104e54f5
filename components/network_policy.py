"""NetworkPolicies of the proxies' pods. They hold where a cluster's network enforces them, not on the host network.

They need no rule for kubelet's probes, which networks let in by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import CustomResource, Output, ResourceOptions
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicyPortArgsDict,
    NetworkPolicySpecArgsDict,
)

from components import anp
from components.works import Makes
from config.monitoring_settings import MonitoringSettings
from config.proxy_settings import Proxy
from config.settings import Host

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that Kubernetes itself puts on every namespace."""


DNS: Sequence[NetworkPolicyPortArgsDict] = [
    {"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")
]
"""Ports of a cluster's DNS pods, behind its Service; 5353 is OpenShift's."""


def server_policy(host: Host, proxy: Proxy, monitoring: MonitoringSettings, opts: ResourceOptions) -> NetworkPolicy:
    """proxy-server's policy: :8091 from anywhere, the plain port only from Karmada's pods, and no egress."""
    anywhere: NetworkPolicyIngressRuleArgsDict = {"ports": [{"port": anp.AGENT_PORT, "protocol": "TCP"}]}
    karmada = _from([host.karmada_namespace], [proxy.port])
    watching = _from(monitoring.namespaces, [anp.SERVER_HEALTH_PORT, anp.GUARD_METRICS_PORT])
    return NetworkPolicy(
        f"{anp.SERVER}-policy",
        metadata={"name": anp.SERVER, "namespace": host.namespace},
        spec={
            "pod_selector": {"match_labels": {"app": anp.SERVER}},
            "policy_types": ["Ingress", "Egress"],
            "ingress": [anywhere, *karmada, *watching],
            "egress": [],
        },
        opts=opts,
    )


def agent_policy(
    name: str,
    app: str,
    namespace: str,
    monitoring: MonitoringSettings,
    ports: Output[Sequence[int]],
    opts: ResourceOptions,
    *,
    make: Makes,
) -> CustomResource:
    """proxy-agent's policy: no ingress but for metrics, and egress by port alone.

    A policy sees the address behind a Service, not the Service's own, and that address is not known here.
    """
    spec: NetworkPolicySpecArgsDict = {
        "pod_selector": {"match_labels": {"app": app}},
        "policy_types": ["Ingress", "Egress"],
        "ingress": _from(monitoring.namespaces, [anp.AGENT_HEALTH_PORT, anp.GUARD_METRICS_PORT]),
        "egress": [{"ports": ports.apply(_tcp)}, {"ports": DNS}],
    }
    return make(NetworkPolicy, name, metadata={"name": app, "namespace": namespace}, spec=spec, opts=opts)


def _from(namespaces: Sequence[str], ports: Sequence[int]) -> list[NetworkPolicyIngressRuleArgsDict]:
    """An ingress rule for the pods of some namespaces. No rule for none: one without peers would let everybody in."""
    peers: list[NetworkPolicyPeerArgsDict] = [
        {"namespace_selector": {"match_labels": {NAMESPACE_NAME: each}}} for each in namespaces
    ]
    return [{"from_": peers, "ports": _tcp(ports)}] if peers else []


def _tcp(ports: Sequence[int]) -> list[NetworkPolicyPortArgsDict]:
    return [{"port": each, "protocol": "TCP"} for each in sorted(set(ports))]
