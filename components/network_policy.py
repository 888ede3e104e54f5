"""Who may open connections to the proxies' pods, where a cluster's network enforces it.

What a kubelet's probes need, networks let in by themselves. Pods on the host network are not subject to any of it.
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
from config.proxy_settings import Proxy
from config.settings import Host, MonitoringSettings

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that Kubernetes itself puts on every namespace."""


DNS: Sequence[NetworkPolicyPortArgsDict] = [
    {"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")
]
"""Where a cluster's DNS answers behind its Service: 5353 is OpenShift's."""


def server_policy(host: Host, proxy: Proxy, monitoring: MonitoringSettings, opts: ResourceOptions) -> NetworkPolicy:
    """proxy-server: :8091 from anywhere, the plain port from Karmada's pods alone. It dials nobody."""
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
    """proxy-agent's: out only, by port. A policy sees the address behind a Service, which nobody knows here."""
    spec: NetworkPolicySpecArgsDict = {
        "pod_selector": {"match_labels": {"app": app}},
        "policy_types": ["Ingress", "Egress"],
        "ingress": _from(monitoring.namespaces, [anp.AGENT_HEALTH_PORT, anp.GUARD_METRICS_PORT]),
        "egress": [{"ports": ports.apply(_tcp)}, {"ports": DNS}],
    }
    return make(NetworkPolicy, name, metadata={"name": app, "namespace": namespace}, spec=spec, opts=opts)


def _from(namespaces: Sequence[str], ports: Sequence[int]) -> list[NetworkPolicyIngressRuleArgsDict]:
    """What lets pods of some namespaces in, or nothing: a rule without peers would let everybody in."""
    peers: list[NetworkPolicyPeerArgsDict] = [
        {"namespace_selector": {"match_labels": {NAMESPACE_NAME: each}}} for each in namespaces
    ]
    return [{"from_": peers, "ports": _tcp(ports)}] if peers else []


def _tcp(ports: Sequence[int]) -> list[NetworkPolicyPortArgsDict]:
    return [{"port": each, "protocol": "TCP"} for each in sorted(set(ports))]
