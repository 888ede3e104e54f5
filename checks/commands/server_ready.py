"""Waits until proxy-server is rolled out, where all its members are such as Karmada alone gets at.

It is ready once an agent is connected. Where what is meant for the members cannot be applied there, none will be:
that is said at once instead of after the rollout's ten minutes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from checks.delivered import APPLY_SECONDS, Delivered, unapplied
from checks.deployments import rolled_out
from clusters.api import DEPLOYMENTS, PODS, Apis, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import items, text
from components.anp import SERVER

PAUSE = 0.5


class ServerReadyInput(BaseModel):
    """The host, where proxy-server runs, the members that are Ready, and how many `seconds` the rollout may take."""

    host: Context
    namespace: str
    members: Sequence[Delivered]
    seconds: int


def main() -> int:
    """0 once it is so, or where no member is Ready; 1 with the reason when it is not so in time."""
    given = ServerReadyInput.model_validate_json(sys.stdin.read())
    try:
        print(waited(Apis(), given))
    except Unavailable as reason:
        print(f"proxy-server is not ready: {reason}", file=sys.stderr)
        return 1
    return 0


def waited(asking: Asking, given: ServerReadyInput) -> str:
    """What was waited for. Raises Unavailable with the reason when it is not so in time, or will not be."""
    if not given.members:
        return "no member is Ready: proxy-server is not waited for, which is ready once an agent is connected"
    begun = time.monotonic()
    while not rolled_out(asking.get(given.host, DEPLOYMENTS, SERVER, given.namespace)):
        took = time.monotonic() - begun
        fault = _fault_of_all(asking, given) if took > APPLY_SECONDS else ""
        if fault:
            raise Unavailable(f"no agent comes, since what is meant for members is not applied there: {fault}")
        if took > given.seconds:
            raise Unavailable("; ".join(_waiting(asking, given)) or "no agent is connected")
        time.sleep(PAUSE)
    return "proxy-server is ready"


def _fault_of_all(asking: Asking, given: ServerReadyInput) -> str:
    """Why the first member has not what it is to have, where none has; or nothing, as soon as one has."""
    found = ""
    for each in given.members:
        why = unapplied(each.works(asking).values())
        if not why:
            return ""
        found = found or f"{each.member}: {why}"
    return found


def _waiting(asking: Asking, given: ServerReadyInput) -> Iterator[str]:
    """What its pods' containers wait for, as Kubernetes says it."""
    for pod in asking.all(given.host, PODS, given.namespace, f"app={SERVER}"):
        for each in items(pod, "status", "containerStatuses"):
            reason = text(each, "state", "waiting", "reason")
            if reason:
                yield f"{text(each, 'name')}: {reason} {text(each, 'state', 'waiting', 'message')}"


if __name__ == "__main__":
    sys.exit(main())
