"""A load balancer that gives addresses, MetalLB, and a network that enforces NetworkPolicies.

They are the lab's `loadbalancer` and `networkpolicy`; skipped where one is not there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping

import pytest
from pulumi import automation

from clusters.errors import Unavailable
from clusters.objects import Json, entries, items, text
from clusters.programs import output_of
from components import anp
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, NAMESPACE, member
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import HOST_NODE, address_of, shell
from tests.stack.refusals import gives_back, refused, said, succeeds
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long

PART = "Real parts"
ASKED_FOR = {"metallb.io/loadBalancerIPs": "172.30.0.245"}
"""The annotation by which MetalLB gives one of its addresses and no other."""

DIAL = "exec 3<>/dev/tcp/{0}/{1}"
KUBELET = 10_250


def there(end: tuple[str, str], what: str, namespace: str) -> bool:
    try:
        return bool(objects(kubectl(*end, "get", what, f"--namespace={namespace}")))
    except Unavailable:
        return False


@pytest.fixture(scope="module")
def up(dev: Checkout, clusters: None) -> automation.UpResult:
    """The dev stack with two servers behind a load balancer, whose address it is not told."""
    if not there(HOST, "deployment/controller", "metallb-system"):
        pytest.skip("the host cluster has no MetalLB, which gives Services of type LoadBalancer their addresses")
    dev.configure(proxy={"exposure": "loadBalancer", "replicas": 2})
    return dev.select().up(on_output=print)


def address() -> str:
    """That the load balancer gave."""
    (service,) = objects(kubectl(*HOST, "get", f"service/{anp.AGENTS_SERVICE}", f"--namespace={NAMESPACE}"))
    return text(items(service, "status", "loadBalancer", "ingress")[0], "ip")


def dialled(name: str) -> str:
    """Where a member's agents dial."""
    (agent,) = objects(kubectl(*member(name), "get", "deployment/proxy-agent", f"--namespace={NAMESPACE}"))
    args = items(items(agent, "spec", "template", "spec", "containers")[0], "args")
    return next(str(each).partition("=")[2] for each in args if str(each).startswith("--proxy-server-host="))


def test_a_load_balancers_address_goes_everywhere_by_itself(up: automation.UpResult) -> None:
    given = address()
    note(PART, tried="up behind MetalLB, two servers", expected="reached at its address", seen=f"dialled at {given}")
    for name in environment.members():
        assert f"{name}: reached through Karmada" in up.stdout
        assert dialled(name) == given


def test_another_address_that_it_gives_later_does_too(up: automation.UpResult, dev: Checkout) -> None:
    before = address()
    asked: Json = {"exposure": "loadBalancer", "replicas": 2, "serviceAnnotations": ASKED_FOR}
    if before == ASKED_FOR["metallb.io/loadBalancerIPs"]:
        pytest.skip("the load balancer gave that address at once")
    dev.configure(proxy=asked)
    done = [dev.run(*UP, "--refresh") for _ in range(2)]
    for each in done:
        succeeds(each)
    seen = f"{before}, then {address()}; agents dial {', '.join(dialled(name) for name in environment.members())}"
    note(
        PART,
        tried="the load balancer gives another address",
        expected="reached after two `up --refresh`",
        seen=seen,
    )
    assert address() == ASKED_FOR["metallb.io/loadBalancerIPs"] != before
    assert {dialled(name) for name in environment.members()} == {address()}
    succeeds(dev.run(*UP, "--refresh", "--expect-no-changes"))


def test_another_class_is_refused_and_a_new_service_is_as_the_refusal_says(
    up: automation.UpResult, dev: Checkout
) -> None:
    proxy: Mapping[str, Json] = {"exposure": "loadBalancer", "replicas": 2}
    dev.configure(proxy={**proxy, "loadBalancerClass": "example.org/other"})
    done = dev.run(*UP)
    note(
        PART,
        tried="another loadBalancerClass",
        expected="refused, naming proxy.loadBalancerClass",
        seen=" ".join(said(done)),
    )
    refused(done)
    assert "proxy.loadBalancerClass: the Service proxy-server-agents has no class" in done.stdout + done.stderr
    dev.configure(proxy=proxy)
    output_of(kubectl(*HOST, "delete", "service", anp.AGENTS_SERVICE, f"--namespace={NAMESPACE}"))
    again = dev.run(*UP, "--refresh")
    succeeds(again)
    for name in environment.members():
        assert f"{name}: reached through Karmada" in again.stdout
        assert dialled(name) == address()


@pytest.fixture
def enforced() -> None:
    for end in (HOST, *(member(name) for name in environment.members())):
        if not there(end, "daemonset/kube-network-policies", "kube-system"):
            pytest.skip(f"{end[1]} enforces no NetworkPolicies: there is no kube-network-policies")


@pytest.fixture
def pods() -> Iterator[list[tuple[tuple[str, str], str, str]]]:
    """Pods with a shell: a cluster, a namespace and a name of each. They are deleted in the end."""
    made: list[tuple[tuple[str, str], str, str]] = []
    yield made
    for end, namespace, name in made:
        gone = [f"pod/{name}", f"--namespace={namespace}", "--wait=false", "--ignore-not-found"]
        output_of(kubectl(*end, "delete", *gone))


def dials(pod: tuple[tuple[str, str], str, str], host: str, port: int) -> bool:
    """Whether something answers who dials from a pod."""
    end, namespace, name = pod
    within = ["timeout", "5", "bash", "-c", DIAL.format(host, port)]
    command = kubectl(*end, "exec", name, f"--namespace={namespace}", "--", *within)
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0


def start(end: tuple[str, str], namespace: str, name: str, labels: Mapping[str, str]) -> None:
    """A pod with a shell and some labels, which is ready."""
    pod = entries(shell(name, namespace, "sleep", "600"))
    metadata: Json = {"name": name, "namespace": namespace, "labels": labels}
    apply(kubectl(*end), {**pod, "metadata": metadata})
    output_of(
        kubectl(*end, "wait", f"pod/{name}", f"--namespace={namespace}", "--for=condition=Ready", "--timeout=60s"), 70
    )


def test_what_the_policies_let_through_and_what_not(
    up: automation.UpResult, enforced: None, pods: list[tuple[tuple[str, str], str, str]]
) -> None:
    name = environment.SITE.plain
    karmadas, stranger = (HOST, NAMESPACE, "karmadas"), (HOST, "default", "stranger")
    agents, other = (member(name), NAMESPACE, "agents"), (member(name), NAMESPACE, "other")
    # not the kubelet of their own node, which many networks let pods reach in spite of policies
    node = address_of(HOST_NODE)
    for each in (karmadas, stranger, agents, other):
        # with its label, the policy of proxy-agent is that pod's too
        pods.append(each)
        start(*each, labels={"app": anp.AGENT} if each is agents else {})
    plain = f"{anp.SERVER}.{NAMESPACE}.svc"
    seen = {
        "Karmada's namespace to the plain port": dials(karmadas, plain, 8088),
        "another namespace to the plain port": dials(stranger, plain, 8088),
        "another namespace to the agents' port": dials(stranger, anp.AGENTS_SERVICE + f".{NAMESPACE}.svc", 8091),
        "an agent to proxy-server": dials(agents, address(), 8091),
        "an agent to its API server": dials(agents, "kubernetes.default.svc", 443),
        "an agent to the host's kubelet": dials(agents, node, KUBELET),
        "another pod to that kubelet": dials(other, node, KUBELET),
    }
    expected = dict(zip(seen, (True, False, True, True, True, False, True), strict=True))
    note(
        PART,
        tried="who dials what, with NetworkPolicies enforced",
        expected="Karmada's pods and agents reach what they need, and nobody else the plain port",
        seen=json.dumps(seen),
    )
    assert seen == expected


def test_destroy_gives_everything_back(up: automation.UpResult, dev: Checkout, before: Mapping[str, Json]) -> None:
    gives_back(dev, before)
