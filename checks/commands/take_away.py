"""Deletes a stack's Works, which takes away in each member what they have brought; run when nothing needs that.

Where a member is not Ready, or its Cluster itself is deleted, nobody waits: it goes when it is back. A Work that goes
already is left alone.
"""

from __future__ import annotations

import sys
from functools import partial

from checks.commands.remember import before
from checks.delivered import Delivered, is_ready
from checks.delivered_agent import DeliveredMembers
from checks.outcomes import told
from checks.until import until
from clusters.api import Apis, Asking
from clusters.errors import Unavailable
from clusters.objects import is_going

SECONDS = 120
PAUSE = 0.5


def main() -> int:
    """0 once they are gone, or where nobody waits for the member; 1 with the reason when they are not in time."""
    given, asking = DeliveredMembers.model_validate_json(sys.stdin.read()), Apis()
    known = given.model_copy(update={"agents": {**before(), **given.agents}})
    return told({name: partial(taken_away, asking, each) for name, each in known.each().items()})


def taken_away(asking: Asking, of: Delivered) -> str:
    """What became of them. Raises Unavailable with the reason when they are not gone in time."""
    cluster = of.cluster(asking)
    if cluster is None:
        return "Karmada has no such Cluster any more, and with it went what was meant for it"
    for name, work in of.works(asking).items():
        if not is_going(work):
            of.delete(asking, name)
    if not is_ready(cluster):
        return "it is not Ready: what it has goes when it is back"
    until(lambda: _gone(asking, of), SECONDS, PAUSE)
    return "what it had is gone"


def _gone(asking: Asking, of: Delivered) -> None:
    left = of.works(asking)
    if left:
        why = f"karmada-agent has not taken away what these Works hold: {', '.join(sorted(left))}"
        raise Unavailable(f"{why}. Mend that and run the same command again")


if __name__ == "__main__":
    sys.exit(main())
