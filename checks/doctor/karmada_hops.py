"""The hops in the Karmada control plane: its API, what it knows of the way to a member, and a request all the way."""

from __future__ import annotations

from checks.doctor.tunnel_path import TunnelPath
from checks.findings import REFRESH, Finding, State
from checks.registered import is_registered
from clusters.api import CLUSTERS, REVIEWS
from clusters.kubeconfig import Unavailable
from clusters.objects import Json, at, entries, text
from clusters.workstation import typed
from components import anp
from components.anp import PROXY_PATH
from components.registration import AGENT_USER
from config.fields import host_of, is_loopback

API, GRANT, CLUSTER, REQUEST = "Karmada API", "grant", "Cluster", "request"

PASSED = ("Unauthorized", "Proxy Authentication Required", "Forbidden", "Service Unavailable", "Internal Server Error")
"""The guard's and proxy-server's own answers, as Go words a refused CONNECT: Karmada does reach them. What the Karmada
API itself refuses it calls `forbidden`."""
DIALLED = ("Bad Gateway", "Gateway Timeout")
"""proxy-server's answers where an agent was there and its dial failed."""

AGENTS_GROUP = "system:karmada:agents"
"""The group of every registered member's karmada-agent."""


def karmada_api(path: TunnelPath) -> Finding:
    """Whether Karmada serves Cluster objects, which karmada-aggregated-apiserver does."""
    context = path.tunnel.karmada.name
    try:
        path.asking.raw(path.tunnel.karmada, CLUSTERS.api)
    except Unavailable as reason:
        mend = f"see to karmada-apiserver, karmada-aggregated-apiserver and the credentials of {context}"
        return Finding(
            hop=API, state=State.WRONG, says=f"{context} does not serve {CLUSTERS.group}: {reason}", mend=mend
        )
    return Finding(hop=API, state=State.RIGHT, says=f"{context} serves {CLUSTERS.group}")


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
        return Finding(hop=GRANT, state=State.RIGHT, says=f"{user} may update the Cluster {name}")
    why = f"{user} may not update the Cluster {name}: karmada-agent cannot report the tunnel when it starts"
    return Finding(hop=GRANT, state=State.WRONG, says=why, mend=REFRESH)


def cluster(path: TunnelPath) -> Finding:
    """What the Cluster object says of the path. All of it but the header is karmada-agent's, from its two flags."""
    found = path.cluster()
    if found is None:
        why = f"Karmada has no Cluster {path.tunnel.member}"
        return Finding(hop=CLUSTER, state=State.WRONG, says=why, mend="join the member, then pulumi up")
    why, mend = _wrong(path, found)
    if why:
        return Finding(hop=CLUSTER, state=State.WRONG, says=why, mend=mend)
    header = ", with the guard's credential" if path.tunnel.guarded else ""
    says = f"{text(found, 'spec', 'apiEndpoint')} by {text(found, 'spec', 'proxyURL')}{header}"
    return Finding(hop=CLUSTER, state=State.RIGHT, says=says)


def _wrong(path: TunnelPath, found: Json) -> tuple[str, str]:
    """What is wrong with a Cluster and what to do, or nothing."""
    endpoint, url = text(found, "spec", "apiEndpoint"), text(found, "spec", "proxyURL")
    reported = f"{restart(path)}  # karmada-agent sets it when it starts"
    if text(found, "spec", "syncMode") != "Pull":
        return (
            f"it is in {text(found, 'spec', 'syncMode')} mode: Karmada dials it itself",
            "take the member out of the stack",
        )
    if is_loopback(host_of(endpoint)):
        return f"apiEndpoint {endpoint} is loopback: proxy-agent would dial itself", reported
    if endpoint != path.tunnel.api_endpoint:
        return f"apiEndpoint is {endpoint or 'empty'}, the stack's {path.tunnel.api_endpoint}", reported
    if url != path.tunnel.proxy_url:
        return f"proxyURL is {url or 'empty'}, the stack's {path.tunnel.proxy_url}", reported
    if path.tunnel.guarded and not entries(found, "spec", "proxyHeader"):
        return "proxyHeader is empty: the guard will answer 407", REFRESH
    return "", ""


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
        says = f"GET {ready}: {reason}"
        return Finding(hop=REQUEST, state=State.WRONG, says=says, mend=_beyond(path, str(reason)))
    return Finding(hop=REQUEST, state=State.RIGHT, says=f"GET {ready} answers ok")


def _beyond(path: TunnelPath, reason: str) -> str:
    """What is to be looked at when no other hop is wrong: what only the parts themselves can see of each other."""
    if any(each in reason for each in DIALLED):
        logs = typed(
            path.tunnel.inside, "logs", f"--namespace={path.tunnel.member_namespace}", f"deployment/{anp.AGENT}"
        )
        return f"{logs}  # proxy-agent does not reach {path.tunnel.target} from its pods: members.NAME.apiEndpoint"
    if any(each in reason for each in PASSED):
        where = f"--namespace={path.tunnel.host_namespace}"
        restarted = typed(path.tunnel.host, where, "rollout", "restart", f"deployment/{anp.SERVER}")
        return f"{restarted}  # if all else is right: a pod keeps what it read when it began"
    return (
        f"if all else is right, Karmada's own pods do not reach {path.tunnel.proxy_url}: see to NetworkPolicies, "
        "proxy.allowedSources and cluster DNS"
    )
