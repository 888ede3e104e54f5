"""The path of a tunnel as it is walked: what each hop asks about it, of whom, and what it makes of pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.doctor.tunnel import Tunnel
from checks.findings import REFRESH, Finding, State
from clusters.api import CLUSTERS, PODS, SECRETS, Asking, NotServing
from clusters.kubeconfig import Context
from clusters.objects import Json, at, items, number, text
from clusters.workstation import typed

BEGAN = ("CrashLoopBackOff", "Error", "OOMKilled")
"""Reasons for which a container waits that has run before."""

ENDED = ("Failed", "Succeeded")
"""Phases of pods that are still listed, as those that were evicted; another is in their place."""


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
        lasting = [each for each in found if at(each, "metadata", "deletionTimestamp") is None]
        return [each for each in lasting if text(each, "status", "phase") not in ENDED]

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
        return Finding(hop=of.hop, state=State.WRONG, says=why, mend=REFRESH)
    for pod in pods:
        name = text(pod, "metadata", "name")
        waits = waiting(pod, of.name)
        if waits:
            mend = look(of.api, of.namespace, name, of.name, waits)
            return Finding(hop=of.hop, state=State.WRONG, says=f"{name}: {of.name} {waits}", mend=mend)
        try:
            path.asking.served(of.api, of.namespace, name, of.port, "/healthz")
        except NotServing as silent:
            mend = typed(of.api, "delete", f"--namespace={of.namespace}", f"pod/{name}")
            why = f"{name}: {of.name} runs, but on :{of.port} {silent}"
            return Finding(hop=of.hop, state=State.WRONG, says=why, mend=f"{mend}  # another one takes its place")
    if len(pods) < expected:
        mend = typed(of.api, "get", "events", f"--namespace={of.namespace}")
        return Finding(hop=of.hop, state=State.WRONG, says=f"{len(pods)} of {expected} pods run", mend=mend)
    return Finding(hop=of.hop, state=State.RIGHT, says=f"{of.name} runs in {len(pods)} of {expected} pods and is well")


def waiting(pod: Json, container: str) -> str:
    """Why a container does not run, with the number of its restarts; nothing if it runs."""
    for each in items(pod, "status", "containerStatuses"):
        if text(each, "name") == container:
            reason = text(each, "state", "waiting", "reason") or text(each, "state", "terminated", "reason")
            return f"does not run: {reason}, {number(each, 'restartCount')} restarts" if reason else ""
    phase = text(pod, "status", "phase")
    return f"does not run: the pod is {phase or 'new'}"


def look(of: Context, namespace: str, pod: str, container: str, waits: str) -> str:
    """What to type to see why a container does not run: its last words, or why it never began."""
    where = [f"--namespace={namespace}", f"pod/{pod}"]
    if any(each in waits for each in BEGAN):
        return typed(of, "logs", *where, f"--container={container}", "--previous")
    return typed(of, "describe", *where)
