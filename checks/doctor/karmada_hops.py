"""The hops in the Karmada control plane: its API, the grant, the Cluster object, Works, and a request to the member."""

from __future__ import annotations

from checks import delivered
from checks.delivered import condition, fault
from checks.doctor.tunnel_path import TunnelPath
from checks.findings import REFRESH, Finding, right, wrong
from checks.registered import is_registered
from clusters.api import ACCESS_REVIEWS, CLUSTERS
from clusters.errors import Unavailable
from clusters.objects import Json, at, text
from clusters.workstation import kubectl_line
from components import anp
from components.anp import AGENT_USER, PROXY_PATH
from components.host_guard import HEADER
from config.problems import pulumi_command

API, GRANT, CLUSTER, WORKS, REQUEST = "Karmada API", "grant", "Cluster", "Works", "request"

PASSED = ("Unauthorized", "Proxy Authentication Required", "Service Unavailable", "Internal Server Error")
"""Responses of the guard and proxy-server, in Go's words for a refused CONNECT: Karmada does reach them. The Karmada
API's own refusals are `forbidden`."""
DIALLED = ("Bad Gateway", "Gateway Timeout")
"""proxy-server's responses if an agent was connected and its dial failed."""
CERTIFICATE = "x509: "
"""The beginning of Go's certificate errors: the member's API server has answered by then."""
PROXY, ENDED = "proxyconnect", ("EOF", "connection reset by peer")
"""In Go's errors of the connection to the proxy, and of a connection that was closed."""

AGENTS_GROUP = "system:karmada:agents"
"""The group of every registered member's karmada-agent."""


def karmada_api(path: TunnelPath) -> Finding:
    """Whether the Karmada API serves Cluster objects, through karmada-aggregated-apiserver."""
    context = path.tunnel.karmada.name
    try:
        path.apis.raw(path.tunnel.karmada, CLUSTERS.api)
    except Unavailable as reason:
        remedy = f"see to karmada-apiserver, karmada-aggregated-apiserver and the credentials of {context}"
        return wrong(API, f"{context} does not serve {CLUSTERS.group}: {reason}", remedy)
    return right(API, f"{context} serves {CLUSTERS.group}")


def grant(path: TunnelPath) -> Finding | None:
    """Whether a registered member's karmada-agent may update its Cluster. Other members need no grant."""
    name, karmada = path.tunnel.member, path.tunnel.karmada
    if not is_registered(path.apis, karmada, name, path.tunnel.registered):
        return None
    user = AGENT_USER.format(name)
    attributes: Json = {"verb": "update", "group": CLUSTERS.group, "resource": CLUSTERS.plural, "name": name}
    groups: Json = [AGENTS_GROUP, "system:authenticated"]
    review: Json = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
    }
    if at(path.apis.create(karmada, ACCESS_REVIEWS, review), "status", "allowed") is True:
        return right(GRANT, f"{user} may update the Cluster {name}")
    why = f"{user} may not update the Cluster {name}: karmada-agent cannot report the tunnel when it starts"
    return wrong(GRANT, why, REFRESH)


def cluster(path: TunnelPath) -> Finding:
    """Whether the Cluster object has the tunnel's URLs, which karmada-agent sets by its flags, and the header."""
    found = path.cluster()
    if found is None:
        return wrong(
            CLUSTER, f"Karmada has no Cluster {path.tunnel.member}", f"join the member, then {pulumi_command('up')}"
        )
    why, remedy = _objection(path, found)
    if why:
        return wrong(CLUSTER, why, remedy)
    header = ", with a credential for the guard" if path.tunnel.guarded else ""
    return right(CLUSTER, f"{text(found, 'spec', 'apiEndpoint')} by {text(found, 'spec', 'proxyURL')}{header}")


def _objection(path: TunnelPath, found: Json) -> tuple[str, str]:
    """What is wrong with a Cluster, and the remedy; empty texts if nothing is."""
    endpoint, url = text(found, "spec", "apiEndpoint"), text(found, "spec", "proxyURL")
    reported = REFRESH if path.tunnel.delivered else f"{restart_command(path)}  # karmada-agent sets it when it starts"
    if text(found, "spec", "syncMode") != "Pull":
        return (
            f"it is in {text(found, 'spec', 'syncMode')} mode: Karmada dials it itself",
            "take the member out of the stack",
        )
    if path.tunnel.api_endpoint and endpoint != path.tunnel.api_endpoint:
        return f"apiEndpoint is {endpoint or 'empty'}, the stack's {path.tunnel.api_endpoint}", reported
    if url != path.tunnel.proxy_url:
        return f"proxyURL is {url or 'empty'}, the stack's {path.tunnel.proxy_url}", reported
    if path.tunnel.guarded and not text(found, *HEADER):
        return "proxyHeader is empty: the guard will answer 407", REFRESH
    return "", ""


def works(path: TunnelPath) -> Finding | None:
    """Whether the Works for a member that only Karmada reaches are applied and healthy there."""
    tunnel = path.tunnel
    if not tunnel.delivered:
        return None
    status, message = condition(path.cluster(), "Ready")
    if status != "True":
        why = f"{tunnel.member} is not Ready in Karmada{f' ({message})' if message else ''}: what is meant for it waits"
        return wrong(WORKS, why, "see to the member's karmada-agent, and to its way to Karmada")
    found = path.apis.all(tunnel.karmada, delivered.WORKS, anp.EXECUTION_SPACE.format(tunnel.member), anp.OF_STACK)
    if not found:
        return wrong(WORKS, f"there is none for {tunnel.member}", REFRESH)
    for each in found:
        why = fault(each)
        if why:
            remedy = kubectl_line(
                tunnel.karmada, "get", f"--namespace={text(each, 'metadata', 'namespace')}", "--output=yaml"
            )
            return wrong(WORKS, why, f"{remedy} work/{text(each, 'metadata', 'name')}  # says it whole, in its status")
    return right(WORKS, f"{len(found)} applied in {tunnel.member}, as karmada-agent says")


def restart_command(path: TunnelPath) -> str:
    """The kubectl command that restarts karmada-agent."""
    agent = path.tunnel.agent
    return kubectl_line(
        path.tunnel.inside, f"--namespace={agent.namespace}", "rollout", "restart", f"deployment/{agent.deployment}"
    )


def request(path: TunnelPath) -> Finding:
    """Whether a request to the member through Karmada succeeds."""
    ready = f"{PROXY_PATH.format(path.tunnel.member)}/readyz"
    try:
        path.apis.raw(path.tunnel.karmada, ready)
    except Unavailable as reason:
        return wrong(REQUEST, f"GET {ready}: {reason}", _beyond(path, str(reason)))
    return right(REQUEST, f"GET {ready} answers ok")


def _beyond(path: TunnelPath, reason: str) -> str:
    """The remedy if no other hop is wrong, by the error: mostly logs of the parts, which see what the doctor cannot."""
    tunnel = path.tunnel
    logs = kubectl_line(
        tunnel.inside, "logs", f"--namespace={tunnel.member_namespace}", f"deployment/{tunnel.agents_name}"
    )
    if any(each in reason for each in DIALLED):
        return f"{logs} --container={anp.AGENT}  # says why proxy-agent does not reach {tunnel.identifier}"
    if CERTIFICATE in reason:
        host = f"the host of members.{tunnel.member}.apiEndpoint"
        return f"the API server's certificate must be valid, name {host}, and be of the CA in the Cluster's Secret"
    if tunnel.guarded and PROXY not in reason and any(each in reason for each in ENDED):
        return f"{logs} --container={anp.MEMBER_GUARD}  # says how it ended what came through the tunnel; ask again"
    if any(each in reason for each in PASSED):
        where = f"--namespace={tunnel.host_namespace}"
        restarted = kubectl_line(tunnel.host, where, "rollout", "restart", f"deployment/{anp.SERVER}")
        return f"{restarted}  # if all else is right: a pod keeps what it read when it began"
    return (
        f"if all else is right, Karmada's own pods do not reach {tunnel.proxy_url}: see to NetworkPolicies, "
        "proxy.allowedSources and cluster DNS"
    )
