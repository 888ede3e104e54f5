"""Sends requests to a member through Karmada until it answers; if it does not, walks the path as the doctor does."""

from __future__ import annotations

import sys

from pydantic import BaseModel

from checks.delivered import is_ready
from checks.doctor.tunnel import Tunnel
from checks.reached import reached
from clusters.api import CLUSTERS, KubernetesApis, OfficialClient
from clusters.errors import Unavailable


class CheckInput(BaseModel):
    """The tunnel, and for how many seconds requests are retried."""

    tunnel: Tunnel
    seconds: int


def main() -> int:
    """0 once the member answered, or if it is away and not waited for; 1 if it did not answer in time."""
    given, apis = CheckInput.model_validate_json(sys.stdin.read()), OfficialClient()
    if is_away(apis, given.tunnel):
        print(f"{given.tunnel.member}: it is not Ready, and nobody waits for it: what is meant for it does, in Karmada")
        return 0
    answered, lines = reached(apis, given.tunnel, given.seconds)
    print("\n".join(lines), file=sys.stdout if answered else sys.stderr)
    return 0 if answered else 1


def is_away(apis: KubernetesApis, tunnel: Tunnel) -> bool:
    """Whether a member that only Karmada reaches is not Ready: then this `up` must not fail because of it."""
    try:
        return tunnel.delivered and not is_ready(apis.get(tunnel.karmada, CLUSTERS, tunnel.member))
    except Unavailable:
        return False


if __name__ == "__main__":
    sys.exit(main())
