"""The way to one member: what it should be, by the stack's settings and outputs, and how each hop asks about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.doctor.asking import Asking, End, Silent, statuses
from checks.doctor.findings import REFRESH, Finding, State
from clusters.objects import Json, at, number, text
from clusters.workstation import typed
from config.proxy_settings import Frontend
from config.settings import MemberSettings, Settings

BEGAN = ("CrashLoopBackOff", "Error", "OOMKilled")
"""Reasons for which a container waits that has run before."""

ENDED = ("Failed", "Succeeded")
"""Phases of pods that are still listed, as those that were evicted; another is in their place."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where members dial proxy-server, and the URL of the plain port for Karmada: the stack's output `entry`."""

    address: str
    port: int
    proxy_url: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """From Karmada to `member`."""

    settings: Settings
    member: MemberSettings
    entry: Entry
    asking: Asking

    @property
    def guarded(self) -> bool:
        return self.settings.proxy.frontend is Frontend.GUARDED

    @property
    def karmada(self) -> End:
        return End(self.settings.host.kubeconfig, self.settings.host.karmada_context)

    @property
    def host(self) -> End:
        return End(self.settings.host.kubeconfig, self.settings.host.context)

    @property
    def inside(self) -> End:
        """The member's own API."""
        return End(self.member.kubeconfig, self.member.context)

    def cluster(self) -> Json:
        """The member's Cluster object, or None. Raises Unavailable."""
        return first(self.asking.get(self.karmada, "clusters.cluster.karmada.io", self.member.name))

    def pods(self, end: End, namespace: str, selector: str) -> Sequence[Json]:
        """The pods with some labels that have not ended, and are not about to. Raises Unavailable."""
        found = self.asking.get(end, "pods", f"--namespace={namespace}", f"--selector={selector}")
        lasting = [each for each in found if at(each, "metadata", "deletionTimestamp") is None]
        return [each for each in lasting if text(each, "status", "phase") not in ENDED]

    def secret(self, end: End, namespace: str, name: str) -> Json:
        """A Secret, or None. Raises Unavailable."""
        return first(self.asking.get(end, f"secret/{name}", f"--namespace={namespace}"))


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of an app's pods, and what it serves its health on."""

    hop: str
    end: End
    namespace: str
    app: str
    name: str
    port: int


def running(way: Way, of: Container, expected: int) -> Finding:
    """Whether as many pods as expected run a container that says it is well. Raises Unavailable."""
    pods = way.pods(of.end, of.namespace, f"app={of.app}")
    if not pods:
        why = f'there is no pod of {of.app} in namespace "{of.namespace}" of {of.end.context}'
        return Finding(hop=of.hop, state=State.WRONG, says=why, mend=REFRESH)
    for pod in pods:
        name = text(pod, "metadata", "name")
        waits = waiting(pod, of.name)
        if waits:
            mend = look(of.end, of.namespace, name, of.name, waits)
            return Finding(hop=of.hop, state=State.WRONG, says=f"{name}: {of.name} {waits}", mend=mend)
        try:
            way.asking.served(of.end, of.namespace, name, of.port, "/healthz")
        except Silent as silent:
            mend = command(of.end, "delete", f"--namespace={of.namespace}", f"pod/{name}")
            why = f"{name}: {of.name} runs, but on :{of.port} {silent}"
            return Finding(hop=of.hop, state=State.WRONG, says=why, mend=f"{mend}  # another one takes its place")
    if len(pods) < expected:
        mend = command(of.end, "get", "events", f"--namespace={of.namespace}")
        return Finding(hop=of.hop, state=State.WRONG, says=f"{len(pods)} of {expected} pods run", mend=mend)
    return Finding(hop=of.hop, state=State.RIGHT, says=f"{of.name} runs in {len(pods)} of {expected} pods and is well")


def waiting(pod: Json, container: str) -> str:
    """Why a container does not run, with the number of its restarts; nothing if it runs."""
    for each in statuses(pod):
        if text(each, "name") == container:
            reason = text(each, "state", "waiting", "reason") or text(each, "state", "terminated", "reason")
            return f"does not run: {reason}, {number(each, 'restartCount')} restarts" if reason else ""
    phase = text(pod, "status", "phase")
    return f"does not run: the pod is {phase or 'new'}"


def look(end: End, namespace: str, pod: str, container: str, waits: str) -> str:
    """What to type to see why a container does not run: its last words, or why it never began."""
    where = [f"--namespace={namespace}", f"pod/{pod}"]
    if any(each in waits for each in BEGAN):
        return command(end, "logs", *where, f"--container={container}", "--previous")
    return command(end, "describe", *where)


def first(found: Sequence[Json]) -> Json:
    """The one that was asked for, or None where it is not there."""
    return next(iter(found), None)


def command(end: End, *arguments: str) -> str:
    """A kubectl command for an API, to be typed."""
    return typed(end.kubeconfig, end.context, *arguments)
