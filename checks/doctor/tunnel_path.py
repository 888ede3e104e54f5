"""TunnelPath: a tunnel with the APIs to check it by, and what several hops share, as the health of containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.deployments import unfinished
from checks.doctor.tunnel import Tunnel
from checks.findings import REFRESH, Finding, right, wrong
from clusters.api import CLUSTERS, DEPLOYMENTS, PODS, SECRETS, ConnectionClosed, KubernetesApis, NotServing
from clusters.kubeconfig import Context
from clusters.objects import Json, is_terminating, items, number, text
from clusters.workstation import kubectl_line
from components import anp
from components.host_guard import HEADER, member_of

RAN_BEFORE = ("CrashLoopBackOff", "Error", "OOMKilled")
"""Waiting reasons of a container that has run before, and so has logs."""

SILENT, CLOSED = 0, -1
"""In the place of an HTTP status: no response in time, or a connection closed without one."""


@dataclass(frozen=True, kw_only=True)
class ConnectResult:
    """The response to a CONNECT to a proxy-server's pod: the pod's name, the HTTP status, and that in words."""

    server: str
    status: int
    detail: str


@dataclass(frozen=True, kw_only=True)
class TunnelPath:
    """A tunnel, and the APIs to check it by."""

    tunnel: Tunnel
    apis: KubernetesApis

    def cluster(self) -> Json:
        """The member's Cluster object, or None. Raises Unavailable."""
        return self.apis.get(self.tunnel.karmada, CLUSTERS, self.tunnel.member)

    def pods(self, of: Context, namespace: str, selector: str) -> Sequence[Json]:
        """The pods of a label selector that are neither over nor terminating. Raises Unavailable."""
        found = self.apis.all(of, PODS, namespace, selector)
        return [each for each in unfinished(found) if not is_terminating(each)]

    def connect_results(self) -> Sequence[ConnectResult]:
        """Each proxy-server's response to a CONNECT to the member, through its guard and with the Cluster's credential;
        none if that credential is not the member's. Raises Unavailable.
        """
        host, namespace = self.tunnel.host, self.tunnel.host_namespace
        credential = text(self.cluster(), *HEADER)
        if member_of(credential) != self.tunnel.member:
            return []
        results: list[ConnectResult] = []
        for pod in self.pods(host, namespace, f"app={anp.SERVER}"):
            name = text(pod, "metadata", "name")
            try:
                status = self.apis.pod_connect(host, namespace, name, self.tunnel.plain_port, credential)
                results.append(ConnectResult(server=name, status=status, detail=f"it answers {status}"))
            except NotServing as silent:
                status = CLOSED if isinstance(silent, ConnectionClosed) else SILENT
                results.append(ConnectResult(server=name, status=status, detail=str(silent)))
        return results

    def agents(self) -> Json:
        """The Deployment of the member's proxy-agents, or None. Raises Unavailable."""
        tunnel = self.tunnel
        return self.apis.get(tunnel.inside, DEPLOYMENTS, tunnel.agents_name, tunnel.member_namespace)

    def secret(self, of: Context, namespace: str, name: str) -> Json:
        """A Secret, or None. Raises Unavailable."""
        return self.apis.get(of, SECRETS, name, namespace)


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of an app's pods, and the port of its health endpoint."""

    hop: str
    api: Context
    namespace: str
    app: str
    name: str
    port: int


def running(path: TunnelPath, of: Container, expected: int) -> Finding:
    """Whether the expected number of pods run a container that answers /healthz. Raises Unavailable."""
    pods = path.pods(of.api, of.namespace, f"app={of.app}")
    if not pods:
        why = f'there is no pod of {of.app} in namespace "{of.namespace}" of {of.api.name}'
        return wrong(of.hop, why, REFRESH)
    for pod in pods:
        name = text(pod, "metadata", "name")
        not_running = why_not_running(pod, of.name)
        if not_running:
            remedy = inspect_command(of.api, of.namespace, name, of.name, not_running)
            return wrong(of.hop, f"{name}: {of.name} {not_running}", remedy)
        try:
            path.apis.pod_get(of.api, of.namespace, name, of.port, "/healthz")
        except NotServing as silent:
            why = f"{name}: {of.name} runs, but on :{of.port} {silent}"
            return wrong(of.hop, why, f"{delete_command(of, name)}  # another one takes its place")
    if len(pods) < expected:
        remedy = kubectl_line(of.api, "get", "events", f"--namespace={of.namespace}")
        return wrong(of.hop, f"{len(pods)} of {expected} pods run", remedy)
    return right(of.hop, f"{of.name} runs in {len(pods)} of {expected} pods and is well")


def why_not_running(pod: Json, container: str) -> str:
    """Why a container does not run, with the number of its restarts; an empty text if it runs."""
    for each in items(pod, "status", "containerStatuses"):
        if text(each, "name") == container:
            reason = text(each, "state", "waiting", "reason") or text(each, "state", "terminated", "reason")
            return f"does not run: {reason}, {number(each, 'restartCount')} restarts" if reason else ""
    phase = text(pod, "status", "phase") or "new"
    return "is not among its containers" if phase == "Running" else f"does not run: the pod is {phase}"


def delete_command(of: Container, *pods: str) -> str:
    """The kubectl command that deletes pods of a container."""
    return kubectl_line(of.api, "delete", f"--namespace={of.namespace}", *(f"pod/{each}" for each in pods))


def inspect_command(of: Context, namespace: str, pod: str, container: str, not_running: str) -> str:
    """The kubectl command that shows why a container does not run: its last logs, or the pod if it never ran."""
    where = [f"--namespace={namespace}", f"pod/{pod}"]
    if any(each in not_running for each in RAN_BEFORE):
        return kubectl_line(of, "logs", *where, f"--container={container}", "--previous")
    return kubectl_line(of, "describe", *where)
