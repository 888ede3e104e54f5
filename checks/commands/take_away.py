"""Deletes a stack's Works, and with them their objects in each member, once nothing needs these.

A member that has not been Ready for a minute, or whose Cluster is deleted, is not waited for: karmada-agent deletes its
objects when it is back. Works that are terminating are not deleted again.
"""

from __future__ import annotations

import sys
from functools import partial

from checks.applied import give_up_credential
from checks.commands.remember import previous_members
from checks.delivered import is_ready
from checks.delivered_agent import DeliveredAgent, DeliveredMembers
from checks.outcomes import run_steps
from checks.retry import retry
from clusters.api import KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.objects import is_terminating, text

SECONDS = 120
PAUSE = 0.5


def main() -> int:
    """0 once they are gone from all Ready members, 1 with each reason if they are not in time."""
    given, apis = DeliveredMembers.model_validate_json(sys.stdin.read()), OfficialClient()
    known = given.model_copy(update={"agents": {**previous_members(), **given.agents}})
    return run_steps({name: partial(delete_works, apis, each) for name, each in known.each().items()})


def delete_works(apis: KubernetesApis, of: DeliveredAgent) -> str:
    """Deletes a member's Works and waits until they are gone. Returns a line. Raises Unavailable if they stay.

    It also removes the credential if that is still there, as after an `up` that failed before the tunnel worked.
    """
    cluster = of.settled_cluster(apis)
    if cluster is None:
        return "Karmada has no such Cluster any more, and with it went what was meant for it"
    if not of.reached and text(cluster, "spec", "proxyURL") != of.proxy_url:
        give_up_credential(apis, of.karmada, of.member, of.former)
    for name, work in of.works(apis).items():
        if not is_terminating(work):
            of.delete(apis, name)
    if not is_ready(cluster):
        return "it is not Ready: what it has goes when it is back"
    retry(lambda: _require_works_gone(apis, of), SECONDS, PAUSE)
    return "it is not Ready any more: what is left goes when it is back" if of.works(apis) else "what it had is gone"


def _require_works_gone(apis: KubernetesApis, of: DeliveredAgent) -> None:
    if not is_ready(of.settled_cluster(apis)):
        # as when karmada-agent was deleted first, which Karmada notices a little later
        return
    left = of.works(apis)
    if left:
        why = f"karmada-agent has not taken away what these Works hold: {', '.join(sorted(left))}"
        raise Unavailable(f"{why}. Mend that and run the same command again")


if __name__ == "__main__":
    sys.exit(main())
