"""The hops in the host cluster: the guard, and proxy-server behind it."""

from __future__ import annotations

import base64

from checks.doctor.findings import REFRESH, Finding, State
from checks.doctor.way import Container, Way, running
from clusters.objects import entries, text
from components import anp, guard

GUARD, SERVER = "guard", "proxy-server"


def guarding(way: Way) -> Finding | None:
    """Whether the guard is well and lets Karmada through to the member. The fork has none.

    It compares the credentials, and tells none.
    """
    if not way.guarded:
        return None
    found = running(way, _container(way, GUARD, anp.GUARD, anp.GUARD_METRICS_PORT), way.settings.proxy.replicas)
    if found.state is not State.RIGHT:
        return found
    namespace = way.settings.host.namespace
    data = entries(way.secret(way.host, namespace, anp.GUARD), "data")
    configuration = base64.b64decode(text(data, guard.CONFIGURATION)).decode(errors="replace")
    allowed = guard.let_through(configuration)
    header = text(way.cluster(), "spec", "proxyHeader", "Proxy-Authorization")
    if way.member.target not in allowed.targets:
        why = f"it lets nobody through to {way.member.target}, but to {', '.join(allowed.targets) or 'no member'}"
        return Finding(hop=GUARD, state=State.WRONG, says=why, mend=REFRESH)
    if header not in allowed.credentials:
        why = "it does not take the credential that is on the Cluster object: it answers 407"
        return Finding(hop=GUARD, state=State.WRONG, says=why, mend=REFRESH)
    return Finding(hop=GUARD, state=State.RIGHT, says=f"{found.says}, lets Karmada through to {way.member.target}")


def proxy_server(way: Way) -> Finding:
    """Whether proxy-server is well. With its agents it has nothing to do: a pod without any is not ready, but well."""
    return running(way, _container(way, SERVER, anp.SERVER, anp.SERVER_HEALTH_PORT), way.settings.proxy.replicas)


def _container(way: Way, hop: str, name: str, port: int) -> Container:
    namespace = way.settings.host.namespace
    return Container(hop=hop, end=way.host, namespace=namespace, app=anp.SERVER, name=name, port=port)
