"""`monitoring`: objects of the prometheus-operator, and who may read metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from config.fields import Labels, Model, Name, Text


class Probes(Model):
    """A Probe of the prometheus-operator: a blackbox exporter asks every member through Karmada."""

    prober: Text = Field(description="Where the blackbox exporter listens: HOST:PORT, as Prometheus reaches it")
    module: Text = Field("karmada_member", description="Its module, which has the credentials for the Karmada API")
    api: Text = Field(
        "", description="URL of the Karmada API as the exporter reaches it; by default its Service in the host cluster"
    )


class MonitoringSettings(Model):
    """Objects of the prometheus-operator, and who may read metrics."""

    enabled: bool = Field(False, description="Make PodMonitors and PrometheusRules in clusters that have their CRDs")
    namespaces: Sequence[Name] = Field((), description="Let pods in these namespaces read health and metrics")
    labels: Labels = Field({}, description="Labels of these objects, by which a Prometheus selects them")
    runbooks: Text = Field(
        "docs/alerts.md", description="Address of docs/alerts.md, to whose sections the alerts' `runbook_url` leads"
    )
    probes: Probes | None = Field(None, description="Ask every member through Karmada, and alert by the member's name")
    certificate_days: Annotated[int, Field(ge=1, le=365)] = Field(
        14, description="Days before the end of a certificate from which on the alert fires"
    )
