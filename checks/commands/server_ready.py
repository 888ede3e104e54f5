"""Waits until proxy-server is rolled out, in a stack all of whose members only Karmada reaches.

proxy-server is ready once an agent is connected. If no member's Works can be applied there will be none: that is an
error at once, instead of after the rollout's ten minutes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from checks.delivered import APPLY_SECONDS, Delivered, unapplied
from checks.deployments import rolled_out
from checks.retry import answered
from clusters.api import DEPLOYMENTS, PODS, KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import items, text
from components.anp import SERVER

PAUSE = 0.5


class ServerReadyInput(BaseModel):
    """The host's API, proxy-server's namespace, the members that are Ready, and the rollout's timeout in seconds."""

    host: Context
    namespace: str
    members: Sequence[Delivered]
    seconds: int


def main() -> int:
    """0 once it is rolled out, or if no member is Ready; 1 with the reason on stderr if it is not in time."""
    given = ServerReadyInput.model_validate_json(sys.stdin.read())
    try:
        print(wait_until_ready(OfficialClient(), given))
    except Unavailable as reason:
        print(f"proxy-server is not ready: {reason}", file=sys.stderr)
        return 1
    return 0


def wait_until_ready(apis: KubernetesApis, given: ServerReadyInput) -> str:
    """Waits, and returns a line. Raises Unavailable if proxy-server is not ready in time, or cannot be."""
    if not given.members:
        return "no member is Ready: proxy-server is not waited for, which is ready once an agent is connected"
    begun = time.monotonic()
    while not rolled_out(answered(lambda: apis.get(given.host, DEPLOYMENTS, SERVER, given.namespace))):
        took = time.monotonic() - begun
        fault = _common_fault(apis, given) if took > APPLY_SECONDS else ""
        if fault:
            raise Unavailable(f"no agent comes, since what is meant for members is not applied there: {fault}")
        if took > given.seconds:
            raise Unavailable("; ".join(_waiting_reasons(apis, given)) or "no agent is connected")
        time.sleep(PAUSE)
    return "proxy-server is ready"


def _common_fault(apis: KubernetesApis, given: ServerReadyInput) -> str:
    """Why the first member's Works are not applied, if no member's are; else an empty text."""
    found = ""
    for each in given.members:
        why = unapplied(each.works(apis).values())
        if not why:
            return ""
        found = found or f"{each.member}: {why}"
    return found


def _waiting_reasons(apis: KubernetesApis, given: ServerReadyInput) -> Iterator[str]:
    """Why containers of proxy-server's pods are waiting, from their container statuses."""
    for pod in answered(lambda: apis.all(given.host, PODS, given.namespace, f"app={SERVER}")):
        for each in items(pod, "status", "containerStatuses"):
            reason = text(each, "state", "waiting", "reason")
            if reason:
                yield f"{text(each, 'name')}: {reason} {text(each, 'state', 'waiting', 'message')}"


if __name__ == "__main__":
    sys.exit(main())
