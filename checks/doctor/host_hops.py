"""The hops in the host cluster: the host guard, and proxy-server behind it."""

from __future__ import annotations

from checks.doctor.tunnel_path import CLOSED, Container, TunnelPath, delete_command, running
from checks.findings import REFRESH, Finding, State, right, wrong
from clusters.objects import text
from components import anp
from components.host_guard import HEADER, member_of

GUARD, SERVER = "guard", "proxy-server"

REFUSED = 407
"""The guard's status for a request without a credential, or with a wrong one."""

UNSERVED = 503
"""The guard's status if it does not reach proxy-server's socket."""


def guarding(path: TunnelPath) -> Finding | None:
    """Whether the host guards are healthy and let Karmada through to the member. The fork has none.

    The CONNECT has the credential of the Cluster object, which is not printed.
    """
    if not path.tunnel.guarded:
        return None
    found = running(path, _container(path, GUARD, anp.GUARD, anp.GUARD_METRICS_PORT), path.tunnel.servers)
    if found.state is not State.RIGHT:
        return found
    member, whose = path.tunnel.member, member_of(text(path.cluster(), *HEADER))
    if whose != member:
        what = f"that of {whose}" if whose else "none of the guard"
        return wrong(GUARD, f"the credential on the Cluster object is {what}", REFRESH)
    for each in path.connect_results():
        if each.status == REFUSED:
            why = f"{each.server}: it does not take the credential that is on the Cluster object: {each.detail}"
            return wrong(GUARD, why, REFRESH)
        if each.status == CLOSED or 400 <= each.status < 500:
            return wrong(GUARD, f"{each.server}: it takes no CONNECT to {member}: {each.detail}", REFRESH)
    return right(GUARD, f"{found.detail}, lets Karmada through to {member}")


def proxy_server(path: TunnelPath) -> Finding:
    """Whether proxy-server is healthy. That is not readiness, which also needs a connected agent."""
    of = _container(path, SERVER, anp.SERVER, anp.SERVER_HEALTH_PORT)
    found = running(path, of, path.tunnel.servers)
    if found.state is not State.RIGHT or not path.tunnel.guarded:
        return found
    for each in path.connect_results():
        if each.status == UNSERVED:
            why = f"{each.server}: the guard beside it does not reach its socket: {each.detail}"
            return wrong(SERVER, why, f"{delete_command(of, each.server)}  # another one takes its place")
    return found


def _container(path: TunnelPath, hop: str, name: str, port: int) -> Container:
    namespace = path.tunnel.host_namespace
    return Container(hop=hop, api=path.tunnel.host, namespace=namespace, app=anp.SERVER, name=name, port=port)
