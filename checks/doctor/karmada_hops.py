"""The hops in the Karmada control plane: its API, what it knows of the way to a member, and a request all the way."""

from __future__ import annotations

from checks.doctor.asking import review
from checks.doctor.findings import REFRESH, Finding, State
from checks.doctor.way import Way, command
from clusters.objects import Json, entries, text
from clusters.workstation import Unavailable
from components import anp
from components.anp import PROXY_PATH
from components.registration import AGENT_USER
from config.fields import host_of, is_loopback

API, GRANT, CLUSTER, REQUEST = "Karmada API", "grant", "Cluster", "request"

PASSED = ("Unauthorized", "Error from server: Forbidden", "Service Unavailable", "Internal Server Error")
"""The guard's and proxy-server's own answers: Karmada does reach them."""
DIALLED = ("Bad Gateway", "Gateway Timeout")
"""proxy-server's answers where an agent was there and its dial failed."""

GROUP = "cluster.karmada.io"
AGENTS_GROUP = "system:karmada:agents"
"""The group of every registered member's karmada-agent."""


def karmada_api(way: Way) -> Finding:
    """Whether Karmada serves Cluster objects, which karmada-aggregated-apiserver does."""
    context = way.karmada.context
    try:
        way.asking.raw(way.karmada, f"/apis/{GROUP}/v1alpha1")
    except Unavailable as reason:
        mend = f"see to karmada-apiserver, karmada-aggregated-apiserver and the credentials of {context}"
        return Finding(hop=API, state=State.WRONG, says=f"{context} does not serve {GROUP}: {reason}", mend=mend)
    return Finding(hop=API, state=State.RIGHT, says=f"{context} serves {GROUP}")


def grant(way: Way) -> Finding | None:
    """Whether a registered member's karmada-agent may update its Cluster. Others have rights of their own."""
    if not way.member.registered:
        return None
    name = way.member.name
    user = AGENT_USER.format(name)
    asked = review(user, [AGENTS_GROUP, "system:authenticated"], "update", GROUP, "clusters", name)
    if way.asking.allowed(way.karmada, asked):
        return Finding(hop=GRANT, state=State.RIGHT, says=f"{user} may update the Cluster {name}")
    why = f"{user} may not update the Cluster {name}: karmada-agent cannot report the tunnel when it starts"
    return Finding(hop=GRANT, state=State.WRONG, says=why, mend=REFRESH)


def cluster(way: Way) -> Finding:
    """What the Cluster object says of the way. All of it but the header is karmada-agent's, from its two flags."""
    found = way.cluster()
    if found is None:
        why = f"Karmada has no Cluster {way.member.name}"
        return Finding(hop=CLUSTER, state=State.WRONG, says=why, mend="join the member, then pulumi up")
    why, mend = _wrong(way, found)
    if why:
        return Finding(hop=CLUSTER, state=State.WRONG, says=why, mend=mend)
    header = ", with the guard's credential" if way.guarded else ""
    says = f"{text(found, 'spec', 'apiEndpoint')} by {text(found, 'spec', 'proxyURL')}{header}"
    return Finding(hop=CLUSTER, state=State.RIGHT, says=says)


def _wrong(way: Way, found: Json) -> tuple[str, str]:
    """What is wrong with a Cluster and what to do, or nothing."""
    endpoint, url = text(found, "spec", "apiEndpoint"), text(found, "spec", "proxyURL")
    reported = f"{restart(way)}  # karmada-agent sets it when it starts"
    if text(found, "spec", "syncMode") != "Pull":
        return (
            f"it is in {text(found, 'spec', 'syncMode')} mode: Karmada dials it itself",
            "take the member out of the stack",
        )
    if is_loopback(host_of(endpoint)):
        return f"apiEndpoint {endpoint} is loopback: proxy-agent would dial itself", reported
    if endpoint != way.member.api_endpoint:
        return f"apiEndpoint is {endpoint or 'empty'}, the stack's {way.member.api_endpoint}", reported
    if url != way.entry.proxy_url:
        return f"proxyURL is {url or 'empty'}, the stack's {way.entry.proxy_url}", reported
    if way.guarded and not entries(found, "spec", "proxyHeader"):
        return "proxyHeader is empty: the guard will answer 407", REFRESH
    return "", ""


def restart(way: Way) -> str:
    """What to type for karmada-agent to start again."""
    agent = way.member.agent
    return command(way.inside, f"--namespace={agent.namespace}", "rollout", "restart", f"deployment/{agent.deployment}")


def request(way: Way) -> Finding:
    """A request to the member through Karmada."""
    path = PROXY_PATH.format(way.member.name)
    try:
        way.asking.raw(way.karmada, f"{path}/readyz")
    except Unavailable as reason:
        says = f"GET {path}/readyz: {reason}"
        return Finding(hop=REQUEST, state=State.WRONG, says=says, mend=_beyond(way, str(reason)))
    return Finding(hop=REQUEST, state=State.RIGHT, says=f"GET {path}/readyz answers ok")


def _beyond(way: Way, reason: str) -> str:
    """What is to be looked at when no other hop is wrong: what only the parts themselves can see of each other."""
    if any(each in reason for each in DIALLED):
        logs = command(way.inside, "logs", f"--namespace={way.member.namespace}", f"deployment/{anp.AGENT}")
        return f"{logs}  # proxy-agent does not reach {way.member.target} from its pods: members.NAME.apiEndpoint"
    if any(each in reason for each in PASSED):
        where = f"--namespace={way.settings.host.namespace}"
        restarted = command(way.host, where, "rollout", "restart", f"deployment/{anp.SERVER}")
        return f"{restarted}  # if all else is right: a pod keeps what it read when it began"
    return (
        f"if all else is right, Karmada's own pods do not reach {way.entry.proxy_url}: see to NetworkPolicies, "
        "proxy.allowedSources and cluster DNS"
    )
