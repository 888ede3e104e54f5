"""The host guard's rules as text. That a real HAProxy keeps them is tests/parts'."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import fields, replace

import pytest

from components import anp
from components.haproxy import OTHER_CONNECTIONS
from components.host_guard import (
    CONNECTIONS,
    Rules,
    accepted_sources,
    configuration,
    credential,
    mac_key,
    member_of,
)
from tests.unit.reading import guard_configuration, pods
from tests.unit.stacks import MEMBER3, PAIR, changed, differing, pair

KEY, PREVIOUS_KEY = mac_key("a key"), mac_key("the key before it")
ONE = Rules(port=8088, keys=[KEY], stall=5, grace=3)


def lines(of: Rules, section: str) -> list[str]:
    """The lines of a section of the configuration, without their indentation."""
    found = re.search(rf"^{section}\n((?:    .*\n)+)", configuration(of), re.MULTILINE)
    assert found, section
    return [line.strip() for line in found[1].splitlines()]


def binds(of: Rules) -> list[str]:
    """Where it listens, in the order of its sections."""
    return [line.strip() for line in configuration(of).splitlines() if line.strip().startswith("bind")]


# where it listens, and where it dials


def test_it_listens_on_the_plain_port_and_on_one_for_metrics_alone_on_ipv4_and_ipv6() -> None:
    assert binds(ONE) == ["bind :8088,:::8088 v6only tcp-ut 5s", "bind :8096,:::8096 v6only"]
    assert binds(replace(ONE, port=9000))[0] == "bind :9000,:::9000 v6only tcp-ut 5s"
    assert binds(replace(ONE, port=9000))[0] in lines(replace(ONE, port=9000), "frontend karmada")


def test_without_sources_the_guard_listens_to_all() -> None:
    assert accepted_sources([]) == []
    assert " src " not in configuration(ONE)
    assert "reject" not in configuration(ONE)


def test_with_sources_it_listens_to_them_and_to_loopback_alone() -> None:
    """By loopback comes `make doctor`, through a port-forward."""
    sources = accepted_sources(["10.0.0.0/8", "2001:db8::/32"])
    frontend = lines(replace(ONE, sources=sources), "frontend karmada")
    listed = [line.removeprefix("acl listed src ") for line in frontend if line.startswith("acl listed")]
    assert listed == ["127.0.0.0/8", "::1", "10.0.0.0/8", "2001:db8::/32"]
    assert "tcp-request connection reject unless listed" in frontend


def test_no_line_is_longer_than_haproxy_reads_however_many_sources_there_are() -> None:
    """It takes 64 words of one."""
    many = replace(ONE, sources=[f"10.{i}.0.0/16" for i in range(200)], keys=[KEY, PREVIOUS_KEY])
    assert max(len(line.split()) for line in configuration(many).splitlines()) < 64


def test_metrics_have_a_frontend_that_serves_nothing_else_and_knows_no_server() -> None:
    assert lines(ONE, "frontend metrics") == [
        "mode http",
        "bind :8096,:::8096 v6only",
        "maxconn 16",
        "timeout client 30s",
        "option dontlog-normal",
        "monitor-uri /healthz",
        "http-request use-service prometheus-exporter if { path /metrics }",
        "http-request deny deny_status 404",
    ]
    assert "default_backend" not in "".join(lines(ONE, "defaults"))


def test_it_reaches_the_server_by_the_socket_that_the_server_makes() -> None:
    assert lines(ONE, "backend proxy-server") == [f"server frontend unix@{anp.FRONTEND_SOCKET}"]
    assert f"--uds-name={anp.FRONTEND_SOCKET}" in anp.guarded_server_args(anp.ALONE, 1, 2)


# how long, and how many


def test_it_speaks_no_http2_which_karmada_does_not_speak_to_a_proxy() -> None:
    assert "option disable-h2-upgrade" in lines(ONE, "defaults")


def test_it_keeps_tunnels_open_and_lets_requests_not_wait() -> None:
    defaults = lines(ONE, "defaults")
    assert {"timeout tunnel 4h", "timeout http-request 5s", "timeout connect 5s"} <= set(defaults)


def test_a_caller_that_is_gone_is_noticed_within_a_minute_though_tunnels_may_be_silent_for_hours() -> None:
    frontend = lines(ONE, "frontend karmada")
    assert "option clitcpka" in frontend
    said = dict(line.removeprefix("clitcpka-").split() for line in frontend if line.startswith("clitcpka-"))
    idle, interval, count = (int(said[each].removesuffix("s")) for each in ("idle", "intvl", "cnt"))
    assert idle + interval * count <= 60


def test_a_caller_that_does_not_read_is_cut_off_before_the_server_gives_up_its_dials() -> None:
    """Those of all others, which wait behind it."""
    assert binds(replace(ONE, stall=10))[0].endswith(" tcp-ut 10s")
    assert anp.DIAL_SECONDS >= 2 * 10


@pytest.mark.parametrize("shutdown", [anp.ALONE, anp.HANDING_OVER])
def test_it_stops_when_its_grace_is_over_and_before_the_pods_is(shutdown: anp.ShutdownTimes) -> None:
    assert f"hard-stop-after {shutdown.grace}s" in lines(replace(ONE, grace=shutdown.grace), "global")
    assert shutdown.guard_pause + shutdown.grace < shutdown.termination


def test_a_full_plain_port_leaves_connections_for_health_and_metrics() -> None:
    assert f"maxconn {CONNECTIONS}" in lines(ONE, "frontend karmada")
    assert f"maxconn {OTHER_CONNECTIONS}" in lines(ONE, "frontend metrics")
    assert f"maxconn {CONNECTIONS + OTHER_CONNECTIONS}" in lines(ONE, "global")


def test_for_500_members_there_are_16_connections_each_within_the_files_that_a_runtime_gives() -> None:
    assert CONNECTIONS >= 16 * 500
    assert 2 * (CONNECTIONS + OTHER_CONNECTIONS) < 20_000


# members


def test_it_takes_no_members() -> None:
    assert {each.name for each in fields(Rules)} == {"port", "sources", "keys", "stall", "grace"}


def test_a_member_that_comes_changes_neither_the_guard_nor_the_servers_pods() -> None:
    """Or each that comes or goes would cut everybody off."""
    with_another = changed(pair().resources.values(), members={**PAIR, "member5": {**MEMBER3, "kind": "member5"}})
    assert guard_configuration(with_another) == guard_configuration(pair())
    assert pods(with_another)["proxy-server"] == pods(pair())["proxy-server"]
    changes = differing(pair(), with_another)
    assert changes
    assert not [each for each in changes if "member5" not in each]


# credentials


def test_a_credential_is_basic_with_the_members_name_and_the_mac_that_goes_with_it() -> None:
    scheme, encoded = credential("member3", KEY).split(" ")
    name, mac = base64.b64decode(encoded).decode().split(":")
    assert (scheme, name) == ("Basic", "member3")
    assert mac == hmac.new(base64.b64decode(KEY), b"member3", hashlib.sha256).hexdigest()


def test_a_credential_is_another_for_each_member_and_each_generation_and_the_same_in_each_up() -> None:
    made = {credential(name, key) for name in ("member3", "member4") for key in (KEY, PREVIOUS_KEY)}
    assert len(made) == 4
    assert credential("member3", KEY) in made


def test_a_key_is_256_bits_that_tell_nothing_of_what_they_are_made_from() -> None:
    assert len(base64.b64decode(KEY, validate=True)) == 32
    assert mac_key("a key") == KEY
    assert "a key" not in base64.b64decode(KEY).decode("latin-1")
    assert base64.b64decode(KEY) != hashlib.sha256(b"a key").digest()


def test_each_generation_that_is_given_is_looked_at_and_no_other() -> None:
    for keys in ([KEY], [KEY, PREVIOUS_KEY]):
        text = configuration(replace(ONE, keys=keys))
        assert re.findall(r"hmac\(sha256,([^)]*)\)", text) == keys
        assert len(re.findall(r"acl by_key_\d ", text)) == len(keys)
        (deny,) = re.findall(r"deny_status 407 unless (by_key.*)", text)
        assert deny.split(" or ") == [f"by_key_{i}" for i in range(len(keys))]


def test_macs_are_compared_in_constant_time() -> None:
    compared = [line for line in lines(ONE, "frontend karmada") if "txn.expected" in line and line.startswith("acl")]
    assert compared
    assert all("secure_memcmp(txn.expected_" in line for line in compared)


def test_a_key_needs_no_quoting_in_the_configuration() -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", KEY)


def test_the_member_is_read_from_its_credential() -> None:
    """By which preflight sees whether a Cluster's header is of this version."""
    assert member_of(credential("member3", KEY)) == "member3"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic x",
        "Basic ????",
        "Bearer bWVtYmVyMzptYWM=",
        "Basic " + base64.b64encode(b"member3").decode(),
        "Basic " + base64.b64encode(b"member3:").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:mac").decode(),
    ],
)
def test_no_member_is_read_from_what_is_no_credential(header: str) -> None:
    assert member_of(header) == ""
