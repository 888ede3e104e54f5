"""The hops in the member: karmada-agent, proxy-agent, the member guard, the tunnel, and the API server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from checks.deployments import arguments, identifiers, selector, value_of
from checks.doctor.tunnel_path import (
    SILENT,
    ConnectResult,
    Container,
    TunnelPath,
    delete_command,
    inspect_command,
    running,
    why_not_running,
)
from checks.findings import REFRESH, Finding, State, right, unknown, wrong
from clusters.api import DEPLOYMENTS, NotServing
from clusters.errors import Unavailable
from clusters.objects import number, text
from clusters.workstation import kubectl_line
from components import alerts, anp
from components.alerts import API_SERVER_UP
from config.fields import bracketed

KARMADA_AGENT, PROXY_AGENT, MEMBER_GUARD = "karmada-agent", "proxy-agent", "member guard"
TUNNEL, MEMBER_API = "tunnel", "member API"

NO_AGENT = 500
"""proxy-server's status for a CONNECT to a member of which no agent is connected."""

NOT_DIALLED = 502
"""proxy-server's status if proxy-agent could not connect to the member guard in its own pod."""

TIMED_OUT = 504
"""proxy-server's status if a connected agent does not answer for anp.DIAL_SECONDS. The doctor's own request usually
times out before that (SILENT)."""

CONNECTED = 200


def member_api(path: TunnelPath) -> Finding:
    """Whether the member's API server is ready, by the connection that `pulumi up` uses.

    If that is the tunnel itself, a failure may be of any hop: then the finding is unknown.
    """
    try:
        path.apis.raw(path.tunnel.inside, "/readyz")
    except Unavailable as reason:
        if path.tunnel.delivered:
            why = f"nothing but the tunnel leads to {path.tunnel.member}, which does not: {reason}"
            return unknown(MEMBER_API, why, "see to the hops before it")
        why = f"the API server of {path.tunnel.inside.name} is not ready: {reason}"
        remedy = f"see to the member's API server; a member that is away for long: members.{path.tunnel.member}.paused"
        return wrong(MEMBER_API, why, remedy)
    return right(MEMBER_API, f"{path.tunnel.member if path.tunnel.delivered else path.tunnel.inside.name} is ready")


def karmada_agent(path: TunnelPath) -> Finding:
    """Whether karmada-agent runs with the stack's two flags. Of a repeated flag the last one counts."""
    agent = path.tunnel.agent
    found = path.apis.get(path.tunnel.inside, DEPLOYMENTS, agent.deployment, agent.namespace)
    if found is None:
        why = f'there is no Deployment "{agent.deployment}" in namespace "{agent.namespace}"'
        return wrong(KARMADA_AGENT, why, f"deploy it, then {REFRESH}")
    expected = {anp.ENDPOINT_FLAG: path.tunnel.api_endpoint, anp.PROXY_FLAG: path.tunnel.proxy_url}
    why = _differing_flag(arguments(found, agent.container), {flag: value for flag, value in expected.items() if value})
    if why:
        return wrong(KARMADA_AGENT, why, REFRESH)
    for pod in path.pods(path.tunnel.inside, agent.namespace, selector(found)):
        not_running = why_not_running(pod, agent.container)
        if not_running:
            name = text(pod, "metadata", "name")
            remedy = inspect_command(path.tunnel.inside, agent.namespace, name, agent.container, not_running)
            return wrong(KARMADA_AGENT, f"{name}: it {not_running}", remedy)
    ready, replicas = number(found, "status", "readyReplicas"), number(found, "spec", "replicas")
    if ready < replicas or not ready:
        remedy = kubectl_line(
            path.tunnel.inside, "describe", f"--namespace={agent.namespace}", f"deployment/{agent.deployment}"
        )
        return wrong(KARMADA_AGENT, f"{ready} of {replicas} pods ready", remedy)
    return right(KARMADA_AGENT, f"{ready} of {replicas} pods ready, and reports the tunnel")


def proxy_agent(path: TunnelPath) -> Finding:
    """Whether proxy-agent is healthy, has the member's identifier and dials proxy-server's address."""
    namespace = path.tunnel.member_namespace
    found = path.agents()
    if found is None:
        name = path.tunnel.agents_name
        return wrong(PROXY_AGENT, f'there is no Deployment "{name}" in namespace "{namespace}"', REFRESH)
    hosts = identifiers(found)
    expected = {"--proxy-server-host=": path.tunnel.address, "--proxy-server-port=": str(path.tunnel.port)}
    why = _differing_flag(arguments(found, anp.AGENT), expected)
    if path.tunnel.identifier not in hosts:
        why = f"it is to be found as {' and '.join(hosts) or 'nothing'}, the stack's is {path.tunnel.identifier}"
    if why:
        return wrong(PROXY_AGENT, why, REFRESH)
    return running(path, _agents(path), path.tunnel.agents)


def member_guard(path: TunnelPath) -> Finding | None:
    """Whether the guard beside each proxy-agent is healthy and reaches the API server. None with
    `frontend: documented`."""
    if not path.tunnel.guarded:
        return None
    of, key = _guards(path), f"members.{path.tunnel.member}"
    found = running(path, of, path.tunnel.agents)
    if found.state is not State.RIGHT:
        return found
    where = path.tunnel.api_address or "$KUBERNETES_SERVICE_HOST"
    for pod in path.pods(of.api, of.namespace, f"app={of.app}"):
        name = text(pod, "metadata", "name")
        try:
            metrics = path.apis.pod_get(of.api, of.namespace, name, of.port, "/metrics")
        except NotServing as silent:
            why = f"{name}: {of.name} does not tell whether it reaches the API server: {silent}"
            return wrong(MEMBER_GUARD, why, f"{delete_command(of, name)}  # another one takes its place")
        if API_SERVER_UP not in metrics:
            why = f"{name}: the API server at {where} is not reached from there, or is not ready"
            address = "correct" if path.tunnel.api_address else "set"
            remedy = f"check NetworkPolicies and {key}.apiPorts, or {address} {key}.apiAddress"
            return wrong(MEMBER_GUARD, why, remedy)
    return right(MEMBER_GUARD, f"{found.detail}, reaches the API server at {where}")


def tunnel(path: TunnelPath) -> Finding | None:
    """Whether each proxy-agent's metrics count a connection to each proxy-server, and a CONNECT through each
    proxy-server reaches the member.

    A stuck agent still counts a connection that proxy-server has dropped; the CONNECT shows that. The fork's agent has
    no such metric.
    """
    if not path.tunnel.guarded:
        return None
    of = _agents(path)
    pods = [text(pod, "metadata", "name") for pod in path.pods(of.api, of.namespace, f"app={of.app}")]
    where = f"{bracketed(path.tunnel.address)}:{path.tunnel.port}"
    servers, agents = path.tunnel.servers, path.tunnel.agents
    if not pods:
        return wrong(TUNNEL, "no proxy-agent is there to be connected", REFRESH)
    for name in pods:
        reason = f"{where} is not reached from there, or the pod still has an expired certificate"
        remedy = f"{_logs(of, name)}  # says why: {reason}"
        try:
            path.apis.pod_get(of.api, of.namespace, name, of.port, "/readyz")
            connected = _connections(path.apis.pod_get(of.api, of.namespace, name, of.port, "/metrics"))
        except NotServing:
            return wrong(TUNNEL, f"{name} is connected to no proxy-server at {where}", remedy)
        if connected is not None and connected < servers:
            return wrong(TUNNEL, f"{name} is connected to {connected} of {servers} proxy-servers at {where}", remedy)
    results = path.connect_results()
    for each in results:
        found = _stuck(of, pods, each, path.tunnel.member)
        if found:
            return found
    reached = ", ".join(each.server for each in results if each.status == CONNECTED)
    through = f"; {reached} can reach {path.tunnel.member} through them" if reached else ""
    return right(TUNNEL, f"{len(pods)} of {agents} proxy-agents connected to {where}{through}")


def _stuck(of: Container, agents: Sequence[str], result: ConnectResult, member: str) -> Finding | None:
    """A finding if a proxy-server does not reach a member whose agents count a connection to it, or None."""
    rolling_restart = kubectl_line(of.api, "rollout", "restart", f"--namespace={of.namespace}", f"deployment/{of.app}")
    others = f"{delete_command(of, *agents) if len(agents) == 1 else rolling_restart}  # others take their place"
    if result.status == NO_AGENT:
        why = f"stuck: their metrics say connected, but {result.server} has no tunnel to {member}"
        return wrong(TUNNEL, f"{', '.join(agents)}: {why}: {result.detail}", others)
    if result.status == NOT_DIALLED:
        why = f"{result.server}: an agent of {member} does not reach the guard in its own pod: {result.detail}"
        return wrong(TUNNEL, why, f"{_logs(of, *agents)}  # says why")
    if result.status in (SILENT, TIMED_OUT):
        why = f"{result.server}: a CONNECT to {member} is held up: {result.detail}"
        return wrong(TUNNEL, why, f"wait 30 s, in which a stalled session is closed; if it stays so: {others}")
    return None


def _agents(path: TunnelPath) -> Container:
    return _container(path, PROXY_AGENT, anp.AGENT, anp.AGENT_HEALTH_PORT)


def _guards(path: TunnelPath) -> Container:
    return _container(path, MEMBER_GUARD, anp.MEMBER_GUARD, anp.GUARD_METRICS_PORT)


def _container(path: TunnelPath, hop: str, name: str, port: int) -> Container:
    namespace = path.tunnel.member_namespace
    app = path.tunnel.agents_name
    return Container(hop=hop, api=path.tunnel.inside, namespace=namespace, app=app, name=name, port=port)


def _connections(metrics: str) -> int | None:
    """The number of servers to which an agent is connected, None if its metrics do not have it yet."""
    found = re.search(rf"^{alerts.AGENT_METRICS}_open_server_connections (\d+)$", metrics, re.MULTILINE)
    return int(found[1]) if found else None


def _logs(of: Container, *pods: str) -> str:
    """The kubectl command for the logs of a container, in one pod or in all of the app."""
    which = [f"pod/{each}" for each in pods] if len(pods) == 1 else [f"--selector=app={of.app}", "--prefix"]
    return kubectl_line(of.api, "logs", f"--namespace={of.namespace}", *which, f"--container={of.name}")


def _differing_flag(words: Sequence[str], expected: Mapping[str, str]) -> str:
    """The first flag (`--flag=`) that has not the expected value, in words; an empty text if all have."""
    for flag, value in expected.items():
        given = value_of(flag, words)
        if given != value:
            return f"{flag.removesuffix('=')} is {given or 'not there'}, the stack's {value}"
    return ""
