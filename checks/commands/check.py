"""Asks a member something through Karmada until it answers; if it does not, walks the path as the doctor does."""

from __future__ import annotations

import sys

from pydantic import BaseModel

from checks.doctor.tunnel import Tunnel
from checks.reached import reached
from clusters.api import Apis


class CheckInput(BaseModel):
    """The tunnel, and how many seconds it is tried."""

    tunnel: Tunnel
    seconds: int


def main() -> int:
    """0 once the member answered, 1 when it did not in time."""
    given = CheckInput.model_validate_json(sys.stdin.read())
    answered, lines = reached(Apis(), given.tunnel, given.seconds)
    print("\n".join(lines), file=sys.stdout if answered else sys.stderr)
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
