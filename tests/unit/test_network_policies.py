"""Who may open connections to the proxies' pods."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clusters.objects import Json, at, entries, items, number, text
from tests.unit.reading import needs, of_kind, pods
from tests.unit.stacks import balanced, changed
from tools.render.mocks import NODE_PORT
from tools.render.program import Run

ANYWHERE: Json = {"ports": [{"port": 8091, "protocol": "TCP"}]}


def from_namespace(namespace: str, *ports: int) -> Json:
    """A rule that lets the pods of a namespace in, and nobody else."""
    return {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}],
        "ports": [{"port": port, "protocol": "TCP"} for port in ports],
    }


def ingress(run: Run, policy: str) -> list[Json]:
    return list(items(run.the("NetworkPolicy", policy).inputs, "spec", "ingress"))


def test_a_server_takes_agents_from_anywhere_karmada_on_the_plain_port_and_monitoring_on_metrics(
    load_balancer: Run,
) -> None:
    assert ingress(load_balancer, "proxy-server-policy") == [
        ANYWHERE,
        from_namespace("karmada-system", 8088),
        from_namespace("monitoring", 8092, 8096),
    ]


def test_a_server_dials_nobody(off_the_host_network: Run) -> None:
    spec = entries(off_the_host_network.the("NetworkPolicy", "proxy-server-policy").inputs, "spec")
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == []


def test_the_plain_port_is_for_the_namespace_of_karmadas_own_pods_wherever_the_proxies_are(prod: Run) -> None:
    policy = prod.the("NetworkPolicy", "proxy-server-policy").inputs
    assert text(policy, "metadata", "namespace") == "karmada-tunnel"
    assert from_namespace("karmada-system", 8088) in items(policy, "spec", "ingress")


def test_no_rule_is_without_peers_but_that_for_agents(off_the_host_network: Run) -> None:
    """A rule without peers, or with an empty one, lets everybody in."""
    for name in of_kind(off_the_host_network, "NetworkPolicy"):
        for rule in ingress(off_the_host_network, name):
            if rule != ANYWHERE:
                peers = [at(peer, "namespaceSelector", "matchLabels") for peer in items(rule, "from")]
                assert peers
                assert all(peers)


def test_without_monitoring_namespaces_nobody_reads_metrics(node_port: Run) -> None:
    assert ingress(node_port, "proxy-server-policy") == [ANYWHERE, from_namespace("karmada-system", 8088)]
    assert ingress(node_port, "member3-proxy-agent-policy") == []


def test_each_monitoring_namespace_reads_metrics() -> None:
    run = balanced(monitoring={"namespaces": ["one", "other"]})
    (_, _, rule) = ingress(run, "proxy-server-policy")
    assert [*items(from_namespace("one"), "from"), *items(from_namespace("other"), "from")] == items(rule, "from")


def test_the_port_for_karmada_follows_the_config() -> None:
    run = balanced(proxy={"exposure": "loadBalancer", "port": 9000})
    assert from_namespace("karmada-system", 9000) in ingress(run, "proxy-server-policy")
    ports = [number(each, "port") for rule in ingress(run, "proxy-server-policy") for each in items(rule, "ports")]
    assert 8088 not in ports


@pytest.mark.parametrize("member", ["member3", "member4"])
def test_nothing_reaches_an_agent_but_monitoring_its_metrics_and_its_guards(load_balancer: Run, member: str) -> None:
    policy = load_balancer.the("NetworkPolicy", f"{member}-proxy-agent-policy").inputs
    assert items(policy, "spec", "policyTypes") == ["Ingress", "Egress"]
    assert items(policy, "spec", "ingress") == [from_namespace("monitoring", 8093, 8096)]


def test_an_agents_pods_dial_proxy_server_api_servers_and_dns_wherever_these_are(load_balancer: Run) -> None:
    """A policy sees the address behind a Service, which nobody knows here: they go by port, to any address."""
    policy = load_balancer.the("NetworkPolicy", "member3-proxy-agent-policy").inputs
    assert items(policy, "spec", "egress") == [
        {"ports": [{"port": port, "protocol": "TCP"} for port in (443, 6443, 8091)]},
        {"ports": [{"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")]},
    ]


def dialled(run: Run, member: str) -> list[int]:
    """The ports that a member's agents may dial beside those of DNS."""
    (servers, _) = items(run.the("NetworkPolicy", f"{member}-proxy-agent-policy").inputs, "spec", "egress")
    return [number(each, "port") for each in items(servers, "ports")]


def test_the_port_of_proxy_server_is_the_one_that_agents_dial(node_port: Run) -> None:
    assert dialled(node_port, "member3") == [443, 6443, NODE_PORT]


def test_a_member_behind_an_http_proxy_dials_that_alone_but_for_what_is_excepted_of_it() -> None:
    proxy: Json = {"url": "http://proxy.example.org:3128"}
    run = changed(memberDefaults={"egressProxy": proxy})
    assert dialled(run, "member3") == [443, 3128, 6443]
    run = changed(memberDefaults={"egressProxy": {**entries(proxy), "noProxy": [".example.org"]}})
    assert dialled(run, "member3") == [443, 3128, 6443, 8091]


def test_no_pod_is_there_before_what_it_may_do(load_balancer: Run) -> None:
    for name in pods(load_balancer):
        assert f"NetworkPolicy {name}-policy" in needs(load_balancer, "Deployment", name)


API_SERVERS: Mapping[str, tuple[Mapping[str, Json], list[int]]] = {
    "no-word-of-it": ({}, [443, 6443, 8091]),
    "another-port": ({"apiPorts": [7443]}, [7443, 8091]),
    "ports-twice": ({"apiPorts": [7443, 8091, 7443]}, [7443, 8091]),
    "no-port": ({"apiPorts": []}, [8091]),
    "an-address": ({"apiAddress": "api.example.org:9443"}, [443, 6443, 8091, 9443]),
    "an-address-and-ports": ({"apiAddress": "[2001:db8::1]:9443", "apiPorts": [7443]}, [7443, 8091, 9443]),
    "an-address-without-a-port": ({"apiAddress": "api.example.org", "apiPorts": [443]}, [443, 6443, 8091]),
}
"""Members by what they say of their API servers, and the ports that their agents' pods may dial."""


def test_the_ports_of_a_members_api_servers_follow_its_config() -> None:
    run = changed(
        members={name: {"apiEndpoint": "https://192.0.2.9", **keys} for name, (keys, _) in API_SERVERS.items()}
    )
    assert {name: dialled(run, name) for name in API_SERVERS} == {
        name: ports for name, (_, ports) in API_SERVERS.items()
    }


def test_a_policy_is_where_its_pods_are_and_selects_them(guarded_stack: Run) -> None:
    for name, policy in of_kind(guarded_stack, "NetworkPolicy").items():
        deployment = name.removesuffix("-policy")
        pod, found = pods(guarded_stack)[deployment], guarded_stack.the("Deployment", deployment)
        selected = at(policy.inputs, "spec", "podSelector", "matchLabels")
        assert selected == {"app": text(pod, "metadata", "labels", "app")}
        assert text(policy.inputs, "metadata", "namespace") == text(found.inputs, "metadata", "namespace")
        assert policy.provider == found.provider
