"""What a stack's config may be, and what is looked up for it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import pulumi
import pytest

from clusters.objects import Json
from config.image_settings import UPSTREAM, Build, BuiltImages
from config.proxy_settings import AsDocumented, Frontend
from tests.unit.machines import MEMBER, load
from tests.unit.mistakes.refusal import (
    FORK,
    bare_host,
    build,
    certificates,
    documented,
    host,
    images,
    member,
    members,
    monitoring,
    proxy,
)
from tests.unit.stacks import PUBLISHED


def test_the_local_environment_needs_only_contexts_and_kind_names() -> None:
    settings = load(
        host={"kubeconfig": "~/karmada.config", "context": "karmada-host", "kind": "karmada-host"},
        members={"member3": {**MEMBER, "kind": "member3"}},
    )
    (member3,) = settings.members
    assert settings.host.karmada_context == "karmada-apiserver"
    assert settings.host.address == "172.18.0.2"
    assert settings.host.namespace == member3.namespace == member3.agent.namespace == "karmada-system"
    assert member3.agent.deployment == member3.agent.container == "karmada-agent"
    assert (member3.context, member3.registered, member3.paused) == ("member3", None, False)
    assert isinstance(settings.images, BuiltImages)
    assert settings.images.build.repository == UPSTREAM
    assert settings.proxy.frontend is Frontend.GUARDED
    assert (settings.proxy.port, settings.proxy.replicas, settings.proxy.credential) == (8088, 1, 1)
    life = settings.certificates
    assert (life.validity_hours, life.renew_before_hours, life.ca_validity_hours) == (8_760, 720, 87_600)


def test_without_a_kubeconfig_contexts_come_from_where_kubeconfig_points() -> None:
    (member3,) = load(members={"member3": {"context": "elsewhere"}}).members
    assert member3.api_endpoint == "https://10.0.0.9:6443"


def test_an_endpoint_comes_from_the_members_kubeconfig() -> None:
    (member3,) = load().members
    assert member3.api_endpoint == "https://10.0.0.3:6443"
    assert (member3.host, member3.endpoint_port) == ("10.0.0.3", 6443)


def test_an_endpoint_comes_from_the_kind_node_where_the_kubeconfig_names_loopback() -> None:
    (member3,) = load(**member(context="here", kind="member3")).members
    assert member3.api_endpoint == "https://172.18.0.3:6443"


def test_a_kubeconfig_that_names_another_address_wins_over_the_kind_node() -> None:
    (member3,) = load(**member(kind="member3")).members
    assert member3.api_endpoint == "https://10.0.0.3:6443"


def test_an_endpoint_that_is_given_wins_over_both() -> None:
    (member3,) = load(**member(context="here", kind="member3", apiEndpoint="https://api.example.org:7443")).members
    assert (member3.host, member3.endpoint_port) == ("api.example.org", 7443)


def test_an_ipv6_endpoints_host_is_bare_as_certificates_have_it() -> None:
    (member3,) = load(**member(context="six")).members
    assert (member3.api_endpoint, member3.host) == ("https://[fd00::6]:6443", "fd00::6")


def test_an_endpoint_without_a_port_is_reached_on_443() -> None:
    (member3,) = load(**member(context="default-port")).members
    assert member3.endpoint_port == 443


def test_two_members_may_have_one_endpoint_for_a_member_is_its_name() -> None:
    shared: dict[str, Json] = {**MEMBER, "apiEndpoint": "https://kubernetes.default.svc"}
    settings = load(**members(shared, shared))
    assert [(each.name, each.host) for each in settings.members] == [
        ("member3", "kubernetes.default.svc"),
        ("member4", "kubernetes.default.svc"),
    ]


@pytest.mark.parametrize(
    "endpoint",
    [
        *("https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"),
        *("https://API.Example.org:6443", "https://10.0.0.3", "https://10.0.0.3:6443/"),
    ],
)
def test_behind_a_guard_an_endpoint_may_have_any_host_that_the_certificate_has(endpoint: str) -> None:
    assert [each.api_endpoint for each in load(**member(apiEndpoint=endpoint)).members] == [endpoint]


def test_an_endpoint_of_loopback_comes_from_a_kubeconfig_too_where_no_kind_node_is_known() -> None:
    (member3,) = load(**member(context="here-too")).members
    assert member3.api_endpoint == "https://localhost:40004"


@pytest.mark.parametrize("name", ["m", "m" * 48, "0-0"])
def test_a_members_name_has_48_characters_at_most_as_in_karmada(name: str) -> None:
    assert [each.name for each in load(members={name: {**MEMBER, "context": "member3"}}).members] == [name]


@pytest.mark.parametrize(
    ("given", "read", "ports"),
    [
        ("10.0.0.3", "10.0.0.3:6443", [6443]),
        ("10.0.0.3:7443", "10.0.0.3:7443", [7443]),
        ("fd00::6", "[fd00::6]:6443", [6443]),
        ("[fd00::6]", "[fd00::6]:6443", [6443]),
        ("[fd00::6]:7443", "[fd00::6]:7443", [7443]),
        ("api.example.org", "api.example.org:6443", [6443]),
        ("api.example.org:443", "api.example.org:443", [443]),
        ("a.b:65535", "a.b:65535", [65535]),
    ],
)
def test_where_a_members_api_server_is_has_an_address_or_a_name_with_a_port_or_without(
    given: str, read: str, ports: list[int]
) -> None:
    (member3,) = load(**member(apiAddress=given)).members
    assert (member3.api_address, member3.address_ports) == (read, ports)


def test_without_an_address_a_members_api_server_is_what_every_pod_is_told() -> None:
    (member3,) = load().members
    assert (member3.api_address, member3.address_ports, member3.api_ports) == ("", [], (443, 6443))


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_session_that_is_not_read_is_ended_within_ten_seconds(seconds: int) -> None:
    assert load(**proxy(stallSeconds=seconds)).proxy.model_dump()["stall_seconds"] == seconds
    assert load().proxy.model_dump()["stall_seconds"] == 5


@pytest.mark.parametrize("level", [1, 10])
def test_servers_and_agents_log_as_much_as_is_said_of_them(level: int) -> None:
    settings = load(**proxy(logLevel=level))
    assert (settings.proxy.model_dump()["log_level"], settings.members[0].log_level) == (level, 0)
    settings = load(**member(logLevel=level))
    assert (settings.proxy.model_dump()["log_level"], settings.members[0].log_level) == (0, level)


@pytest.mark.parametrize("exposure", ["hostNetwork", "nodePort", "loadBalancer"])
def test_an_address_that_is_given_wins_over_what_could_be_looked_up(exposure: str) -> None:
    assert load(**host(kind="karmada-host"), **proxy(exposure=exposure)).host.address == "10.0.0.1"


def test_for_a_node_port_the_address_of_a_node_is_looked_up() -> None:
    assert load(**bare_host(), **proxy(exposure="nodePort")).host.address == "192.0.2.77"


def test_a_kind_clusters_node_is_the_one_whose_address_is_looked_up() -> None:
    assert load(**bare_host(kind="karmada-host"), **proxy(exposure="nodePort")).host.address == "172.18.0.2"


def test_on_the_host_network_no_node_is_taken_for_the_one_that_the_server_runs_on() -> None:
    with pytest.raises(pulumi.RunError, match=r"karmada-anp:host\.address: it is missing, and host\.kind"):
        load(**bare_host())


def test_a_load_balancers_address_is_nobodys_until_there_is_one() -> None:
    assert load(**bare_host(kind="karmada-host"), **proxy(exposure="loadBalancer")).host.address == ""


def test_a_kind_clusters_node_is_known_by_the_cluster_and_others_have_none() -> None:
    settings = load(**host(kind="karmada-host"))
    node = settings.node(settings.host)
    assert node is not None
    assert node.id == "c0ffee"
    assert settings.node(settings.members[0]) is None


def test_a_paused_member_is_a_member_but_not_an_active_one() -> None:
    settings = load(**members(MEMBER, {**MEMBER, "paused": True}))
    assert [each.name for each in settings.members] == ["member3", "member4"]
    assert [each.name for each in settings.active] == ["member3"]


def test_a_paused_members_kind_node_may_be_away() -> None:
    settings = load(**members(MEMBER, {**MEMBER, "kind": "gone", "paused": True}))
    assert settings.members[1].api_endpoint == "https://10.0.0.4:6443"
    assert settings.node(settings.members[1]) is None


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1", "proxy.example.org", "proxy-1"])
def test_the_hosts_address_may_be_an_ip_address_or_a_name(address: str) -> None:
    assert load(**host(address=address)).host.address == address


def test_the_fork_may_have_its_own_frontend() -> None:
    assert isinstance(load(**documented()).proxy, AsDocumented)


def test_a_members_agents_are_as_many_as_servers_or_as_it_says() -> None:
    settings = load(**members(MEMBER, {**MEMBER, "replicas": 1}), **proxy(exposure="nodePort", replicas=3))
    assert [settings.agents(each) for each in settings.members] == [3, 1]


@pytest.mark.parametrize("source", ["10.0.0.0/8", "10.0.0.7", "10.0.0.7/32", "2001:db8::/32", "::1"])
def test_a_source_is_a_network_or_an_address_of_either_family(source: str) -> None:
    read = load(**proxy(allowedSources=[source])).proxy
    assert read.model_dump()["allowed_sources"] == [source]


@pytest.mark.parametrize("exposure", ["nodePort", "loadBalancer"])
def test_a_service_may_be_annotated_and_there_may_be_several_servers_behind_it(exposure: str) -> None:
    keys: dict[str, Json] = {"replicas": 2, "serviceAnnotations": {"a": "b"}}
    assert load(**proxy(exposure=exposure, **keys)).proxy.replicas == 2


# the CAs' keys


def test_the_ca_key_that_signs_is_the_first_that_is_trusted() -> None:
    assert [load(**certificates(**keys)).certificates.ca_keys for keys in ({}, {"caKeys": [2, 1]})] == [(1,), [2, 1]]


# monitoring


def test_without_monitoring_no_cluster_is_asked_for_its_kinds(warned: list[str]) -> None:
    settings = load(**members(MEMBER, MEMBER))
    assert (settings.monitored, warned) == ((), [])


def test_a_cluster_without_the_kinds_of_monitoring_gets_none_and_is_named_in_a_warning(warned: list[str]) -> None:
    settings = load(**members(MEMBER, MEMBER), **monitoring(enabled=True))
    assert settings.monitored == [settings.host, settings.members[0]]
    assert warned == ["member4 has no PodMonitor and PrometheusRule: it gets none (monitoring.enabled)"]


def test_a_member_that_does_not_tell_its_kinds_keeps_what_it_has(warned: list[str]) -> None:
    """A paused one may be away: what monitors it must not go. Of any other preflight says that it does not answer."""
    settings = load(**members(MEMBER, {**MEMBER, "context": "six", "paused": True}), **monitoring(enabled=True))
    assert settings.monitored == [settings.host, *settings.members]
    assert warned == []


def test_an_alert_may_fire_when_renewal_is_due_and_late() -> None:
    assert load(**monitoring(enabled=True, certificateDays=29)).monitoring.certificate_days == 29


def test_an_alert_that_nobody_makes_may_be_of_any_day() -> None:
    assert load(**certificates(validityHours=72, renewBeforeHours=24)).monitoring.enabled is False


# images


def built(**keys: Json) -> Build:
    images = load(**build(**keys)).images
    assert isinstance(images, BuiltImages)
    return images.build


def test_another_build_argument_is_another_tag() -> None:
    one, other = built(), built(args={"GO_VERSION": "1.27"})
    assert one.image_tag != other.image_tag
    assert one.image_tag.startswith("v0.36.0-")


def test_the_platform_is_in_the_tag() -> None:
    """An image of one machine must not pass for that of another where both push."""
    build = built()
    assert (build.builder, build.architectures, build.platforms) == ("amd64", ["amd64"], ("linux/amd64",))
    assert build.tag_of("amd64") == f"{build.image_tag}-amd64"
    assert built(platforms=["linux/amd64"]).tag_of("amd64") == build.tag_of("amd64")


def test_a_tag_of_the_users_own_is_as_it_is_for_one_platform_and_ends_in_each_of_several() -> None:
    assert built(tag="v1").tag_of("amd64") == "v1"
    both = of_both(tag="v1")
    assert [both.tag_of(each) for each in both.architectures] == ["v1-amd64", "v1-arm64"]
    assert both.image_tag == "v1"


def test_what_is_built_for_has_no_order() -> None:
    one = of_both(platforms=["linux/amd64", "linux/arm64"])
    other = of_both(platforms=["linux/arm64", "linux/amd64"])
    assert one.architectures == other.architectures == ["amd64", "arm64"]
    assert one.image_tag == other.image_tag == built().image_tag


def test_clusters_that_are_no_kind_clusters_may_be_of_another_platform_than_this_machine() -> None:
    assert of_both(platforms=["linux/arm64"]).architectures == ["arm64"]


def of_both(**keys: Json) -> Build:
    """A build for both platforms, which is pushed."""
    of: Json = {"platforms": ["linux/amd64", "linux/arm64"], **keys}
    found = load(**images(build=of, push=True, registry="example.org/x")).images
    assert isinstance(found, BuiltImages)
    return found.build


def test_a_ref_with_a_slash_makes_a_tag_that_docker_takes() -> None:
    assert "/" not in built(repository=FORK, ref="v0.0.24/dev", commit="0" * 40).image_tag


@pytest.mark.parametrize(
    "image",
    ["haproxy", "haproxy:3.2-alpine", "registry:5000/a__b/c-d:V1", "[fd00::1]:5000/x", f"a.b/c@sha256:{'0' * 61}100"],
)
def test_an_image_is_a_reference_as_registries_have_it(image: str) -> None:
    assert load(**images(guard=image)).images.guard == image


@pytest.mark.parametrize(
    ("keys", "named", "mended"),
    [
        ({"build": {"ref": "v0.35.0", "commit": "0" * 40}}, "images.build.ref", "v0.36.0"),
        (
            {"server": "registry.k8s.io/kas-network-proxy/proxy-server:v0.34.0", "agent": "a"},
            "images.server",
            "registry.k8s.io/kas-network-proxy/proxy-server:v0.36.0",
        ),
    ],
)
def test_a_release_whose_proxy_server_lacks_a_flag_is_refused(keys: Json, named: str, mended: str) -> None:
    """It would start again and again, and `up` wait for it for ten minutes."""
    with pytest.raises(pulumi.RunError) as error:
        load(images=keys)
    assert f"karmada-anp:{named}: " in str(error.value)
    assert f"'karmada-anp:{named}' {mended}" in str(error.value)


def test_newer_releases_and_others_sources_are_taken() -> None:
    assert built(ref="v0.37.1", commit="0" * 40).ref == "v0.37.1"
    assert built(repository=FORK, ref="v0.0.24", commit="0" * 40).ref == "v0.0.24"


# members by name


def test_what_counts_for_every_member_is_in_the_place_of_what_one_does_not_say() -> None:
    common: dict[str, Json] = {**MEMBER, "replicas": 2, "agent": {"namespace": "agents", "deployment": "agent"}}
    common |= {"apiPorts": [7443], "logLevel": 4}
    own: dict[str, Json] = {"replicas": 1, "apiPorts": [8443], "agent": {"deployment": "other"}}
    member3, member4 = load(memberDefaults=common, members={"member3": own, "member4": None}).members
    assert (member3.name, member3.replicas, member4.name, member4.replicas) == ("member3", 1, "member4", 2)
    assert (member3.api_ports, member4.api_ports, member3.log_level, member4.log_level) == ([8443], [7443], 4, 4)
    assert (member3.agent.namespace, member3.agent.deployment) == ("agents", "other")
    assert (member4.agent.namespace, member4.agent.deployment) == ("agents", "agent")


def test_what_is_typed_to_make_a_map_of_a_list_of_members_makes_it() -> None:
    """Each command is one of those in the message, split as a shell would, and done as pulumi does it."""
    listed: list[Json] = [
        {"name": "member3", **MEMBER, "registered": True, "replicas": 2, "agent": {"container": "true"}},
        {"name": "member4", "context": "member 4's", "paused": False},
        {"name": "edge-5"},
    ]
    with pytest.raises(pulumi.RunError) as error:
        load(members=listed)
    first, *commands = [shlex.split(line) for line in str(error.value).splitlines()[2:]]
    assert first == ["pulumi", "config", "rm", "karmada-anp:members"]
    made: dict[str, dict[str, Json]] = {}
    for *begin, path, value, option in typed(commands):
        assert begin == ["pulumi", "config", "set", "--path"]
        _, name, *keys = path.split(".")
        of = made.setdefault(name, {})
        for key in keys[:-1]:
            of = cast("dict[str, dict[str, Json]]", of).setdefault(key, {})
        is_text = option == "--type string" or not (value.isdecimal() or value in ("true", "false"))
        of[keys[-1]] = value if is_text else json.loads(value)
    assert made == {
        "member3": {**MEMBER, "registered": True, "replicas": 2, "agent": {"container": "true"}},
        "member4": {"context": "member 4's", "paused": False},
        "edge-5": {"context": "edge-5"},
    }


def typed(commands: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    """Commands of seven words, `--type string` as one at the end."""
    for each in commands:
        yield [*each[:6], " ".join(each[6:])]


# members that are found


def test_clusters_whose_labels_match_are_members_that_karmada_alone_gets_at() -> None:
    settings = load(members={}, discover={"selector": "edge=true"}, images=PUBLISHED)
    assert [(each.name, each.delivered) for each in settings.members] == [("edge1", True), ("edge2", True)]


def test_what_is_said_of_a_member_that_is_found_wins_and_defaults_count_for_it() -> None:
    settings = load(
        memberDefaults={"replicas": 2, "access": "kubeconfig"},
        members={"member3": MEMBER, "edge1": {"replicas": 1}},
        discover={"selector": "edge=true"},
        images=PUBLISHED,
    )
    found = {each.name: (each.delivered, each.replicas) for each in settings.members}
    assert found == {"edge1": (True, 1), "edge2": (True, 2), "member3": (False, 2)}


def test_a_member_that_is_found_may_have_a_kubeconfig_nevertheless() -> None:
    own: Json = {**MEMBER, "access": "kubeconfig"}
    settings = load(members={"member3": own}, discover={"selector": "edge=new"}, images=PUBLISHED)
    assert {each.name: each.delivered for each in settings.members} == {"edge1": True, "member3": False}


def test_a_member_that_is_not_found_any_more_stays_where_the_config_has_it_if_only_an_empty_one() -> None:
    """`config rm` of its last key leaves that."""
    afar: Json = {"access": "karmada"}
    settings = load(memberDefaults=afar, members={"member3": {}}, discover={"selector": "edge=true"}, images=PUBLISHED)
    assert [each.name for each in settings.members] == ["edge1", "edge2", "member3"]


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ("edge=ture", '"edge=ture" matches no Cluster in pull mode'),
        (
            "edge in (true",
            '"karmada-apiserver" does not tell which Clusters "edge in (true" matches: unable to parse requirement',
        ),
    ],
)
def test_a_selector_that_finds_nobody_is_refused_for_it_may_be_mistyped(selector: str, why: str) -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(members={}, discover={"selector": selector}, images=PUBLISHED)
    assert f"problems (1):\n  - karmada-anp:discover.selector: {why}" in str(error.value)
