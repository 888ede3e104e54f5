"""The path of a tunnel as it is walked: what each hop asks about it, of whom, and what it makes of pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.doctor.tunnel import Tunnel
from checks.findings import REFRESH, Finding, right, wrong
from clusters.api import CLUSTERS, DEPLOYMENTS, PODS, SECRETS, Asking, Closed, NotServing
from clusters.kubeconfig import Context
from clusters.objects import Json, is_going, items, number, text
from clusters.workstation import typed
from components import anp
from components.host_guard import HEADER, member_of

BEGAN = ("CrashLoopBackOff", "Error", "OOMKilled")
"""Reasons for which a container waits that has run before."""

ENDED = ("Failed", "Succeeded")
"""Phases of pods that are still listed, as those that were evicted; another is in their place."""


SILENT, CLOSED = 0, -1
"""Instead of a status: no answer in time, or an end of the connection without one."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What became of a CONNECT to a proxy-server, a pod by its name: its HTTP status, and that in words."""

    server: str
    status: int
    says: str


@dataclass(frozen=True, kw_only=True)
class TunnelPath:
    """A tunnel, and who asks about it."""

    tunnel: Tunnel
    asking: Asking

    def cluster(self) -> Json:
        """The member's Cluster object, or None. Raises Unavailable."""
        return self.asking.get(self.tunnel.karmada, CLUSTERS, self.tunnel.member)

    def pods(self, of: Context, namespace: str, selector: str) -> Sequence[Json]:
        """The pods with some labels that have not ended, and are not about to. Raises Unavailable."""
        found = self.asking.all(of, PODS, namespace, selector)
        return [each for each in found if not is_going(each) and text(each, "status", "phase") not in ENDED]

    def connects(self) -> Sequence[Answered]:
        """How each proxy-server answers a CONNECT to the member, through its guard and with the Cluster's credential;
        nobody is asked where that is not the member's. Raises Unavailable.
        """
        host, namespace = self.tunnel.host, self.tunnel.host_namespace
        credential = text(self.cluster(), *HEADER)
        if member_of(credential) != self.tunnel.member:
            return []
        answers: list[Answered] = []
        for pod in self.pods(host, namespace, f"app={anp.SERVER}"):
            name = text(pod, "metadata", "name")
            try:
                status = self.asking.connected(host, namespace, name, self.tunnel.plain_port, credential)
                answers.append(Answered(server=name, status=status, says=f"it answers {status}"))
            except NotServing as silent:
                status = CLOSED if isinstance(silent, Closed) else SILENT
                answers.append(Answered(server=name, status=status, says=str(silent)))
        return answers

    def agents(self) -> Json:
        """The Deployment of the member's proxy-agents, or None. Raises Unavailable."""
        tunnel = self.tunnel
        return self.asking.get(tunnel.inside, DEPLOYMENTS, tunnel.agents_name, tunnel.member_namespace)

    def secret(self, of: Context, namespace: str, name: str) -> Json:
        """A Secret, or None. Raises Unavailable."""
        return self.asking.get(of, SECRETS, name, namespace)


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of an app's pods, and what it serves its health on."""

    hop: str
    api: Context
    namespace: str
    app: str
    name: str
    port: int


def running(path: TunnelPath, of: Container, expected: int) -> Finding:
    """Whether as many pods as expected run a container that says it is well. Raises Unavailable."""
    pods = path.pods(of.api, of.namespace, f"app={of.app}")
    if not pods:
        why = f'there is no pod of {of.app} in namespace "{of.namespace}" of {of.api.name}'
        return wrong(of.hop, why, REFRESH)
    for pod in pods:
        name = text(pod, "metadata", "name")
        waits = waiting(pod, of.name)
        if waits:
            mend = look(of.api, of.namespace, name, of.name, waits)
            return wrong(of.hop, f"{name}: {of.name} {waits}", mend)
        try:
            path.asking.served(of.api, of.namespace, name, of.port, "/healthz")
        except NotServing as silent:
            why = f"{name}: {of.name} runs, but on :{of.port} {silent}"
            return wrong(of.hop, why, f"{delete(of, name)}  # another one takes its place")
    if len(pods) < expected:
        mend = typed(of.api, "get", "events", f"--namespace={of.namespace}")
        return wrong(of.hop, f"{len(pods)} of {expected} pods run", mend)
    return right(of.hop, f"{of.name} runs in {len(pods)} of {expected} pods and is well")


def waiting(pod: Json, container: str) -> str:
    """Why a container does not run, with the number of its restarts; nothing if it runs."""
    for each in items(pod, "status", "containerStatuses"):
        if text(each, "name") == container:
            reason = text(each, "state", "waiting", "reason") or text(each, "state", "terminated", "reason")
            return f"does not run: {reason}, {number(each, 'restartCount')} restarts" if reason else ""
    phase = text(pod, "status", "phase") or "new"
    return "is not among its containers" if phase == "Running" else f"does not run: the pod is {phase}"


def delete(of: Container, *pods: str) -> str:
    """What to type to delete some of the pods that a container is in."""
    return typed(of.api, "delete", f"--namespace={of.namespace}", *(f"pod/{each}" for each in pods))


def look(of: Context, namespace: str, pod: str, container: str, waits: str) -> str:
    """What to type to see why a container does not run: its last words, or why it never began."""
    where = [f"--namespace={namespace}", f"pod/{pod}"]
    if any(each in waits for each in BEGAN):
        return typed(of, "logs", *where, f"--container={container}", "--previous")
    return typed(of, "describe", *where)
