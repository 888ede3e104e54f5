"""The guard's rules as text. That a real HAProxy keeps them is tests/parts'."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest

from components import anp, guard
from components.guard import Rules, configuration, credential

ONE = Rules(port=8088, grace=3, targets=["10.0.0.3:6443"], credentials=["Basic b25l"])


def lines(of: Rules, section: str) -> list[str]:
    """The lines of a section of the configuration, without their indentation."""
    found = re.search(rf"^{section}\n((?:    .*\n)+)", configuration(of), re.MULTILINE)
    assert found, section
    return [line.strip() for line in found[1].splitlines()]


def binds(of: Rules) -> list[str]:
    """Where it listens, in the order of its sections."""
    return [line.strip() for line in configuration(of).splitlines() if line.strip().startswith("bind")]


def test_it_listens_on_the_plain_port_and_on_one_for_metrics_alone() -> None:
    assert binds(ONE) == ["bind :8088", "bind :8096"]
    assert binds(replace(ONE, port=9000)) == ["bind :9000", "bind :8096"]
    assert "bind :9000" in lines(replace(ONE, port=9000), "frontend karmada")


def test_for_an_ipv6_host_the_guard_listens_on_ipv6() -> None:
    assert binds(replace(ONE, ipv6=True)) == ["bind :::8088", "bind :::8096"]


def test_without_sources_the_guard_listens_to_all() -> None:
    assert " src " not in configuration(ONE)


def test_metrics_have_a_frontend_that_serves_nothing_else_and_knows_no_server() -> None:
    assert lines(ONE, "frontend metrics") == [
        "bind :8096",
        "maxconn 16",
        "option dontlog-normal",
        "monitor-uri /healthz",
        "http-request use-service prometheus-exporter if { path /metrics }",
        "http-request deny deny_status 404",
    ]
    assert "default_backend" not in "".join(lines(ONE, "defaults"))


def test_without_a_member_no_target_matches() -> None:
    (acl,) = [each for each in lines(replace(ONE, targets=[]), "frontend karmada") if "url -m" in each]
    assert acl == "acl to_a_member url -m str no-member:0"


def test_it_speaks_mtls_to_the_server_on_the_pods_own_loopback() -> None:
    (server,) = lines(ONE, "backend proxy-server")
    assert server.startswith(f"server loopback 127.0.0.1:{anp.FRONTEND_PORT} ssl ")
    assert f"crt {guard.DIRECTORY}/{guard.CLIENT_CERTIFICATE}" in server
    assert f"ca-file {guard.DIRECTORY}/{guard.SERVER_CA} verify required" in server
    assert "verify none" not in server


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


@pytest.mark.parametrize("ending", [anp.ALONE, anp.HANDING_OVER])
def test_it_stops_when_its_grace_is_over_and_before_the_pods_is(ending: anp.Ending) -> None:
    assert f"hard-stop-after {ending.grace}s" in lines(replace(ONE, grace=ending.grace), "global")
    assert ending.guard_pause + ending.grace < ending.termination


def test_a_credential_is_basic_with_256_bits_that_only_the_keys_holder_can_tell() -> None:
    made = credential("a key")
    scheme, encoded = made.split(" ")
    user, password = base64.b64decode(encoded).decode().split(":")
    assert (scheme, user) == ("Basic", "karmada")
    assert re.fullmatch(r"[0-9a-f]{64}", password)
    assert credential("a key") == made
    assert credential("another key") != made
    assert "a key" not in made


def test_a_credential_needs_no_quoting_in_the_configuration() -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/= ]+", credential("a key"))
