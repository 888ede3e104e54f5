"""Waits until karmada-agent runs without the tunnel's flags and has said so on its Cluster object.

Run when the flags' patch is gone. What the agent needs to say so, a registered member's grant, must stay until then.
Under PULUMI_K8S_DELETE_UNREACHABLE, by which Pulumi itself forgets what is in a cluster that is gone, nobody waits for
a member whose API does not answer.
Input: the JSON that components/karmada_agent.py writes.
"""

from __future__ import annotations

import os
import sys

from checks.commands.asked import api, until
from clusters.objects import Json, items, parse, text
from clusters.workstation import Unavailable, ask, kubectl, objects
from components.anp import PROXY_FLAG

SECONDS = 120


def main() -> int:
    """0 once it is so, 1 with the reason when it is not within SECONDS."""
    what = parse(sys.stdin.read())
    if os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true" and not answers(what):
        print(f"{text(what, 'cluster')}: it is gone, and with it its karmada-agent; nobody waits for it")
        return 0
    try:
        until(lambda: gone(what), SECONDS)
    except Unavailable as reason:
        print(f"{text(what, 'cluster')}: karmada-agent did not come back without the tunnel: {reason}", file=sys.stderr)
        print("Mend the agent and run the same command again: the rest is still to be taken away.", file=sys.stderr)
        return 1
    return 0


def answers(what: Json) -> bool:
    """Whether the member's API does."""
    try:
        ask(kubectl(*api(what, "member"), "get", "--raw", "/readyz", "--request-timeout=10s"))
    except Unavailable:
        return False
    return True


def gone(what: Json) -> None:
    """Raises Unavailable with the reason while it is not over yet."""
    member = api(what, "member")
    deployment = [f"deployment/{text(what, 'deployment')}", f"--namespace={text(what, 'namespace')}"]
    for each in objects(kubectl(*member, "get", *deployment)):
        ask(kubectl(*member, "rollout", "status", *deployment, "--timeout=5s"))
        if names_itself(each, text(what, "proxyUrl")):
            print(f"{text(what, 'cluster')}: karmada-agent's own command names {text(what, 'proxyUrl')}: take it out")
            return
    for cluster in objects(kubectl(*api(what, "karmada"), "get", "clusters.cluster.karmada.io", text(what, "cluster"))):
        url = text(cluster, "spec", "proxyURL")
        if url == text(what, "proxyUrl"):
            raise Unavailable(f"its Cluster still names {url}")


def names_itself(deployment: Json, url: str) -> bool:
    """Whether karmada-agent has that proxy by its own command, which is not the stack's to change."""
    containers = items(deployment, "spec", "template", "spec", "containers")
    return any(f"{PROXY_FLAG}{url}" in items(each, "command") for each in containers)


if __name__ == "__main__":
    sys.exit(main())
