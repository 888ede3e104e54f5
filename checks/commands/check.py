"""Sends requests to members through Karmada until they answer; the path of one that does not is walked, as the doctor
does. An `up` must not fail because of a member with `access: karmada` that was away when it began: that is asked once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pydantic import BaseModel

from checks.doctor.tunnel import Tunnel
from checks.reached import answers
from clusters.api import OfficialClient


class CheckInput(BaseModel):
    """The tunnels, for how many seconds requests are retried, for all of them together, and the members that preflight
    found `away`.

    Readiness is not read again: a member whose karmada-agent this `up` has restarted may not have reported yet, and one
    that was lost since would not be checked by the next `up` either.
    """

    tunnels: Sequence[Tunnel]
    seconds: int
    away: Sequence[str] = ()


def main() -> int:
    """0 if each member answered, or was away; 1 if one did not answer in time."""
    given, apis = CheckInput.model_validate_json(sys.stdin.read()), OfficialClient()
    found = answers(apis, given.tunnels, given.seconds, away=given.away)
    # Pulumi shows both streams of a Command that fails
    for line in [*found.lines(), *found.failures(apis)]:
        print(line, file=sys.stderr if found.failed else sys.stdout)
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
