"""The hops in the host cluster: the guard, and proxy-server behind it."""

from __future__ import annotations

import base64

from checks.doctor.tunnel_path import Container, TunnelPath, running
from checks.findings import REFRESH, Finding, State
from clusters.objects import entries, text
from components import anp, guard

GUARD, SERVER = "guard", "proxy-server"


def guarding(path: TunnelPath) -> Finding | None:
    """Whether the guard is well and lets Karmada through to the member. The fork has none.

    It compares the credentials, and tells none.
    """
    if not path.tunnel.guarded:
        return None
    found = running(path, _container(path, GUARD, anp.GUARD, anp.GUARD_METRICS_PORT), path.tunnel.servers)
    if found.state is not State.RIGHT:
        return found
    namespace = path.tunnel.host_namespace
    data = entries(path.secret(path.tunnel.host, namespace, anp.GUARD), "data")
    configuration = base64.b64decode(text(data, guard.CONFIGURATION)).decode(errors="replace")
    allowed = guard.let_through(configuration)
    header = text(path.cluster(), "spec", "proxyHeader", "Proxy-Authorization")
    if path.tunnel.target not in allowed.targets:
        why = f"it lets nobody through to {path.tunnel.target}, but to {', '.join(allowed.targets) or 'no member'}"
        return Finding(hop=GUARD, state=State.WRONG, says=why, mend=REFRESH)
    if header not in allowed.credentials:
        why = "it does not take the credential that is on the Cluster object: it answers 407"
        return Finding(hop=GUARD, state=State.WRONG, says=why, mend=REFRESH)
    return Finding(hop=GUARD, state=State.RIGHT, says=f"{found.says}, lets Karmada through to {path.tunnel.target}")


def proxy_server(path: TunnelPath) -> Finding:
    """Whether proxy-server is well. With its agents it has nothing to do: a pod without any is not ready, but well."""
    return running(path, _container(path, SERVER, anp.SERVER, anp.SERVER_HEALTH_PORT), path.tunnel.servers)


def _container(path: TunnelPath, hop: str, name: str, port: int) -> Container:
    namespace = path.tunnel.host_namespace
    return Container(hop=hop, api=path.tunnel.host, namespace=namespace, app=anp.SERVER, name=name, port=port)
