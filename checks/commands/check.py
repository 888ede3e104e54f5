"""Asks a member something through Karmada until it answers; if it does not, walks the path as the doctor does."""

from __future__ import annotations

import sys

from pydantic import BaseModel

from checks.delivered import is_ready
from checks.doctor.tunnel import Tunnel
from checks.reached import reached
from clusters.api import CLUSTERS, Apis, Asking
from clusters.errors import Unavailable


class CheckInput(BaseModel):
    """The tunnel, and how many seconds it is tried."""

    tunnel: Tunnel
    seconds: int


def main() -> int:
    """0 once the member answered, or where nobody waits for it; 1 when it did not in time."""
    given, asking = CheckInput.model_validate_json(sys.stdin.read()), Apis()
    if waits(asking, given.tunnel):
        print(f"{given.tunnel.member}: it is not Ready, and nobody waits for it: what is meant for it does, in Karmada")
        return 0
    answered, lines = reached(asking, given.tunnel, given.seconds)
    print("\n".join(lines), file=sys.stdout if answered else sys.stderr)
    return 0 if answered else 1


def waits(asking: Asking, tunnel: Tunnel) -> bool:
    """Whether a member that Karmada alone gets at is known to be away: then nothing of it is this `up`'s fault."""
    try:
        return tunnel.delivered and not is_ready(asking.get(tunnel.karmada, CLUSTERS, tunnel.member))
    except Unavailable:
        return False


if __name__ == "__main__":
    sys.exit(main())
