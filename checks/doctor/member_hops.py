"""The hops in the member: karmada-agent, which reports the way, proxy-agent, its tunnel, and the API server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from checks.doctor.tunnel_path import Container, TunnelPath, look, running, waiting
from checks.findings import REFRESH, Finding, State
from clusters.api import DEPLOYMENTS, NotServing
from clusters.kubeconfig import Unavailable
from clusters.objects import Json, entries, items, number, text
from clusters.workstation import typed
from components import alerts, anp
from config.fields import bracketed

KARMADA_AGENT, PROXY_AGENT, TUNNEL, MEMBER_API = "karmada-agent", "proxy-agent", "tunnel", "member API"


def member_api(path: TunnelPath) -> Finding:
    """Whether the member's API server is ready, asked as `pulumi up` asks it."""
    try:
        path.asking.raw(path.tunnel.inside, "/readyz")
    except Unavailable as reason:
        why = f"the API server of {path.tunnel.inside.name} is not ready: {reason}"
        mend = "see to the member's API server; a member that is away for long: members.NAME.paused"
        return Finding(hop=MEMBER_API, state=State.WRONG, says=why, mend=mend)
    return Finding(hop=MEMBER_API, state=State.RIGHT, says=f"{path.tunnel.inside.name} is ready")


def karmada_agent(path: TunnelPath) -> Finding:
    """Whether karmada-agent runs with the stack's two flags. Of a flag that is there twice, the last one is true."""
    agent = path.tunnel.agent
    found = path.asking.get(path.tunnel.inside, DEPLOYMENTS, agent.deployment, agent.namespace)
    if found is None:
        why = f'there is no Deployment "{agent.deployment}" in namespace "{agent.namespace}"'
        return Finding(hop=KARMADA_AGENT, state=State.WRONG, says=why, mend="deploy it, then pulumi up --refresh")
    wanted = {anp.ENDPOINT_FLAG: path.tunnel.api_endpoint, anp.PROXY_FLAG: path.tunnel.proxy_url}
    why = _differing(_arguments(found, agent.container), wanted)
    if why:
        return Finding(hop=KARMADA_AGENT, state=State.WRONG, says=why, mend=REFRESH)
    labels = entries(found, "spec", "selector", "matchLabels")
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    for pod in path.pods(path.tunnel.inside, agent.namespace, selector):
        waits = waiting(pod, agent.container)
        if waits:
            name = text(pod, "metadata", "name")
            mend = look(path.tunnel.inside, agent.namespace, name, agent.container, waits)
            return Finding(hop=KARMADA_AGENT, state=State.WRONG, says=f"{name}: it {waits}", mend=mend)
    ready, replicas = number(found, "status", "readyReplicas"), number(found, "spec", "replicas")
    if ready < replicas or not ready:
        mend = typed(path.tunnel.inside, "describe", f"--namespace={agent.namespace}", f"deployment/{agent.deployment}")
        return Finding(hop=KARMADA_AGENT, state=State.WRONG, says=f"{ready} of {replicas} pods ready", mend=mend)
    return Finding(hop=KARMADA_AGENT, state=State.RIGHT, says=f"{ready} of {replicas} pods ready, with both flags")


def proxy_agent(path: TunnelPath) -> Finding:
    """Whether proxy-agent is well, claims the member's host and dials where proxy-server is."""
    namespace = path.tunnel.member_namespace
    found = path.asking.get(path.tunnel.inside, DEPLOYMENTS, anp.AGENT, namespace)
    if found is None:
        why = f'there is no Deployment "{anp.AGENT}" in namespace "{namespace}"'
        return Finding(hop=PROXY_AGENT, state=State.WRONG, says=why, mend=REFRESH)
    wanted = {
        "--agent-identifiers=": f"host={path.tunnel.identifier}",
        "--proxy-server-host=": path.tunnel.address,
        "--proxy-server-port=": str(path.tunnel.port),
    }
    why = _differing(_arguments(found, anp.AGENT), wanted)
    if why:
        return Finding(hop=PROXY_AGENT, state=State.WRONG, says=why, mend=REFRESH)
    return running(path, _agents(path), path.tunnel.agents)


def tunnel(path: TunnelPath) -> Finding | None:
    """Whether each proxy-agent is connected to each proxy-server, by its own word. The fork's agent does not tell."""
    if not path.tunnel.guarded:
        return None
    of = _agents(path)
    pods = path.pods(of.api, of.namespace, f"app={of.app}")
    where = f"{bracketed(path.tunnel.address)}:{path.tunnel.port}"
    servers, agents = path.tunnel.servers, path.tunnel.agents
    for pod in pods:
        name = text(pod, "metadata", "name")
        logs = typed(of.api, "logs", f"--namespace={of.namespace}", f"pod/{name}")
        mend = f"{logs}  # says why: {where} must be reached from there; a pod keeps the certificate it began with"
        try:
            path.asking.served(of.api, of.namespace, name, of.port, "/readyz")
            connected = _connections(path.asking.served(of.api, of.namespace, name, of.port, "/metrics"))
        except NotServing:
            why = f"{name} is connected to no proxy-server at {where}"
            return Finding(hop=TUNNEL, state=State.WRONG, says=why, mend=mend)
        if connected is not None and connected < servers:
            why = f"{name} is connected to {connected} of {servers} proxy-servers at {where}"
            return Finding(hop=TUNNEL, state=State.WRONG, says=why, mend=mend)
    if not pods:
        return Finding(hop=TUNNEL, state=State.WRONG, says="no proxy-agent is there to be connected", mend=REFRESH)
    return Finding(hop=TUNNEL, state=State.RIGHT, says=f"{len(pods)} of {agents} proxy-agents connected to {where}")


def _agents(path: TunnelPath) -> Container:
    namespace, port = path.tunnel.member_namespace, anp.AGENT_HEALTH_PORT
    return Container(
        hop=PROXY_AGENT, api=path.tunnel.inside, namespace=namespace, app=anp.AGENT, name=anp.AGENT, port=port
    )


def _connections(metrics: str) -> int | None:
    """To how many servers an agent is connected; None where it has not counted any yet."""
    found = re.search(rf"^{alerts.AGENT_METRICS}_open_server_connections (\d+)$", metrics, re.MULTILINE)
    return int(found[1]) if found else None


def _arguments(deployment: Json, container: str) -> Sequence[str]:
    """A container's command and arguments."""
    for each in items(deployment, "spec", "template", "spec", "containers"):
        if text(each, "name") == container:
            return [str(word) for word in (*items(each, "command"), *items(each, "args"))]
    return []


def _differing(words: Sequence[str], wanted: Mapping[str, str]) -> str:
    """Which flag (`--flag=`) has another value than is wanted, by the last one if it is there twice; or nothing."""
    for flag, value in wanted.items():
        given = [word.removeprefix(flag) for word in words if word.startswith(flag)] or [""]
        if given[-1] != value:
            return f"{flag.removesuffix('=')} is {given[-1] or 'not there'}, the stack's {value}"
    return ""
