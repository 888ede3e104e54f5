"""`python -m tools.render.dashboard`: prints docs/dashboard.json, a Grafana dashboard of a stack, for import.

It reads the Prometheus of the host cluster. The panels of members read the metrics of `monitoring.probes`; all others
read those of proxy-server and the host guard. Variables: the Prometheus, and the proxies' namespace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusters.objects import Json
from components.alerts import PREFIX, SERVER_METRICS, WINDOW, probe_job
from components.anp import SERVER

PROBES = f'job="{probe_job("$namespace")}"'
SERVERS = f'job="$namespace/{SERVER}"'
DATASOURCE: Mapping[str, Json] = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
"""Columns of Grafana's grid."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel with one query (PromQL). `unit` is one of Grafana's; `legend` names a series by its labels."""

    title: str
    expr: str
    says: str = ""
    kind: str = "timeseries"
    legend: str = "{{pod}}"
    unit: str = "short"
    width: int = 8
    height: int = 7


ROWS: Sequence[Sequence[Panel]] = (
    (
        Panel(title="Members", kind="stat", width=4, height=4, expr=f"count(probe_success{{{PROBES}}})"),
        Panel(
            title="Not reached",
            kind="stat",
            width=4,
            height=4,
            expr=f"count(probe_success{{{PROBES}}} == 0) or 0 * count(probe_success{{{PROBES}}})",
        ),
        Panel(
            title="Connected to the worst server",
            kind="stat",
            width=4,
            height=4,
            expr=f"min({SERVER_METRICS}_ready_backends{{{SERVERS}}})",
        ),
        Panel(
            title="Alerts",
            kind="table",
            width=12,
            height=4,
            expr="count by (alertname, member, pod) "
            f'(ALERTS{{alertname=~"{PREFIX}.*",namespace="$namespace",alertstate="firing"}})',
        ),
    ),
    (
        Panel(
            title="Members that are not reached",
            says='Say `make doctor STACK=STACK ARGS="--member NAME"` of each.',
            kind="table",
            expr=f"probe_success{{{PROBES}}} == 0",
        ),
        Panel(
            title="Members reached",
            unit="percentunit",
            legend="of all",
            expr=f"avg(probe_success{{{PROBES}}})",
        ),
        Panel(
            title="Slowest members",
            says="A request for /readyz through Karmada.",
            unit="s",
            legend="{{member}}",
            expr=f"topk(10, probe_duration_seconds{{{PROBES}}})",
        ),
    ),
    (
        Panel(title="Members connected", expr=f"{SERVER_METRICS}_ready_backends{{{SERVERS}}}"),
        Panel(
            title="Requests of Karmada",
            unit="reqps",
            legend="{{code}}",
            expr=f'sum by (code) (rate(haproxy_frontend_http_responses_total{{{SERVERS},proxy="karmada"}}[{WINDOW}]))',
        ),
        Panel(
            title="Dials that fail",
            unit="reqps",
            legend="{{reason}}",
            expr=f"sum by (reason) (rate({SERVER_METRICS}_dial_failure_count{{{SERVERS}}}[{WINDOW}]))",
        ),
    ),
    (
        Panel(
            title="Connections of the host guard",
            says="KarmadaAnpGuardFull fires at 80 %.",
            unit="percentunit",
            expr=f'haproxy_frontend_current_sessions{{{SERVERS},proxy="karmada"}} '
            f'/ haproxy_frontend_limit_sessions{{{SERVERS},proxy="karmada"}}',
        ),
        Panel(
            title="Memory of proxy-server",
            says="KarmadaAnpServerMemory fires at 80 % of the limit.",
            unit="bytes",
            expr=f"process_resident_memory_bytes{{{SERVERS}}}",
        ),
        Panel(
            title="CPU of proxy-server",
            says="In cores.",
            expr=f"rate(process_cpu_seconds_total{{{SERVERS}}}[{WINDOW}])",
        ),
    ),
)


def text() -> str:
    """The dashboard in Grafana's JSON model."""
    return json.dumps(_dashboard(), indent=2) + "\n"


def _dashboard() -> Json:
    return {
        "uid": "karmada-anp",
        "title": "Karmada: tunnels to members",
        "tags": ["karmada", "apiserver-network-proxy"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                {
                    "name": "namespace",
                    "type": "query",
                    "datasource": DATASOURCE,
                    "query": f"label_values({SERVER_METRICS}_ready_backends, namespace)",
                    "refresh": 2,
                },
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[Json]:
    top = number = 0
    for row in ROWS:
        left = 0
        for panel in row:
            number += 1
            place: Json = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield _panel(panel, number, place)
            left += panel.width
        assert left == WIDTH, f"a row of {left} columns"
        top += row[0].height


def _panel(panel: Panel, number: int, place: Json) -> Json:
    table = panel.kind == "table"
    target: Json = {
        "refId": "A",
        "datasource": DATASOURCE,
        "expr": panel.expr,
        "legendFormat": panel.legend,
        "instant": table,
        "format": "table" if table else "time_series",
    }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {},
        "targets": [target],
        "transformations": [_COLUMNS] if table else [],
    }


_COLUMNS: Json = {
    "id": "organize",
    "options": {
        "excludeByName": {
            name: True
            for name in ("Time", "Value", "__name__", "container", "endpoint", "instance", "job", "namespace")
        }
    },
}
"""Leaves out the columns of a table that say the same in each row."""


if __name__ == "__main__":
    print(text(), end="")
