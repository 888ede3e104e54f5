"""Asks a member something through Karmada until it answers; if it does not, says what each hop answers.

Input: the JSON that components/tunnel_check.py writes. It prints no credential: of the Cluster object only whether it
has one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from checks.commands.asked import api, until
from clusters.objects import Json, entries, items, number, parse, text
from clusters.workstation import Unavailable, ask, kubectl, objects, typed
from components.anp import PROXY_PATH


def main() -> int:
    """0 once the member answered, 1 when it did not in time."""
    what = parse(sys.stdin.read())
    name, seconds = text(what, "cluster"), number(what, "seconds")
    started = time.monotonic()
    try:
        until(lambda: request(what), seconds)
    except Unavailable as unavailable:
        print(f"{name}: not reached through Karmada within {seconds} s: {unavailable}", file=sys.stderr)
        for hop in hops(what):
            print(f"  {hop}", file=sys.stderr)
        return 1
    print(f"{name}: reached through Karmada: /readyz and a list ({time.monotonic() - started:.1f} s)")
    return 0


def request(what: Json) -> None:
    """Two requests to the member through Karmada, once its Cluster names a proxy. Raises Unavailable."""
    for cluster in objects(kubectl(*api(what, "karmada"), "get", "clusters.cluster.karmada.io", text(what, "cluster"))):
        if not text(cluster, "spec", "proxyURL"):
            raise Unavailable("its Cluster object names no proxy: karmada-agent has not reported the tunnel")
    proxy = PROXY_PATH.format(text(what, "cluster"))
    for path in ("/readyz", "/api/v1/namespaces?limit=1"):
        ask(kubectl(*api(what, "karmada"), "get", "--raw", proxy + path, "--request-timeout=5s"), seconds=10)


def hops(what: Json) -> Iterator[str]:
    """A line a hop or more, from Karmada to the member's API server."""
    yield from told("Karmada", lambda: cluster_object(what))
    yield from told("proxy-server", lambda: pods(what, "host", text(what, "server")))
    yield from told("proxy-agent", lambda: pods(what, "member", text(what, "proxyAgent")))
    yield from told("karmada-agent", lambda: karmada_agent(what))
    yield from told("member's API, asked directly", lambda: member_api(what))


def told(hop: str, ask_it: Callable[[], Iterator[str]]) -> Iterator[str]:
    """What a hop answers, or why it does not."""
    try:
        yield from (f"{hop}: {line.strip()}" for line in ask_it())
    except Unavailable as unavailable:
        yield f"{hop}: {unavailable}"


def cluster_object(what: Json) -> Iterator[str]:
    """What Karmada knows of the way to the member."""
    name = text(what, "cluster")
    found = objects(kubectl(*api(what, "karmada"), "get", "clusters.cluster.karmada.io", name))
    yield "answers" if found else f"answers, but has no Cluster {name}"
    for each in found:
        header = "set" if entries(each, "spec", "proxyHeader") else "not set"
        yield f"apiEndpoint {text(each, 'spec', 'apiEndpoint') or 'empty'} (here: {text(what, 'apiEndpoint')})"
        url = text(each, "spec", "proxyURL")
        yield f"proxyURL {url or 'empty'}, proxyHeader {header}"
        if not url:
            yield f"proxyURL is karmada-agent's to set, when it starts: {restart(what)}"


def pods(what: Json, end: str, app: str) -> Iterator[str]:
    """The containers with that label, and the last that they logged. ANP and the guard log no credential."""
    selected = [f"--namespace={text(what, end, 'namespace')}", f"--selector=app={app}"]
    found = objects(kubectl(*api(what, end), "get", "pods", *selected))
    if not found:
        yield "no pod"
    for pod in found:
        for each in items(pod, "status", "containerStatuses"):
            waits = text(each, "state", "waiting", "reason") or text(each, "state", "terminated", "reason")
            state = waits or ("ready" if entries(each).get("ready") else "not ready")
            yield f"container {text(each, 'name')} {state}, {number(each, 'restartCount')} restarts"
    logs = ask(kubectl(*api(what, end), "logs", *selected, "--all-containers", "--prefix", "--tail=3"))
    yield from (line for line in logs.splitlines())


def restart(what: Json) -> str:
    """What to type for karmada-agent to start again."""
    (kubeconfig, context), agent = api(what, "member"), f"deployment/{text(what, 'agent', 'deployment')}"
    return typed(kubeconfig, context, f"--namespace={text(what, 'agent', 'namespace')}", "rollout", "restart", agent)


def karmada_agent(what: Json) -> Iterator[str]:
    """Whether karmada-agent runs."""
    where = [f"deployment/{text(what, 'agent', 'deployment')}", f"--namespace={text(what, 'agent', 'namespace')}"]
    for each in objects(kubectl(*api(what, "member"), "get", *where)):
        yield f"{number(each, 'status', 'readyReplicas')} of {number(each, 'status', 'replicas')} pods ready"


def member_api(what: Json) -> Iterator[str]:
    """Whether the member's API server is ready."""
    yield ask(kubectl(*api(what, "member"), "get", "--raw", "/readyz"))


if __name__ == "__main__":
    sys.exit(main())
