"""Gives back what was set of members that Karmada alone gets at: karmada-agent's flag, then `proxyURL` and the
credential.

The flag goes through the tunnel, which must stand until no pod of karmada-agent is left that began with it: it would
report the tunnel once more. Where the member is not Ready it stays, for nothing leads there; under
PULUMI_K8S_DELETE_UNREACHABLE it stays too where the tunnel does not answer.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from checks.applied import clear_proxy_url, give_up_credential
from checks.delivered import is_ready
from checks.delivered_agent import DeliveredAgent, DeliveredMembers
from checks.deployments import args_owners, arguments, value_of
from checks.outcomes import told
from checks.until import until
from clusters.api import Apis, Asking
from clusters.errors import Unavailable
from clusters.objects import Json, text
from components.anp import PROXY_FLAG

LET_GO = "PULUMI_K8S_DELETE_UNREACHABLE"
"""By which Pulumi itself forgets what is in a cluster that does not answer."""

TUNNEL_SECONDS, BACK_SECONDS = 30, 120
PAUSE = 0.5


def main() -> int:
    """0 once it is so, or where nobody waits for the member; 1 with the reason when it is not so in time."""
    given, asking = DeliveredMembers.model_validate_json(sys.stdin.read()), Apis()
    return told({name: partial(taken_back, asking, each) for name, each in given.each().items()})


def taken_back(asking: Asking, of: DeliveredAgent) -> str:
    """What became of it. Raises Unavailable with the reason when it is not so in time."""
    cluster = of.cluster(asking)
    if cluster is None:
        return "Karmada has no such Cluster any more"
    said, agent = _flag_taken(asking, of, cluster)
    if not of.reached and of.former not in args_owners(agent, of.agent.container):
        give_up_credential(asking, of.karmada, of.member, of.former)
    return said


def _flag_taken(asking: Asking, of: DeliveredAgent, cluster: Json) -> tuple[str, Json]:
    """What became of flag and `proxyURL`, and karmada-agent's Deployment as far as it was looked at."""
    if not is_ready(cluster):
        return "it is not Ready: karmada-agent's flag stays, if it is set", None
    reported = text(cluster, "spec", "proxyURL")
    if reported != of.proxy_url and not of.works(asking):
        return "nothing is there of the stack", None
    try:
        # it may have its flag still where somebody has cleared proxyURL
        found = until(lambda: of.by_the_tunnel(asking), TUNNEL_SECONDS, PAUSE)
    except Unavailable as reason:
        if reported and os.environ.get(LET_GO) != "true":
            why = f"karmada-agent's flag is taken back through the tunnel, which fails ({LET_GO}=true leaves it there)"
            raise Unavailable(f"{why}: {reason}") from None
        of.apply_cluster(asking, {})
        return f"nothing leads there, so that karmada-agent's flag stays, if it is set: {reason}", None
    container = of.agent.container
    if of.manager in args_owners(found, container):
        found = of.apply_agent(asking, {})
    if value_of(PROXY_FLAG, arguments(found, container)) == of.proxy_url:
        # with the field would go its value, which the same flag, now another's, does not bring back
        return "karmada-agent's flag is somebody else's, and stays", found
    until(lambda: _back(asking, of), BACK_SECONDS, PAUSE)
    # it may be karmada-agent's own from before: without its grant the next one could not clear it, and would crash
    clear_proxy_url(asking, of.karmada, of.member)
    of.apply_cluster(asking, {})
    return "karmada-agent reports no tunnel any more", found


def _back(asking: Asking, of: DeliveredAgent) -> None:
    """Raises Unavailable while karmada-agent, or a pod of it, still runs with the flag."""
    found = of.by_the_tunnel(asking)
    if found is not None:
        of.settled(asking, found)


if __name__ == "__main__":
    sys.exit(main())
