"""Prometheus alerting rules for the tunnel. This file only makes data; monitoring.py deploys it.

Whom an alert reaches, and how, is Alertmanager's. Thresholds are zero, since what these metrics count is never right,
and FULL for connections in use and memory.
Sources: ANP's pkg/{server,agent}/metrics and HAProxy's prometheus exporter; tests/parts/recorded has every metric.

ANP does not count a CONNECT to a member that has no agent; only the guard sees it, as a 500 of proxy-server.
`ready_backends` counts agents' identifiers: one for each member, however many agents it has.
`open_server_connections` does not exist before the first connection; `known_server_count` always does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from components import anp

SERVER_METRICS = "konnectivity_network_proxy_server"
AGENT_METRICS = "konnectivity_network_proxy_agent"

API_SERVER_UP = 'haproxy_server_status{proxy="health",server="api-server",state="UP"} 1'
"""A line of the member guard's metrics while its health check of the API server succeeds."""

FULL = 0.8
"""The share of a guard's connection limit, and of proxy-server's memory limit, above which an alert fires."""

PREFIX = "KarmadaAnp"
WINDOW = "5m"
"""The window of rates. An alert that fires for longer is about something that goes on, not about one mishap."""

SOON, LATER = "5m", "10m"
"""`for` of a critical alert and of a warning: longer than a rollout takes.

`critical` and `warning` are the severities that Alertmanager's usual routes tell apart."""

Rule = TypedDict(
    "Rule", {"alert": str, "expr": str, "for": str, "labels": Mapping[str, str], "annotations": Mapping[str, str]}
)
"""An alerting rule as Prometheus and the prometheus-operator write it."""


def server_alerts(namespace: str, members: int, memory: int, stack: str) -> list[Rule]:
    """Alerts on proxy-server and the host guard. `members` is how many members should be connected, and `memory` how
    many bytes proxy-server may hold, 0 without a limit; `stack` is the stack's name, which make is to be given."""
    job = f"{namespace}/{anp.SERVER}"
    connected = _series(f"{SERVER_METRICS}_ready_backends", job)
    rules = [
        _critical(
            "ServerAbsent",
            f"absent({connected})",
            "There are no metrics of proxy-server",
            f"proxy-server does not run, and Karmada reaches no member of this stack. {_unread(namespace, anp.SERVER)}",
        ),
        _warning(
            "DialsFail",
            _goes_on(_series(f"{SERVER_METRICS}_dial_failure_count", job), "pod, reason"),
            "Dials through {{ $labels.pod }} fail: {{ $labels.reason }}",
            "A member's proxy-agent is connected, but does not dial. error_response: the guard in its pod did not "
            "answer. backend_dial_timeout or backend_close: the agent did not answer, or went. "
            f"`make doctor STACK={stack}` says which member it is, and names an agent that is stuck.",
        ),
        *([_memory_alert(job, memory)] if memory else []),
        *_guard_alerts(namespace, job, stack),
        *_connection_alerts(connected, members, stack),
    ]
    return [_labelled(rule, namespace=namespace) for rule in rules]


def agent_alerts(member: str, namespace: str) -> list[Rule]:
    """Alerts on proxy-agent, in the member's own cluster."""
    job = f"{namespace}/{anp.AGENT}"
    servers = _series(f"{AGENT_METRICS}_known_server_count", job)
    connections = _series(f"{AGENT_METRICS}_open_server_connections", job)
    well = _series("haproxy_server_status", job, proxy="health", state="UP")
    rules = [
        _critical(
            "AgentAbsent",
            f"absent({servers})",
            "There are no metrics of proxy-agent",
            f"proxy-agent does not run, and Karmada does not reach this cluster. {_unread(namespace, anp.AGENT)}",
        ),
        _critical(
            "AgentDisconnected",
            f"{servers} > ({connections} or 0 * {servers})",
            "{{ $labels.pod }} is not connected to each of {{ $value }} proxy-servers",
            "Karmada's requests fail at those where it is missing. Its log says why: look whether this cluster reaches "
            "the host's address, and whether a firewall between cuts connections. A refused certificate is mended by "
            "`pulumi up`.",
        ),
        _warning(
            "EndpointDialsFail",
            _goes_on(_series(f"{AGENT_METRICS}_endpoint_dial_failure_total", job), "pod, reason"),
            "{{ $labels.pod }} does not reach the guard in its own pod: {{ $labels.reason }}",
            f"Look at `kubectl -n {namespace} logs {{{{ $labels.pod }}}} -c {anp.MEMBER_GUARD}`: whether it runs.",
        ),
        _critical(
            "MemberGuardAbsent",
            f"absent({well})",
            "There are no metrics of the guard beside proxy-agent",
            f"It does not run, and Karmada does not reach this cluster. {_unread(namespace, anp.AGENT)}",
        ),
        _critical(
            "ApiServerDown",
            f"{well} == 0",
            "{{ $labels.pod }} does not reach a well API server",
            "Karmada's requests to this cluster fail. The guard dials what every pod is told of its API server, or the "
            "member's apiAddress: look whether it is well, and whether a NetworkPolicy lets the pods out to its port "
            "(apiPorts).",
        ),
        _full(
            "MemberGuardFull",
            job,
            anp.AGENT,
            "The guard beside proxy-agent",
            "a proxy-server gives all its sessions to the agent that connected to it first, so only more proxy-servers "
            "(proxy.replicas), with as many agents (replicas of the member), share them.",
        ),
    ]
    return [_labelled(rule, namespace=namespace, member=member) for rule in rules]


def probe_alerts(namespace: str, stack: str) -> Sequence[Rule]:
    """The alerts that a member does not answer through Karmada, by a blackbox exporter's `probe_success`, and that
    there is no such metric."""
    success = _series("probe_success", probe_job(namespace))
    absent = _critical(
        "ProbesAbsent",
        f"absent({success})",
        "Nobody asks whether Karmada reaches the members",
        "The blackbox exporter does not answer (monitoring.probes.prober), or Prometheus does not select the Probe "
        f"(`kubectl -n {namespace} get probes`, monitoring.labels): {PREFIX}MemberNotReached cannot fire.",
    )
    rule = _critical(
        "MemberNotReached",
        f"{success} == 0",
        "Karmada does not reach {{ $labels.member }}",
        f'Every request through Karmada to it fails. `make doctor STACK={stack} ARGS="--member '
        '{{ $labels.member }}"` says where the path breaks, and what to do. A member that is meant to be away is '
        "better paused (members.NAME.paused).",
    )
    return [_labelled(each, namespace=namespace) for each in (rule, absent)]


def probe_job(namespace: str) -> str:
    """The label `job` of the probes' metrics."""
    return f"{namespace}/proxy-members"


def certificate_alert(name: str, ends: str, days: int, namespace: str) -> Rule:
    """The alert that a certificate `ends` (RFC 3339, in any zone) within some days.

    No metric has the end of a certificate, so it is in the rule itself, as of the last `up`.
    """
    at = int(datetime.fromisoformat(ends).timestamp())
    rule = _warning(
        "CertificateEnds",
        f"vector({at}) - time() < {days} * 86400",
        f"Certificate {name} ends in {{{{ $value | humanizeDuration }}}}",
        "From then on no new connection is accepted. `pulumi up` renews it, and is overdue: run it, regularly.",
    )
    return _labelled(rule, namespace=namespace, certificate=name)


def behind_alert(member: str, namespace: str) -> Rule:
    """The alert that a member was away in the last `up`. Nobody knows when its certificate ends: what the stack has
    renewed meanwhile it has not got yet."""
    rule = _warning(
        "MemberBehind",
        "vector(1)",
        f"{member} was away in the last `pulumi up`",
        "It has what it had before, and its certificate may end. Repair its API or its karmada-agent, and run "
        "`pulumi up`: the first one in which it answers brings it up to date.",
    )
    return _labelled(rule, namespace=namespace, member=member)


def with_runbook(rule: Rule, page: str) -> Rule:
    """A rule with the annotation `runbook_url`: its section of docs/alerts.md, at the address where that is read."""
    url = f"{page}#{rule['alert'].lower()}"
    return {**rule, "annotations": {**rule["annotations"], "runbook_url": url}}


def _memory_alert(job: str, limit: int) -> Rule:
    held = _series("process_resident_memory_bytes", job)
    return _warning(
        "ServerMemory",
        f"max by (pod) ({held} / {limit}) > {FULL}",
        "proxy-server in {{ $labels.pod }} holds {{ $value | humanizePercentage }} of its memory limit",
        "At its limit it is killed, and every session through it ends. Set a higher one (proxy.resources), or have "
        "more proxy-servers (proxy.replicas) share the sessions.",
    )


def _guard_alerts(namespace: str, job: str, stack: str) -> Sequence[Rule]:
    refused = _series("haproxy_frontend_requests_denied_total", job, proxy="karmada")
    rejected = _series("haproxy_frontend_denied_connections_total", job, proxy="karmada")
    failed = _series("haproxy_backend_http_responses_total", job, proxy="proxy-server", code="5xx")
    return [
        _critical(
            "GuardAbsent",
            f"absent({refused})",
            "There are no metrics of the guard",
            f"The guard beside proxy-server does not run, and nobody answers Karmada. {_unread(namespace, anp.SERVER)}",
        ),
        _warning(
            "NoTunnel",
            _goes_on(failed, "pod"),
            "Requests that {{ $labels.pod }} let through got no tunnel",
            f"With {PREFIX}DialsFail: see there. Alone: no agent of that member is connected to this proxy-server, or "
            f"it is stuck. `make doctor STACK={stack}` says which member's it is, and what to do.",
        ),
        _warning(
            "RequestsRefused",
            _goes_on(refused, "pod"),
            "The guard of {{ $labels.pod }} refuses requests",
            f"`kubectl -n {namespace} logs {{{{ $labels.pod }}}} -c {anp.GUARD}` says whose and why: 407 without the "
            "right credential, 405 what is no CONNECT. If they are Karmada's, `pulumi up --refresh` gives it the "
            "credential, and karmada-search takes another one when it starts; if not, close the port to whoever it is.",
        ),
        _warning(
            "ConnectionsRefused",
            _goes_on(rejected, "pod"),
            "The guard of {{ $labels.pod }} refuses connections",
            "They come from outside proxy.allowedSources. If they are Karmada's, whose pods or nodes have other "
            "addresses now, add their network there; if not, somebody tries a port that is not theirs.",
        ),
        _full(
            "GuardFull",
            job,
            "karmada",
            "The guard of proxy-server",
            "more proxy-servers (proxy.replicas) share them.",
        ),
    ]


def _connection_alerts(connected: str, members: int, stack: str) -> Sequence[Rule]:
    """Alerts on members that are not connected: none where none is expected, and for one member only NoAgent."""
    none = _critical(
        "NoAgent",
        f"{connected} == 0",
        "No agent is connected to {{ $labels.pod }}",
        "Karmada reaches no member through it. Look in a member at what proxy-agent logs: whether it reaches the "
        f"address that it dials (port {anp.AGENT_PORT}, or the Service's), or a certificate is refused, which "
        "`pulumi up` mends.",
    )
    some = _warning(
        "MembersMissing",
        f"({connected} > 0) < {members}",
        f"Agents of only {{{{ $value }}}} of {members} members are connected to {{{{ $labels.pod }}}}",
        f"Karmada does not reach the others through it. `make status STACK={stack}` says which do not answer; look at "
        f"{anp.AGENT} there. A member that is meant to be away is better paused (members.NAME.paused).",
    )
    return [none, some][: min(members, 2)]


def _series(metric: str, job: str, **labels: str) -> str:
    """The selector of a metric's series. `job` is `NAMESPACE/NAME` of the PodMonitor, as the operator labels series."""
    matchers = ",".join(f'{label}="{value}"' for label, value in {"job": job, **labels}.items())
    return f"{metric}{{{matchers}}}"


def _goes_on(counter: str, by: str) -> str:
    """An expression that is true while a counter grows."""
    return f"sum by ({by}) (rate({counter}[{WINDOW}])) > 0"


def _full(name: str, job: str, frontend: str, what: str, shared: str) -> Rule:
    """The alert that a guard's frontend has used FULL of its connection limit; `shared` is what spreads these."""
    now, limit = (_series(f"haproxy_frontend_{each}_sessions", job, proxy=frontend) for each in ("current", "limit"))
    return _warning(
        name,
        f"max by (pod) ({now} / {limit}) > {FULL}",
        f"{what} in {{{{ $labels.pod }}}} has {{{{ $value | humanizePercentage }}}} of its connections open",
        f"When all are, requests wait. Look who holds them, watches and port-forwards; {shared}",
    )


def _unread(namespace: str, app: str) -> str:
    """The part of a description with the other cause of absent metrics: Prometheus does not reach the pods."""
    pods = f"`kubectl -n {namespace} get pods -l app={app}`"
    return f"If it does run ({pods}), Prometheus does not reach it: monitoring.namespaces must name its namespace."


def _labelled(rule: Rule, **labels: str) -> Rule:
    """A rule with labels for Alertmanager's routes, which an aggregated or absent series lacks."""
    return {**rule, "labels": {**rule["labels"], **labels}}


def _critical(name: str, expr: str, summary: str, description: str) -> Rule:
    """A rule for when every request fails, or every request through one pod."""
    return _rule(name, expr, SOON, "critical", {"summary": summary, "description": description})


def _warning(name: str, expr: str, summary: str, description: str) -> Rule:
    """A rule for when some requests fail, or all will."""
    return _rule(name, expr, LATER, "warning", {"summary": summary, "description": description})


def _rule(name: str, expr: str, lasting: str, severity: str, annotations: Mapping[str, str]) -> Rule:
    labels = {"severity": severity}
    return {"alert": PREFIX + name, "expr": expr, "for": lasting, "labels": labels, "annotations": annotations}
