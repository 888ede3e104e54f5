"""Gives back what a member that Karmada alone gets at was given: karmada-agent's flag, `proxyURL`, and then its Works.

The flag goes through the tunnel. Where the member is not Ready nobody waits: its Works go when it is back, and the flag
stays, for nothing leads there. Under PULUMI_K8S_DELETE_UNREACHABLE it stays too where the tunnel does not answer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from checks.commands.deliver import DeliverInput, apply_agent, apply_cluster
from checks.delivered import WORKS, is_going, is_ready, works_of
from checks.deployments import args_owners, arguments, value_of
from checks.until import until
from clusters.api import CLUSTERS, DEPLOYMENTS, Apis, Asking
from clusters.errors import Unavailable
from clusters.objects import text
from components.anp import EXECUTION_SPACE, PROXY_FLAG

TUNNEL_SECONDS, BACK_SECONDS, WORKS_SECONDS = 30, 120, 120
PAUSE = 0.5


def main() -> int:
    """0 once it is so, or where nobody waits for the member; 1 with the reason when it is not so in time."""
    given, asking = DeliverInput.model_validate_json(sys.stdin.read()), Apis()
    try:
        print("\n".join(f"{given.member}: {line}" for line in taken_back(asking, given)))
    except Unavailable as reason:
        print(f"{given.member}: {reason}", file=sys.stderr)
        print("Mend that and run the same command again: the rest is still to be taken away.", file=sys.stderr)
        return 1
    return 0


def taken_back(asking: Asking, given: DeliverInput) -> Iterator[str]:
    """A line for each of them. Raises Unavailable with the reason when one of them is not so in time."""
    cluster = asking.get(given.karmada, CLUSTERS, given.member)
    if cluster is None:
        yield "Karmada has no such Cluster any more, and with it went what was meant for it"
        return
    ready = is_ready(cluster)
    if ready:
        yield _unreported(asking, given)
    for name, work in works_of(asking, given.karmada, given.member, given.stack).items():
        if not is_going(work):
            asking.delete(given.karmada, WORKS.path(EXECUTION_SPACE.format(given.member), name))
    if not ready:
        yield "it is not Ready: what it has goes when it is back, but for karmada-agent's flag, if that is set"
        return
    until(lambda: _gone(asking, given), WORKS_SECONDS, PAUSE)
    yield "what it had is gone"


def _unreported(asking: Asking, given: DeliverInput) -> str:
    """Gives up the flag, waits until karmada-agent has come back without, and gives up `proxyURL`."""
    agent = given.agent
    try:
        found = until(
            lambda: asking.get(given.inside, DEPLOYMENTS, agent.deployment, agent.namespace), TUNNEL_SECONDS, PAUSE
        )
    except Unavailable as reason:
        if not _cleared(asking, given):
            if os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true":
                return "the tunnel does not answer: karmada-agent's flag stays"
            why = f"karmada-agent's flag is taken back through the tunnel, which does not answer: {reason}"
            raise Unavailable(why) from None
        found = None
    if found is not None:
        if given.manager in args_owners(found, agent.container):
            found = apply_agent(asking, given, {})
        if value_of(PROXY_FLAG, arguments(found, agent.container)) == given.proxy_url:
            # with the field would go its value, which the same flag, now another's, does not bring back
            return "karmada-agent's flag is somebody else's, and stays"
        until(lambda: _back(asking, given), BACK_SECONDS, PAUSE)
    apply_cluster(asking, given, {})
    return "karmada-agent reports no tunnel any more"


def _cleared(asking: Asking, given: DeliverInput) -> bool:
    return text(asking.get(given.karmada, CLUSTERS, given.member), "spec", "proxyURL") != given.proxy_url


def _back(asking: Asking, given: DeliverInput) -> None:
    if not _cleared(asking, given):
        raise Unavailable("karmada-agent did not come back without its flag: its Cluster still names the tunnel")


def _gone(asking: Asking, given: DeliverInput) -> None:
    left = works_of(asking, given.karmada, given.member, given.stack)
    if left:
        raise Unavailable(f"karmada-agent has not taken away what these Works hold: {', '.join(sorted(left))}")


if __name__ == "__main__":
    sys.exit(main())
