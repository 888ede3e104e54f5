"""Monitoring: what the prometheus-operator is told of the tunnel's pods in a cluster, where that cluster has its kinds.

It runs no Prometheus and makes no kinds. Which clusters have them is settings.monitored, what is alarming alerts.py's,
and who may open a connection to read metrics network_policy.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource

from components import alerts, anp
from components.pki import TunnelPki
from config.settings import MemberSettings, MonitoringSettings, Settings

API_VERSION = "monitoring.coreos.com/v1"
METRICS_PORTS: Mapping[str, Sequence[str]] = {
    anp.SERVER: [anp.METRICS, anp.GUARD_METRICS],
    anp.AGENT: [anp.METRICS, anp.GUARD_METRICS],
}
"""The named ports of an app's pods that serve /metrics."""


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """`app` is the label of the pods and the name of both objects, `labels` is what a Prometheus finds them by."""

    app: str
    namespace: str
    labels: Mapping[str, str]
    rules: Sequence[Input[alerts.Rule]]


class Monitoring(ComponentResource):
    """A PodMonitor for an app's pods, and a PrometheusRule with its alerts, in the namespace of the pods."""

    def __init__(self, name: str, args: MonitoringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Monitoring", name, None, opts)
        child = ResourceOptions(parent=self)
        CustomResource(
            name,
            api_version=API_VERSION,
            kind="PodMonitor",
            metadata={"name": args.app, "namespace": args.namespace, "labels": args.labels},
            spec={
                "selector": {"matchLabels": {"app": args.app}},
                "podMetricsEndpoints": [{"port": port} for port in METRICS_PORTS[args.app]],
            },
            opts=child,
        )
        CustomResource(
            name,
            api_version=API_VERSION,
            kind="PrometheusRule",
            metadata={"name": args.app, "namespace": args.namespace, "labels": args.labels},
            spec={"groups": [{"name": args.app, "rules": args.rules}]},
            opts=child,
        )
        self.register_outputs({})


def server_monitoring(
    settings: Settings, *, pki: TunnelPki, agents: Mapping[str, Output[str]], opts: ResourceOptions
) -> None:
    """proxy-server's Monitoring, if the host has the kinds. It tells of all certificates: this stack renews them.

    `agents` says when the certificate of each member's agents ends, of the members that are expected to be connected.
    """
    host = settings.host
    if host not in settings.monitored:
        return
    ends = {**pki.certificate_ends, **{f"{member}-agent": each for member, each in sorted(agents.items())}}
    rules: list[Input[alerts.Rule]] = [
        *alerts.server_alerts(host.namespace, len(agents)),
        *(_certificate_alert(name, each, settings) for name, each in ends.items()),
    ]
    args = MonitoringArgs(app=anp.SERVER, namespace=host.namespace, labels=settings.monitoring.labels, rules=rules)
    Monitoring(f"{anp.SERVER}-monitoring", args, opts)


def agent_monitoring(
    name: str, member: MemberSettings, monitoring: MonitoringSettings, opts: ResourceOptions
) -> Monitoring:
    """proxy-agent's Monitoring in a member."""
    rules = alerts.agent_alerts(member.name, member.namespace)
    args = MonitoringArgs(app=anp.AGENT, namespace=member.namespace, labels=monitoring.labels, rules=rules)
    return Monitoring(name, args, opts)


def _certificate_alert(name: str, ends: Output[str], settings: Settings) -> Output[alerts.Rule]:
    days, namespace = settings.monitoring.certificate_days, settings.host.namespace
    return ends.apply(lambda at: alerts.certificate_alert(name, at, days, namespace))
