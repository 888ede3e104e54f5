"""Where agents and Karmada find proxy-server: on the host network, at a node's port, or at a load balancer."""

from __future__ import annotations

import pytest

from clusters.objects import Json, at, entries, items, number, parse, text
from tests.unit.reading import agents, arguments, commands, flags, guard_configuration, needs, of_kind, pods
from tests.unit.stacks import HOST, balanced, changed
from tests.unit.test_certificates import certificate, names
from tools.render.mocks import NODE_PORT, PLACEHOLDER
from tools.render.program import Run

SERVER = {"app": "proxy-server"}
DOCUMENTED_NAMES = ["kubernetes", "localhost"]
WAITING = "entry-address"
"""The command that waits until the load balancer has an address."""


def dialled(run: Run) -> set[tuple[str, str]]:
    """The hosts and ports that a run's agents dial."""
    found = [arguments(entries(each.inputs, "spec", "template"), "proxy-agent") for each in agents(run).values()]
    assert found
    return {(each["proxy-server-host"], each["proxy-server-port"]) for each in found}


def server_names(run: Run) -> tuple[list[str], list[str]]:
    """DNS names and IP addresses in the certificate that agents see."""
    return names(certificate(run, "agent-server"))


def service(run: Run, name: str) -> Json:
    return run.the("Service", name).inputs


# on the host network


def test_on_the_host_network_there_is_no_service_and_nothing_to_wait_for(dev: Run, fork: Run) -> None:
    for run in (dev, fork):
        assert of_kind(run, "Service") == {}
        assert WAITING not in commands(run)


def test_on_the_host_network_agents_and_karmada_dial_the_hosts_address(dev: Run) -> None:
    assert dialled(dev) == {("192.0.2.3", "8091")}
    assert flags(dev, "member3")["proxy-server-address"] == "http://192.0.2.3:8088"


def test_an_ipv6_address_is_bracketed_in_karmadas_url_alone() -> None:
    run = changed(host={**HOST, "address": "2001:db8::1"})
    assert flags(run, "member3")["proxy-server-address"] == "http://[2001:db8::1]:8088"
    assert dialled(run) == {("2001:db8::1", "8091")}


def test_on_the_host_network_the_guard_listens_to_the_sources_that_are_allowed(dev: Run) -> None:
    run = changed(proxy={"allowedSources": ["10.0.0.0/8", "2001:db8::/32"]})
    listed = [each.split("src ")[1] for each in guard_configuration(run).splitlines() if "acl listed" in each]
    assert listed == ["127.0.0.0/8", "::1", "10.0.0.0/8", "2001:db8::/32"]
    assert "tcp-request connection reject unless listed" in guard_configuration(run)
    assert "tcp-request" not in guard_configuration(dev)


# at a node's port


def test_a_node_port_is_for_agents_alone_and_reached_before_a_server_is_ready(node_port: Run) -> None:
    """A server is ready once it has an agent, which must get in to make it so."""
    assert at(service(node_port, "proxy-server-agents"), "spec") == {
        "type": "NodePort",
        "selector": SERVER,
        "publishNotReadyAddresses": True,
        "sessionAffinity": "None",
        "ports": [{"name": "agents", "port": 8091, "targetPort": "agents"}],
    }


def test_agents_dial_the_nodes_address_and_the_port_that_the_cluster_chose(node_port: Run) -> None:
    (address,) = [each for each, what in node_port.placeholders.items() if what == "a node of context karmada-host"]
    assert dialled(node_port) == {(address, str(NODE_PORT))}
    assert server_names(node_port) == (DOCUMENTED_NAMES, [address])


def test_a_node_port_that_is_given_is_the_services_and_the_one_that_is_dialled() -> None:
    run = changed(host=HOST, proxy={"exposure": "nodePort", "nodePort": 30091})
    (port,) = items(service(run, "proxy-server-agents"), "spec", "ports")
    assert number(port, "nodePort") == 30091
    assert {port for _, port in dialled(run)} == {"30091"}


def test_a_kind_clusters_node_is_its_address_for_a_node_port_too() -> None:
    run = changed(proxy={"exposure": "nodePort"})
    assert dialled(run) == {("192.0.2.3", str(NODE_PORT))}
    assert run.placeholders["192.0.2.3"] == "kind node of karmada-host"


def test_an_address_that_is_given_wins_over_a_nodes() -> None:
    run = changed(host={**HOST, "address": "tunnel.example.org"}, proxy={"exposure": "nodePort"})
    assert {host for host, _ in dialled(run)} == {"tunnel.example.org"}
    assert server_names(run) == ([*DOCUMENTED_NAMES, "tunnel.example.org"], [])


# at a load balancer


def test_a_load_balancer_is_for_agents_alone(load_balancer: Run) -> None:
    spec = entries(service(load_balancer, "proxy-server-agents"), "spec")
    assert spec["type"] == "LoadBalancer"
    assert spec["ports"] == [{"name": "agents", "port": 8091, "targetPort": "agents"}]
    assert spec["publishNotReadyAddresses"] is True


def test_a_load_balancers_name_is_dialled_by_every_agent_and_a_dns_name_in_the_certificate(load_balancer: Run) -> None:
    assert agents(load_balancer).keys() == {"member3-proxy-agent", "member4-proxy-agent"}
    assert dialled(load_balancer) == {(PLACEHOLDER, "8091")}
    assert server_names(load_balancer) == ([*DOCUMENTED_NAMES, PLACEHOLDER], [])


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
def test_a_load_balancers_ip_address_is_one_in_the_certificate_too(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    # a command's output ends with its line
    monkeypatch.setattr("tools.render.mocks.PLACEHOLDER", f"{address}\n")
    run = balanced()
    assert dialled(run) == {(address, "8091")}
    assert server_names(run) == (DOCUMENTED_NAMES, [address])


def test_the_command_waits_for_the_services_own_address(load_balancer: Run) -> None:
    waiting = commands(load_balancer)[WAITING]
    assert parse(text(waiting.inputs, "stdin")) == {
        "host": {"kubeconfig": "~/.kube/karmada.config", "name": "karmada-host", "path": ""},
        "namespace": "karmada-system",
        "service": "proxy-server-agents",
        "seconds": 300,
    }
    service = load_balancer.the("Service", "proxy-server-agents").outputs
    # of the status only a refresh knows
    assert items(waiting.inputs, "triggers") == [at(service, "metadata", "uid"), at(service, "status")]
    assert "Service proxy-server-agents" in needs(load_balancer, "Command", WAITING)


def test_the_address_is_waited_for_before_any_agent_or_certificate_needs_it(load_balancer: Run) -> None:
    for kind, name in (("CertRequest", "agent-server"), ("Deployment", "member4-proxy-agent")):
        assert f"Command {WAITING}" in needs(load_balancer, kind, name)


def test_nothing_waits_for_the_address_of_a_load_balancer_that_is_given() -> None:
    run = balanced(host={**HOST, "address": "tunnel.example.org"})
    assert WAITING not in commands(run)
    assert dialled(run) == {("tunnel.example.org", "8091")}
    assert server_names(run) == ([*DOCUMENTED_NAMES, "tunnel.example.org"], [])


def test_a_load_balancers_annotations_are_on_the_service_that_agents_dial_and_on_no_other() -> None:
    run = balanced(proxy={"exposure": "loadBalancer", "serviceAnnotations": {"example.org/internal": "true"}})
    agents_service, plain = (run.the("Service", name).inputs for name in ("proxy-server-agents", "proxy-server"))
    assert entries(agents_service, "metadata", "annotations")["example.org/internal"] == "true"
    assert "example.org/internal" not in entries(plain, "metadata", "annotations")


# by a Service, whichever


def test_the_plain_port_is_a_service_inside_the_cluster_alone(off_the_host_network: Run) -> None:
    assert at(service(off_the_host_network, "proxy-server"), "spec") == {
        "type": "ClusterIP",
        "selector": SERVER,
        "ports": [{"name": "plain", "port": 8088, "targetPort": "plain"}],
    }


def test_karmada_is_told_the_services_dns_name_and_no_address(load_balancer: Run, node_port: Run) -> None:
    """An address would be one more thing that changes, and the Service's is not for the outside."""
    for run in (load_balancer, node_port):
        for member, endpoint in (("member3", "https://192.0.2.4:6443"), ("member4", "https://192.0.2.104:6443")):
            url = "http://proxy-server.karmada-system.svc:8088"
            assert flags(run, member) == {"cluster-api-endpoint": endpoint, "proxy-server-address": url}
            assert text(parse(text(commands(run)[f"{member}-karmada-agent-gone"].inputs, "stdin")), "proxy_url") == url


def test_the_plain_ports_name_follows_namespace_and_port() -> None:
    run = balanced(host={**HOST, "namespace": "tunnel"}, proxy={"exposure": "loadBalancer", "port": 9000})
    assert flags(run, "member4")["proxy-server-address"] == "http://proxy-server.tunnel.svc:9000"
    (port,) = items(service(run, "proxy-server"), "spec", "ports")
    assert number(port, "port") == 9000


def test_a_services_ports_are_those_of_the_servers_pod(off_the_host_network: Run) -> None:
    pod = pods(off_the_host_network)["proxy-server"]
    ports = {
        text(port, "name"): number(port, "containerPort")
        for container in items(pod, "spec", "containers")
        for port in items(container, "ports")
    }
    assert ports == {"agents": 8091, "metrics": 8092, "plain": 8088, "guard-metrics": 8096}
    selected = {"proxy-server": SERVER, "proxy-server-agents": at(pod, "metadata", "labels")}
    for name, each in of_kind(off_the_host_network, "Service").items():
        assert at(each.inputs, "spec", "selector") == selected[name]
        for port in items(each.inputs, "spec", "ports"):
            assert ports[text(port, "targetPort")] == number(port, "port")


def test_pulumi_does_not_wait_for_pods_that_need_the_services_address_first(off_the_host_network: Run) -> None:
    for each in of_kind(off_the_host_network, "Service").values():
        assert text(each.inputs, "metadata", "annotations", "pulumi.com/skipAwait") == "true"


def test_the_services_are_the_host_clusters(off_the_host_network: Run) -> None:
    services = of_kind(off_the_host_network, "Service")
    assert services.keys() == {"proxy-server", "proxy-server-agents"}
    assert {each.provider for each in services.values()} == {"host"}


def test_agents_dial_the_load_balancers_own_port_which_leads_to_the_servers() -> None:
    run = balanced(proxy={"exposure": "loadBalancer", "servicePort": 443})
    (port,) = items(service(run, "proxy-server-agents"), "spec", "ports")
    assert (number(port, "port"), text(port, "targetPort")) == (443, "agents")
    assert {port for _, port in dialled(run)} == {"443"}


def test_the_service_of_agents_is_as_the_config_says_and_never_sticks_to_a_server(off_the_host_network: Run) -> None:
    """An agent that came back to the same server each time would never find the others."""
    assert text(service(off_the_host_network, "proxy-server-agents"), "spec", "sessionAffinity") == "None"
    said: Json = {
        "externalTrafficPolicy": "Local",
        "ipFamilyPolicy": "PreferDualStack",
        "loadBalancerClass": "example.org/internal",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
    }
    plain = entries(service(balanced(), "proxy-server-agents"), "spec")
    spec = entries(service(balanced(proxy={"exposure": "loadBalancer", **said}), "proxy-server-agents"), "spec")
    assert {key: each for key, each in spec.items() if key not in plain} == said
