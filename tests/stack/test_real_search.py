"""karmada-search and karmada-metrics-adapter, which keep watches and ask again and again through the tunnel: what they
find of a member, and that connections and memory do not grow with it.

Skipped where Karmada has neither, or the member no metrics-server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

import pytest
from pulumi import automation

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, at, items, parse, text
from clusters.programs import output_of
from components import anp
from tests import documents
from tests.proof import note
from tests.stack.environment import HOST, KARMADA, SITE, member
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import in_mebibytes, memory, metric, node_of, pods
from tests.stack.refusals import succeeds
from tools.checkout import UP, Checkout

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

SECONDS = 180
"""How long both are used."""

GROWS = 16 * 2**20
"""Bytes by which a process may grow meanwhile."""

SPARE = 8
"""Connections that may be open beyond those at the beginning: clients that karmada-metrics-adapter makes for a question
keep theirs for a while. In an hour there were 16 at the beginning, 21 at the most and 20 in the end."""

NAME = "karmada-anp-tests"
MEMBER = SITE.plain
CACHE = "/apis/search.karmada.io/v1alpha1/search/cache"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
KINDS = {"v1": ("Pod", "ConfigMap"), "apps/v1": ("Deployment",)}
REGISTRY: Json = {
    "apiVersion": "search.karmada.io/v1alpha1",
    "kind": "ResourceRegistry",
    "metadata": {"name": NAME},
    "spec": {
        "targetCluster": {"clusterNames": [MEMBER]},
        "resourceSelectors": [{"apiVersion": group, "kind": kind} for group, kinds in KINDS.items() for kind in kinds],
    },
}
MARK: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": "default"}}


@pytest.fixture(scope="module")
def search_and_metrics(clusters: None) -> None:
    """Skips where there is nothing to ask."""
    needed = {
        "karmada-search": (KARMADA, "v1alpha1.search.karmada.io"),
        "karmada-metrics-adapter": (KARMADA, "v1beta1.metrics.k8s.io"),
        f"metrics-server in {MEMBER}": (member(MEMBER), "v1beta1.metrics.k8s.io"),
    }
    for name, (end, api) in needed.items():
        if not objects(kubectl(*end, "get", "apiservices.apiregistration.k8s.io", api)):
            pytest.skip(f"there is no {name} (APIService {api})")


@pytest.fixture
def registry(search_and_metrics: None, up: automation.UpResult) -> Iterator[None]:
    """karmada-search caches what the member has."""
    apply(kubectl(*KARMADA), REGISTRY)
    try:
        yield
    finally:
        output_of(kubectl(*KARMADA, "delete", "resourceregistries.search.karmada.io", NAME))
        output_of(kubectl(*member(MEMBER), "delete", f"configmap/{NAME}", "--namespace=default", "--ignore-not-found"))


def found(path: str) -> Sequence[str]:
    """Names of what karmada-search has cached of the member. Raises Unavailable."""
    listed = items(parse(output_of(kubectl(*KARMADA, "get", "--raw", CACHE + path, "--request-timeout=10s"))), "items")
    return [text(each, "metadata", "name") for each in listed if _of_member(each)]


def _of_member(found: Json) -> bool:
    return at(found, "metadata", "annotations", "resource.karmada.io/cached-from-cluster") == MEMBER


def is_found(path: str, name: str, there: bool = True) -> None:
    if (name in found(path)) != there:
        raise Unavailable(f"{name} is {'not yet' if there else 'still'} in karmada-search's cache")


def top() -> str:
    """What `kubectl top nodes` prints of the member's node. Raises Unavailable."""
    lines = output_of(kubectl(*KARMADA, "top", "nodes", "--no-headers", "--request-timeout=10s")).splitlines()
    of = [line for line in lines if line.startswith(node_of(MEMBER))]
    if not of:
        raise Unavailable(f"kubectl top nodes does not list {node_of(MEMBER)}")
    return of[0]


def connections() -> dict[str, float]:
    """How many are open through the tunnel, counted at its ends."""
    (server,), (agent,) = pods(HOST, anp.SERVER), pods(member(MEMBER), anp.AGENT)
    return {
        anp.SERVER: metric(HOST, server, anp.SERVER_HEALTH_PORT, "konnectivity_network_proxy_server_http_connections"),
        anp.AGENT: metric(
            member(MEMBER), agent, anp.AGENT_HEALTH_PORT, "konnectivity_network_proxy_agent_open_endpoint_connections"
        ),
    }


def test_search_takes_another_credential_when_it_starts_again(registry: None, dev: Checkout) -> None:
    """Twice another one: the first stays valid for as long as there is one more."""
    direct = kubectl(*member(MEMBER))
    retry(partial(is_found, CONFIGMAPS, "kube-root-ca.crt"), 90, 1)
    for credential in (2, 3):
        dev.configure(proxy={"credential": credential})
        succeeds(dev.run(*UP))
    apply(direct, MARK)
    try:
        retry(partial(is_found, CONFIGMAPS, NAME), 10, 1)
        seen = "at once"
    except Unavailable:
        seen = "only then"
    _, *restart = documents.blocks()["docs/operations.md#another-credential 2"].partition("#")[0].split()
    output_of(kubectl(*HOST, *restart))
    retry(partial(is_found, CONFIGMAPS, NAME), 120, 1)
    note("Real parts", tried="twice another credential, then karmada-search restarted", expected="seen", seen=seen)


def test_search_and_metrics_go_through_the_tunnel(registry: None) -> None:
    """Found, seen to change, asked for all the time; what is open and held is as at the beginning."""
    direct = kubectl(*member(MEMBER))
    retry(partial(is_found, CONFIGMAPS, "kube-root-ca.crt"), 90, 1)
    retry(top, 90, 1)
    time.sleep(30)
    opened, held = connections(), memory(MEMBER)
    errors: list[str] = []
    seen, rounds, began = 0.0, 0, time.monotonic()
    while time.monotonic() < began + SECONDS:
        try:
            changed = time.monotonic()
            apply(direct, MARK)
            retry(partial(is_found, CONFIGMAPS, NAME), 10, 0.2)
            output_of([*direct, "delete", f"configmap/{NAME}", "--namespace=default"])
            retry(partial(is_found, CONFIGMAPS, NAME, there=False), 10, 0.2)
            seen = max(seen, time.monotonic() - changed)
            top()
        except Unavailable as reason:
            errors.append(str(reason))
        rounds += 1
        time.sleep(5)
    opened_then, held_then = connections(), memory(MEMBER)
    note(
        "Real parts",
        tried=f"karmada-search and karmada-metrics-adapter for {SECONDS} s: {rounds} times a ConfigMap made and "
        "deleted, `kubectl top nodes`",
        expected="each seen, no error, no more connections or memory than at the beginning",
        seen=f"{len(errors)} errors, the slowest {seen:.1f} s; connections {opened}, then {opened_then}; "
        f"{in_mebibytes(held)}, then {in_mebibytes(held_then)}",
    )
    assert errors == []
    assert min(opened.values()) > 0
    assert {name: count for name, count in opened_then.items() if count > opened[name] + SPARE} == {}
    assert {name: bytes_held for name, bytes_held in held_then.items() if bytes_held > held[name] + GROWS} == {}
