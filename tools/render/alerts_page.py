"""`python -m tools.render.alerts_page`: prints docs/alerts.md, the runbook of every alert, from components/alerts.py.

An alert's annotation `runbook_url` leads to its section there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from components import alerts
from components.alerts import Rule

NAMESPACE, STACK = "karmada-system", "prod"
HEAD = """\
# Alerts

What each alert of [monitoring](operations.md#monitoring) means and what to do. The annotation `runbook_url` of an alert
leads here: set `monitoring.runbooks` to the address at which you read this page. The labels `namespace`, `member` and
`certificate` say where. In the expressions the proxies are in the namespace `karmada-system`, and in the commands the
stack is `prod`: `make` takes STACK, not the selected stack, and selects it."""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n\n".join([HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    of_host = [
        *alerts.probe_alerts(NAMESPACE, STACK),
        *alerts.server_alerts(NAMESPACE, 100, 512 * 2**20, STACK),
        alerts.certificate_alert("NAME-agent", "2027-01-01T00:00:00Z", 14, NAMESPACE),
        alerts.behind_alert("NAME", NAMESPACE),
    ]
    for rule in of_host:
        yield _section(rule, "the host cluster")
    for rule in alerts.agent_alerts("NAME", NAMESPACE):
        yield _section(rule, "the member's own cluster")


def _section(rule: Rule, where: str) -> str:
    notes = rule["annotations"]
    heading = f"## {rule['alert']}\n\n*{rule['labels']['severity'].capitalize()}*, after {rule['for']}, in {where}:"
    return f"{heading} {_plain(notes['summary'])}. {_plain(notes['description'])}\n\nIt fires while `{rule['expr']}`."


def _plain(text: str) -> str:
    """A text without Prometheus' templates: `{{ $labels.pod }}` is POD, `{{ $value }}` is N."""
    named = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: found[1].upper(), text)
    return re.sub(r"{{ \$value[^}]*}}", "N", named)


if __name__ == "__main__":
    print(page(), end="")
