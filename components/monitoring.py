"""Monitoring: a PodMonitor and a PrometheusRule for the tunnel's pods, in clusters that have the prometheus-operator.

It runs no Prometheus and installs no CRDs. `settings.monitored` lists the clusters that have them, alerts.py has the
rules, and network_policy.py lets a Prometheus connect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource

from components import alerts, anp
from components.pki import TunnelPki
from components.server_pod import SERVER_MEMORY
from config.monitoring_settings import MonitoringSettings, Probes
from config.pod_settings import quantity
from config.proxy_settings import GuardedProxy, Proxy
from config.settings import MemberSettings, Settings

API_VERSION = "monitoring.coreos.com/v1"
KARMADA_API = "https://karmada-apiserver.{}.svc:5443"
"""Karmada's API server, as pods of the host cluster reach it in Karmada's own installations."""
METRICS_PORTS: Mapping[str, Sequence[str]] = {
    anp.SERVER: [anp.METRICS, anp.GUARD_METRICS],
    anp.AGENT: [anp.METRICS, anp.GUARD_METRICS],
}
"""The named ports of an app's pods that serve /metrics."""


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """`app` is the pods' `app` label and the name of both objects, which a Prometheus selects by `labels`. `runbooks`
    is the address of docs/alerts.md."""

    app: str
    namespace: str
    labels: Mapping[str, str]
    runbooks: str
    rules: Sequence[Input[alerts.Rule]]


class Monitoring(ComponentResource):
    """A PodMonitor for an app's pods and a PrometheusRule with its alerts, in the pods' namespace."""

    def __init__(self, name: str, args: MonitoringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Monitoring", name, None, opts)
        child = ResourceOptions(parent=self)
        rules = [Output.from_input(each).apply(partial(alerts.with_runbook, page=args.runbooks)) for each in args.rules]
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
            spec={"groups": [{"name": args.app, "rules": rules}]},
            opts=child,
        )
        self.register_outputs({})


def server_monitoring(
    settings: Settings,
    *,
    pki: TunnelPki,
    agents: Mapping[str, Output[str]],
    behind: Collection[str],
    opts: ResourceOptions,
) -> None:
    """proxy-server's Monitoring, if the host has the CRDs. Its alerts cover all certificates: this stack renews them.

    `agents` has, by name, each member that should be connected, with the end of its agents' certificate (RFC 3339).
    Those `behind` may have an earlier certificate, whose end nobody knows.
    """
    host = settings.host
    if host not in settings.monitored:
        return
    current = {f"{member}-agent": each for member, each in sorted(agents.items()) if member not in behind}
    ends = {**pki.certificate_ends, **current}
    rules: list[Input[alerts.Rule]] = [
        *alerts.server_alerts(host.namespace, len(agents), _memory_limit(settings.proxy), pulumi.get_stack()),
        *(_certificate_alert(name, each, settings) for name, each in ends.items()),
        *(alerts.behind_alert(member, host.namespace) for member in sorted(agents.keys() & behind)),
    ]
    probes = settings.monitoring.probes
    if probes and agents:
        rules += alerts.probe_alerts(host.namespace, pulumi.get_stack())
        _probe(settings, probes, sorted(agents), opts)
    Monitoring(f"{anp.SERVER}-monitoring", _args(anp.SERVER, host.namespace, settings.monitoring, rules), opts)


def _memory_limit(proxy: Proxy) -> int:
    """Bytes that proxy-server may hold, 0 without a limit."""
    if not isinstance(proxy, GuardedProxy):
        return 0
    limit = proxy.resources.limits.get("memory", 0) if proxy.resources else SERVER_MEMORY
    return int(quantity(limit))


def _probe(settings: Settings, probes: Probes, members: Sequence[str], opts: ResourceOptions) -> None:
    """A Probe, by which Prometheus has every member asked for `/readyz` through Karmada; `member` is a label."""
    host = settings.host
    api = probes.api or KARMADA_API.format(host.karmada_namespace)
    CustomResource(
        "proxy-members",
        api_version=API_VERSION,
        kind="Probe",
        metadata={"name": "proxy-members", "namespace": host.namespace, "labels": settings.monitoring.labels},
        spec={
            "jobName": alerts.probe_job(host.namespace),
            "module": probes.module,
            "prober": {"url": probes.prober},
            "targets": {
                "staticConfig": {
                    "static": [f"{api}{anp.PROXY_PATH.format(each)}/readyz" for each in members],
                    "relabelingConfigs": [
                        {
                            "sourceLabels": ["instance"],
                            "regex": f".*{anp.PROXY_PATH.format('([^/]+)')}/readyz",
                            "targetLabel": "member",
                        }
                    ],
                }
            },
        },
        opts=opts,
    )


def agent_monitoring(
    name: str, member: MemberSettings, monitoring: MonitoringSettings, opts: ResourceOptions
) -> Monitoring:
    """proxy-agent's Monitoring, in the member's cluster."""
    rules = alerts.agent_alerts(member.name, member.namespace)
    return Monitoring(name, _args(anp.AGENT, member.namespace, monitoring, rules), opts)


def _args(
    app: str, namespace: str, settings: MonitoringSettings, rules: Sequence[Input[alerts.Rule]]
) -> MonitoringArgs:
    return MonitoringArgs(app=app, namespace=namespace, labels=settings.labels, runbooks=settings.runbooks, rules=rules)


def _certificate_alert(name: str, ends: Output[str], settings: Settings) -> Output[alerts.Rule]:
    days, namespace = settings.monitoring.certificate_days, settings.host.namespace
    return ends.apply(lambda at: alerts.certificate_alert(name, at, days, namespace))
