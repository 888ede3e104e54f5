"""The member guard's configuration as text. That a real HAProxy does what it says is tests/parts'."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from clusters.objects import at, entries, items, text
from components import anp
from components.haproxy import OTHER_CONNECTIONS
from components.member_guard import CHECK_SECONDS, CONNECTIONS, Forwarding, configuration
from tests.unit.reading import checksum, containers, member_guard_configuration, pods
from tests.unit.stacks import MEMBER3, MEMBER4, changed, pair

OWN = Forwarding(stall=5, grace=3)
NAMED = replace(OWN, address="api.member3.example:6443")
EVERY = [OWN, NAMED, replace(OWN, address="192.0.2.4:6443"), replace(OWN, address="[2001:db8::4]:443")]


def lines(of: Forwarding, section: str) -> list[str]:
    """The lines of a section of the configuration, without their indentation."""
    found = re.search(rf"^{section}\n((?:    .*\n)+)", configuration(of), re.MULTILINE)
    assert found, section
    return [line.strip() for line in found[1].splitlines()]


def server(of: Forwarding, backend: str) -> str:
    """Whom a backend dials, and how."""
    (found,) = [line for line in lines(of, f"backend {backend}") if line.startswith("server ")]
    return found.removeprefix("server api-server ")


# where it listens, and where it forwards


@pytest.mark.parametrize("of", EVERY)
def test_it_listens_on_the_pods_loopback_and_for_metrics_on_ipv4_and_ipv6(of: Forwarding) -> None:
    binds = [line.strip() for line in configuration(of).splitlines() if line.strip().startswith("bind")]
    assert binds == ["bind 127.0.0.1:6443", "bind :8096,:::8096 v6only"]


def test_it_forwards_bytes_and_looks_at_none() -> None:
    """TLS is Karmada's, with the member's API server."""
    assert "mode tcp" in lines(OWN, "defaults")
    for section in ("frontend proxy-agent", "backend api-server"):
        assert not [line for line in lines(OWN, section) if line.startswith(("http", "tcp-request", "ssl"))]
    assert " ssl" not in server(OWN, "api-server")


def test_without_an_address_it_dials_what_every_pod_is_told() -> None:
    assert server(OWN, "api-server").split()[0] == "${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}"
    assert "resolvers" not in configuration(OWN)


@pytest.mark.parametrize("of", EVERY[1:])
def test_with_an_address_it_dials_that_and_asks_the_pods_dns_for_it(of: Forwarding) -> None:
    """An answer that fails to come keeps it neither from starting nor from what it knows."""
    assert server(of, "api-server").startswith(f"{of.address} resolvers pod init-addr none ")
    assert "KUBERNETES" not in configuration(of)
    assert lines(of, "resolvers pod")[:1] == ["parse-resolv-conf"]
    assert {line.split()[1] for line in lines(of, "resolvers pod") if line.startswith("hold ")} == {
        *("nx", "refused", "timeout", "other")
    }


def test_nothing_secret_is_in_it_and_nothing_of_another_member() -> None:
    """`make render` shows it."""
    one, other = (member_guard_configuration(pair(), each) for each in ("member3", "member4"))
    assert one == other


# how long, and how many


@pytest.mark.parametrize("of", EVERY)
def test_an_api_server_that_does_not_read_is_cut_off_and_one_that_is_gone_noticed(of: Forwarding) -> None:
    assert server(replace(of, stall=7), "api-server").endswith(" tcp-ut 7s")
    backend = lines(of, "backend api-server")
    assert "option srvtcpka" in backend
    said = dict(line.removeprefix("srvtcpka-").split() for line in backend if line.startswith("srvtcpka-"))
    idle, interval, probes = (int(said[each].removesuffix("s")) for each in ("idle", "intvl", "cnt"))
    assert idle + interval * probes <= 60


def test_sessions_may_be_silent_for_as_long_as_in_the_host_guard() -> None:
    assert {"timeout client 4h", "timeout server 4h", "timeout connect 5s"} <= set(lines(OWN, "defaults"))


@pytest.mark.parametrize("shutdown", [anp.ALONE, anp.HANDING_OVER])
def test_it_stops_when_its_grace_is_over(shutdown: anp.ShutdownTimes) -> None:
    assert f"hard-stop-after {shutdown.grace}s" in lines(replace(OWN, grace=shutdown.grace), "global")


def test_when_it_is_full_there_are_connections_left_for_health_and_metrics() -> None:
    assert f"maxconn {CONNECTIONS}" in lines(OWN, "frontend proxy-agent")
    assert f"maxconn {OTHER_CONNECTIONS}" in lines(OWN, "frontend metrics")
    assert f"maxconn {CONNECTIONS + OTHER_CONNECTIONS}" in lines(OWN, "global")


# health


def test_the_api_server_is_asked_in_a_backend_that_carries_nothing() -> None:
    """So that no connection is refused because of an answer."""
    for of in EVERY:
        assert " check " not in f"{server(of, 'api-server')} "
        health = server(of, "health")
        assert f" check inter {CHECK_SECONDS}s " in health
        assert health.endswith(" check-ssl verify none")
        assert "default_backend health" not in configuration(of)
        assert "use_backend" not in configuration(of)


def test_every_answer_but_its_own_failure_is_one_of_a_well_api_server() -> None:
    assert lines(OWN, "backend health")[:2] == ["option httpchk GET /readyz", "http-check expect ! rstatus ^5"]


def test_its_own_health_knows_nothing_of_the_api_servers() -> None:
    """Or a kubelet would restart the agent for it."""
    metrics = lines(OWN, "frontend metrics")
    assert "monitor-uri /healthz" in metrics
    assert not [line for line in metrics if line.startswith("monitor fail")]


# in the pod


def test_the_agent_finds_it_under_the_members_name() -> None:
    for member in ("member3", "member4"):
        template = pods(pair())[f"{member}-proxy-agent"]
        (alias,) = items(template, "spec", "hostAliases")
        assert alias == {"ip": "127.0.0.1", "hostnames": [f"{member}.member"]}


def test_a_members_own_address_and_the_stacks_stall_are_in_it() -> None:
    run = changed(
        members={"member3": {**MEMBER3, "apiAddress": "10.0.0.9"}, "member4": MEMBER4}, proxy={"stallSeconds": 3}
    )
    assert "server api-server 10.0.0.9:6443 " in member_guard_configuration(run, "member3")
    assert "10.0.0.9" not in member_guard_configuration(run, "member4")
    assert all(" tcp-ut 3s\n" in member_guard_configuration(run, each) for each in ("member3", "member4"))


def test_an_agents_pods_are_rolled_when_its_guards_configuration_changes() -> None:
    """It is read once, at start."""
    after = changed(
        pair().resources.values(), members={"member3": {**MEMBER3, "apiAddress": "10.0.0.9"}, "member4": MEMBER4}
    )
    rolled = {
        each
        for each in ("member3-proxy-agent", "member4-proxy-agent", "proxy-server")
        if checksum(after, each) != checksum(pair(), each)
    }
    assert rolled == {"member3-proxy-agent"}


def test_it_goes_on_for_as_long_as_the_agent_drains() -> None:
    """What runs through the agent runs through it."""
    template = pods(pair())["member3-proxy-agent"]
    guard, grace = containers(template)["member-guard"], at(template, "spec", "terminationGracePeriodSeconds")
    assert at(guard, "lifecycle", "preStop", "exec", "command") == ["sleep", str(grace)]
    assert text(entries(guard, "livenessProbe", "httpGet"), "path") == "/healthz"
