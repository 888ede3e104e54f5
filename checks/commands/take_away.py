"""Deletes a stack's Works, which takes away in each member what they have brought; run when nothing needs that.

Where a member is not Ready, or its Cluster itself is deleted, nobody waits: it goes when it is back. A Work that goes
already is left alone.
"""

from __future__ import annotations

import sys
from functools import partial

from checks.applied import give_up_credential
from checks.commands.remember import before
from checks.delivered import is_ready
from checks.delivered_agent import DeliveredAgent, DeliveredMembers
from checks.outcomes import told
from checks.until import until
from clusters.api import Apis, Asking
from clusters.errors import Unavailable
from clusters.objects import is_going, text

SECONDS = 120
PAUSE = 0.5


def main() -> int:
    """0 once they are gone, or where nobody waits for the member; 1 with the reason when they are not in time."""
    given, asking = DeliveredMembers.model_validate_json(sys.stdin.read()), Apis()
    known = given.model_copy(update={"agents": {**before(), **given.agents}})
    return told({name: partial(taken_away, asking, each) for name, each in known.each().items()})


def taken_away(asking: Asking, of: DeliveredAgent) -> str:
    """What became of them. Raises Unavailable with the reason when they are not gone in time.

    The credential goes too, if it is still there, as after an `up` that failed before the tunnel stood.
    """
    cluster = of.cluster(asking)
    if cluster is None:
        return "Karmada has no such Cluster any more, and with it went what was meant for it"
    if not of.reached and text(cluster, "spec", "proxyURL") != of.proxy_url:
        give_up_credential(asking, of.karmada, of.member, of.former)
    for name, work in of.works(asking).items():
        if not is_going(work):
            of.delete(asking, name)
    if not is_ready(cluster):
        return "it is not Ready: what it has goes when it is back"
    until(lambda: _gone(asking, of), SECONDS, PAUSE)
    return "it is not Ready any more: what is left goes when it is back" if of.works(asking) else "what it had is gone"


def _gone(asking: Asking, of: DeliveredAgent) -> None:
    if not is_ready(of.cluster(asking)):
        # as when karmada-agent was deleted first: Karmada notices a little later
        return
    left = of.works(asking)
    if left:
        why = f"karmada-agent has not taken away what these Works hold: {', '.join(sorted(left))}"
        raise Unavailable(f"{why}. Mend that and run the same command again")


if __name__ == "__main__":
    sys.exit(main())
