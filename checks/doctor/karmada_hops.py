"""The hops in the Karmada control plane: its API, what it knows of the way to a member, and a request all the way."""

from __future__ import annotations

from checks import delivered
from checks.delivered import condition, fault
from checks.doctor.tunnel_path import TunnelPath
from checks.findings import REFRESH, Finding, right, wrong
from checks.registered import is_registered
from clusters.api import CLUSTERS, REVIEWS
from clusters.errors import Unavailable
from clusters.objects import Json, at, text
from clusters.workstation import typed
from components import anp
from components.anp import AGENT_USER, PROXY_PATH
from components.host_guard import HEADER
from config.problems import pulumi_command

API, GRANT, CLUSTER, WORKS, REQUEST = "Karmada API", "grant", "Cluster", "Works", "request"

PASSED = ("Unauthorized", "Proxy Authentication Required", "Service Unavailable", "Internal Server Error")
"""The guard's and proxy-server's own answers, as Go words a refused CONNECT: Karmada does reach them. What the Karmada
API itself refuses it calls `forbidden`."""
DIALLED = ("Bad Gateway", "Gateway Timeout")
"""proxy-server's answers where an agent was there and its dial failed."""
CERTIFICATE = "x509: "
"""How Go begins what it has against a certificate: the member's API server has answered by then."""
PROXY, ENDED = "proxyconnect", ("EOF", "connection reset by peer")
"""What Go says of the way to the proxy, and of a connection that was ended."""

AGENTS_GROUP = "system:karmada:agents"
"""The group of every registered member's karmada-agent."""


def karmada_api(path: TunnelPath) -> Finding:
    """Whether Karmada serves Cluster objects, which karmada-aggregated-apiserver does."""
    context = path.tunnel.karmada.name
    try:
        path.asking.raw(path.tunnel.karmada, CLUSTERS.api)
    except Unavailable as reason:
        mend = f"see to karmada-apiserver, karmada-aggregated-apiserver and the credentials of {context}"
        return wrong(API, f"{context} does not serve {CLUSTERS.group}: {reason}", mend)
    return right(API, f"{context} serves {CLUSTERS.group}")


def grant(path: TunnelPath) -> Finding | None:
    """Whether a registered member's karmada-agent may update its Cluster. Others have rights of their own."""
    name, karmada = path.tunnel.member, path.tunnel.karmada
    if not is_registered(path.asking, karmada, name, path.tunnel.registered):
        return None
    user = AGENT_USER.format(name)
    attributes: Json = {"verb": "update", "group": CLUSTERS.group, "resource": CLUSTERS.plural, "name": name}
    groups: Json = [AGENTS_GROUP, "system:authenticated"]
    review: Json = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
    }
    if at(path.asking.create(karmada, REVIEWS, review), "status", "allowed") is True:
        return right(GRANT, f"{user} may update the Cluster {name}")
    why = f"{user} may not update the Cluster {name}: karmada-agent cannot report the tunnel when it starts"
    return wrong(GRANT, why, REFRESH)


def cluster(path: TunnelPath) -> Finding:
    """What the Cluster object says of the path. All of it but the header is karmada-agent's, from its two flags."""
    found = path.cluster()
    if found is None:
        return wrong(
            CLUSTER, f"Karmada has no Cluster {path.tunnel.member}", f"join the member, then {pulumi_command('up')}"
        )
    why, mend = _objection(path, found)
    if why:
        return wrong(CLUSTER, why, mend)
    header = ", with a credential for the guard" if path.tunnel.guarded else ""
    return right(CLUSTER, f"{text(found, 'spec', 'apiEndpoint')} by {text(found, 'spec', 'proxyURL')}{header}")


def _objection(path: TunnelPath, found: Json) -> tuple[str, str]:
    """What is wrong with a Cluster and what to do, or nothing."""
    endpoint, url = text(found, "spec", "apiEndpoint"), text(found, "spec", "proxyURL")
    reported = REFRESH if path.tunnel.delivered else f"{restart(path)}  # karmada-agent sets it when it starts"
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
    """Whether karmada-agent has applied what is meant for a member that Karmada alone gets at, and it is well there."""
    tunnel = path.tunnel
    if not tunnel.delivered:
        return None
    status, message = condition(path.cluster(), "Ready")
    if status != "True":
        why = f"{tunnel.member} is not Ready in Karmada{f' ({message})' if message else ''}: what is meant for it waits"
        return wrong(WORKS, why, "see to the member's karmada-agent, and to its way to Karmada")
    found = path.asking.all(tunnel.karmada, delivered.WORKS, anp.EXECUTION_SPACE.format(tunnel.member), anp.OF_STACK)
    if not found:
        return wrong(WORKS, f"there is none for {tunnel.member}", REFRESH)
    for each in found:
        why = fault(each)
        if why:
            mend = typed(tunnel.karmada, "get", f"--namespace={text(each, 'metadata', 'namespace')}", "--output=yaml")
            return wrong(WORKS, why, f"{mend} work/{text(each, 'metadata', 'name')}  # says it whole, in its status")
    return right(WORKS, f"{len(found)} applied in {tunnel.member}, as karmada-agent says")


def restart(path: TunnelPath) -> str:
    """What to type for karmada-agent to start again."""
    agent = path.tunnel.agent
    return typed(
        path.tunnel.inside, f"--namespace={agent.namespace}", "rollout", "restart", f"deployment/{agent.deployment}"
    )


def request(path: TunnelPath) -> Finding:
    """A request to the member through Karmada."""
    ready = f"{PROXY_PATH.format(path.tunnel.member)}/readyz"
    try:
        path.asking.raw(path.tunnel.karmada, ready)
    except Unavailable as reason:
        return wrong(REQUEST, f"GET {ready}: {reason}", _beyond(path, str(reason)))
    return right(REQUEST, f"GET {ready} answers ok")


def _beyond(path: TunnelPath, reason: str) -> str:
    """What is to be looked at when no other hop is wrong: what only the parts themselves can see of each other."""
    tunnel = path.tunnel
    logs = typed(tunnel.inside, "logs", f"--namespace={tunnel.member_namespace}", f"deployment/{tunnel.agents_name}")
    if any(each in reason for each in DIALLED):
        return f"{logs} --container={anp.AGENT}  # says why proxy-agent does not reach {tunnel.identifier}"
    if CERTIFICATE in reason:
        host = f"the host of members.{tunnel.member}.apiEndpoint"
        return f"the API server's certificate must be valid, name {host}, and be of the CA in the Cluster's Secret"
    if tunnel.guarded and PROXY not in reason and any(each in reason for each in ENDED):
        return f"{logs} --container={anp.MEMBER_GUARD}  # says how it ended what came through the tunnel; ask again"
    if any(each in reason for each in PASSED):
        where = f"--namespace={tunnel.host_namespace}"
        restarted = typed(tunnel.host, where, "rollout", "restart", f"deployment/{anp.SERVER}")
        return f"{restarted}  # if all else is right: a pod keeps what it read when it began"
    return (
        f"if all else is right, Karmada's own pods do not reach {tunnel.proxy_url}: see to NetworkPolicies, "
        "proxy.allowedSources and cluster DNS"
    )
