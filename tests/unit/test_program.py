"""The whole program under Pulumi's mocks: what is made where, in which order, and what a change touches."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import pytest

from clusters.objects import Json, entries, items, number, parse, text
from tests.documents import content
from tests.unit.reading import (
    arguments,
    checksum,
    commands,
    flags,
    guard_configuration,
    identifiers,
    mac_keys,
    member_guard_configuration,
    needs,
    of_kind,
    pods,
    shown,
)
from tests.unit.stacks import MEMBER3, MEMBER4, PAIR, changed, differing, kept, short
from tools.render.program import Run

TYPE_TOKENS = {
    "karmada-anp:index:CertificateAuthority",
    "karmada-anp:index:Entry",
    "karmada-anp:index:KarmadaAgentPatch",
    "karmada-anp:index:Member",
    "karmada-anp:index:ProxyImages",
    "karmada-anp:index:ProxyServer",
    "karmada-anp:index:TunnelCheck",
    "karmada-anp:index:TunnelPki",
}

MEMBER5: Json = {"apiEndpoint": "https://192.0.2.4:6443"}
"""One more member, with the endpoint of another."""

HOST_OBJECTS = {"Secret proxy-server-cert", "Secret proxy-guard", "Deployment proxy-server"}
MEMBER_OBJECTS = {
    "Secret {0}-proxy-agent-cert",
    "Deployment {0}-proxy-agent",
    "NetworkPolicy {0}-proxy-agent-policy",
    "DeploymentPatch {0}-karmada-agent",
}


@pytest.fixture(scope="module")
def three(pair: Run) -> Run:
    """The next `up` of `pair`, with one member more."""
    return changed(pair.resources.values(), members={**PAIR, "member5": MEMBER5})


# types, names and parents: what a stack that is up knows its resources by


def test_type_tokens_are_those_that_stacks_have_in_their_state(pair: Run) -> None:
    assert {each.type for each in pair.resources.values() if each.is_component} == TYPE_TOKENS


def test_every_resource_but_providers_and_credentials_belongs_to_a_component(any_stack: Run) -> None:
    top = {each.type.split("::")[-1] for each in any_stack.children(any_stack.stack.urn) if not each.is_component}
    assert top <= {"pulumi:providers:kubernetes", "tls:index/privateKey:PrivateKey"}


def test_a_second_up_changes_nothing_though_members_are_listed_in_another_order(pair: Run, reversed_pair: Run) -> None:
    assert differing(pair, reversed_pair) == set()
    assert reversed_pair.resources == pair.resources


def test_another_member_changes_nothing_of_the_others_and_nothing_in_the_host_cluster(pair: Run, three: Run) -> None:
    """Nobody's pods roll: what the guard knows is the key, from which every member's credential comes."""
    assert {each for each in differing(pair, three) if "member5" not in each} == set()
    before, after = (
        {urn: each.inputs for urn, each in run.resources.items() if each.provider == "host"} for run in (pair, three)
    )
    assert before == after
    assert {short(urn) for urn in after} == HOST_OBJECTS
    assert pods(pair)["proxy-server"] == pods(three)["proxy-server"]


def test_a_member_that_goes_changes_as_little(pair: Run, three: Run) -> None:
    fewer = changed(three.resources.values(), members=PAIR)
    assert differing(pair, fewer) == set()


# where things are made


@pytest.mark.parametrize(
    ("provider", "objects"),
    {
        "host": HOST_OBJECTS,
        "karmada": {
            "ClusterPatch member3-registration-header",
            "ClusterPatch member4-registration-header",
            "ClusterRole member4-registration-role",
            "ClusterRoleBinding member4-registration-binding",
        },
        "member-member3": {each.format("member3") for each in MEMBER_OBJECTS},
        "member-member4": {each.format("member4") for each in MEMBER_OBJECTS},
    }.items(),
)
def test_each_cluster_gets_exactly_its_own_objects(pair: Run, provider: str, objects: set[str]) -> None:
    assert {short(each.urn) for each in pair.resources.values() if each.provider == provider} == objects


def test_providers_keep_their_identity_when_a_path_or_a_context_changes(pair: Run) -> None:
    providers = [each for each in pair.resources.values() if each.type == "pulumi:providers:kubernetes"]
    assert {each.name for each in providers} == {"host", "karmada", "member-member3", "member-member4"}
    for each in providers:
        assert each.inputs["clusterIdentifier"] == each.name
        assert (each.inputs["enableSecretMutable"], each.inputs["enableConfigMapMutable"]) == ("true", "true")


def test_the_karmada_api_is_another_context_of_the_hosts_kubeconfig(pair: Run) -> None:
    host, karmada = (pair.the("kubernetes", name).inputs for name in ("host", "karmada"))
    assert host["kubeconfig"] == karmada["kubeconfig"]
    assert (host["context"], karmada["context"]) == ("karmada-host", "karmada-apiserver")


def test_a_home_directory_is_written_out_in_a_provider(dev: Run) -> None:
    assert not text(dev.the("kubernetes", "host").inputs, "kubeconfig").startswith("~")


# the order of things


def test_an_agent_does_not_wait_for_the_server_which_is_ready_only_with_an_agent(any_stack: Run) -> None:
    assert "Deployment proxy-server" not in needs(any_stack, "Deployment", "member3-proxy-agent")


def test_pods_start_after_the_secrets_that_they_read_once(any_stack: Run) -> None:
    for name, pod in pods(any_stack).items():
        volumes = items(pod, "spec", "volumes")
        assert not [each for each in volumes if "configMap" in entries(each)]
        read = {text(each, "secret", "secretName") for each in volumes} - {""}
        before = needs(any_stack, "Deployment", name)
        found = {
            text(each.inputs, "metadata", "name")
            for each in of_kind(any_stack, "Secret").values()
            if short(each.urn) in before
        }
        assert read
        assert read <= found


def test_the_flags_come_when_the_tunnel_runs(any_stack: Run) -> None:
    before = needs(any_stack, "DeploymentPatch", "member3-karmada-agent")
    assert {"Deployment proxy-server", "Deployment member3-proxy-agent"} <= before


def test_destroy_takes_the_flags_then_waits_then_takes_the_grant(pair: Run) -> None:
    grant = {"ClusterRole member4-registration-role", "ClusterRoleBinding member4-registration-binding"}
    gone = commands(pair)["member4-karmada-agent-gone"]
    assert "Command member4-karmada-agent-gone" in needs(pair, "DeploymentPatch", "member4-karmada-agent")
    assert grant <= needs(pair, "Command", "member4-karmada-agent-gone")
    assert "DeploymentPatch member4-karmada-agent" not in needs(pair, "Command", "member4-karmada-agent-gone")
    assert "ClusterPatch member4-registration-header" in needs(pair, "DeploymentPatch", "member4-karmada-agent")
    assert gone.inputs["delete"] == "sh checks/commands/run.sh agent_gone"


def test_members_do_not_wait_for_each_other(pair: Run) -> None:
    for kind, name in (("DeploymentPatch", "member3-karmada-agent"), ("Command", "member3-check")):
        assert [each for each in needs(pair, kind, name) if "member4" in each and "Secret" not in each] == []


def test_a_check_comes_after_everything_on_its_path(pair: Run) -> None:
    path = HOST_OBJECTS | {each.format("member4") for each in MEMBER_OBJECTS if "NetworkPolicy" not in each}
    assert path | {"ClusterPatch member4-registration-header"} <= needs(pair, "Command", "member4-check")


def test_a_check_tries_for_as_long_as_the_documents_say(dev: Run) -> None:
    told = set(re.findall(r"not reached through Karmada within (\d+) s", content("docs/troubleshooting.md")))
    seconds = number(parse(text(commands(dev)["member3-check"].inputs, "stdin")), "seconds")
    assert (told, seconds) == ({"60"}, 60)


# what is in them


def test_the_patch_owns_nothing_but_the_args_of_one_container(dev: Run) -> None:
    patch = dev.the("DeploymentPatch", "member3-karmada-agent").inputs
    (container,) = items(patch, "spec", "template", "spec", "containers")
    assert container == {
        "name": "karmada-agent",
        "args": ["--cluster-api-endpoint=https://192.0.2.4:6443", "--proxy-server-address=http://192.0.2.3:8088"],
    }
    assert patch == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "karmada-agent",
            "namespace": "karmada-system",
            "annotations": {"pulumi.com/patchFieldManager": "karmada-anp-dev"},
        },
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def test_a_member_is_its_name_from_its_credential_to_its_own_api_server(pair: Run) -> None:
    """Karmada shows it, the host guard makes the target of it, by that proxy-server finds its agents, and in their pods
    it is the loopback, where the member guard is."""
    assert "http-request set-uri %[var(txn.name)].member:6443" in guard_configuration(pair)
    for name in PAIR:
        assert shown(pair, name).split(":")[0] == name
        assert identifiers(pair, name) == f"host={name}.member"
        pod = pods(pair)[f"{name}-proxy-agent"]
        assert items(pod, "spec", "hostAliases") == [{"ip": "127.0.0.1", "hostnames": [f"{name}.member"]}]
        assert "bind 127.0.0.1:6443\n" in member_guard_configuration(pair, name)


def test_as_documented_endpoint_and_identifier_of_a_member_are_one_address(fork: Run) -> None:
    assert identifiers(fork, "member3") == "host=192.0.2.4"
    assert flags(fork, "member3")["cluster-api-endpoint"] == "https://192.0.2.4:6443"
    assert "hostAliases" not in entries(pods(fork)["member3-proxy-agent"], "spec")


def test_two_members_with_one_endpoint_are_told_apart_by_their_names(pair: Run) -> None:
    shared = {name: {**entries(member), "apiEndpoint": "https://10.96.0.1"} for name, member in PAIR.items()}
    run = changed(members=shared)
    assert {flags(run, name)["cluster-api-endpoint"] for name in PAIR} == {"https://10.96.0.1"}
    assert [identifiers(run, name) for name in PAIR] == [identifiers(pair, name) for name in PAIR]
    assert {shown(run, name).split(":")[0] for name in PAIR} == set(PAIR)


@pytest.mark.parametrize("member", PAIR)
def test_the_header_on_each_cluster_is_its_members_own(pair: Run, member: str) -> None:
    (key,) = mac_keys(pair)
    assert shown(pair, member) == f"{member}:{mac(key, member)}"
    assert text(pair.the("ClusterPatch", f"{member}-registration-header").inputs, "metadata", "name") == member


def mac(key: str, name: str) -> str:
    """HMAC-SHA256 over a name with a key in base64, as hex."""
    return hmac.new(base64.b64decode(key), name.encode(), hashlib.sha256).hexdigest()


API_SERVER = "server api-server "


@pytest.fixture(scope="module")
def tuned() -> Run:
    """Every key that says something of guards and logs, member4's API server by another address."""
    member4: Json = {**MEMBER4, "apiAddress": "api.example.org:9443", "logLevel": 6}
    return changed(members={"member3": MEMBER3, "member4": member4}, proxy={"stallSeconds": 7, "logLevel": 4})


def test_stalls_are_ended_at_the_plain_port_and_on_the_way_to_the_api_server(pair: Run, tuned: Run) -> None:
    for run, seconds in ((pair, 5), (tuned, 7)):
        (plain,) = [each for each in guard_configuration(run).splitlines() if " bind :8088," in each]
        assert plain.endswith(f" tcp-ut {seconds}s")
        for member in PAIR:
            carrying = api_servers(run, member)["api-server"]
            assert carrying.endswith(f" tcp-ut {seconds}s")
        server = arguments(pods(run)["proxy-server"], "proxy-server")
        assert seconds < int(server["backend-dial-timeout"].removesuffix("s"))


def api_servers(run: Run, member: str) -> dict[str, str]:
    """Of each backend of a member guard, the server that it knows."""
    sections = member_guard_configuration(run, member).split("\nbackend ")[1:]
    return {
        each.split("\n")[0]: line.strip().removeprefix(API_SERVER)
        for each in sections
        for line in each.split("\nfrontend ")[0].splitlines()
        if API_SERVER in line
    }


def test_a_member_guard_forwards_to_what_every_pod_is_told_or_to_the_address_that_is_given(tuned: Run) -> None:
    every_pod, given = (api_servers(tuned, name) for name in ("member3", "member4"))
    assert every_pod.keys() == given.keys() == {"api-server", "health"}
    for each in every_pod.values():
        assert each.startswith("${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT} ")
    for each in given.values():
        assert each.startswith("api.example.org:9443 resolvers pod init-addr ")


def test_each_logs_as_much_as_is_said_of_it(pair: Run, tuned: Run) -> None:
    for run, levels in ((pair, ["0", "0", "0"]), (tuned, ["4", "0", "6"])):
        found = {"proxy-server": "proxy-server", **{f"{name}-proxy-agent": "proxy-agent" for name in PAIR}}
        assert [arguments(pods(run)[pod], container)["v"] for pod, container in found.items()] == levels


def test_another_address_of_an_api_server_rolls_that_members_agents_and_nobody_else(pair: Run) -> None:
    member4: Json = {**MEMBER4, "apiAddress": "api.example.org:9443"}
    moved = changed(pair.resources.values(), members={"member3": MEMBER3, "member4": member4})
    assert checksum(moved, "member4-proxy-agent") != checksum(pair, "member4-proxy-agent")
    assert differing(pair, moved) == {
        "Secret member4-proxy-agent-cert",
        "Deployment member4-proxy-agent",
        "NetworkPolicy member4-proxy-agent-policy",
        "Command member4-check",
    }


def test_a_registered_member_may_update_its_own_cluster_object_and_nothing_else(pair: Run) -> None:
    role = pair.the("ClusterRole", "member4-registration-role").inputs
    binding = pair.the("ClusterRoleBinding", "member4-registration-binding").inputs
    assert role["rules"] == [
        {
            "apiGroups": ["cluster.karmada.io"],
            "resources": ["clusters"],
            "resourceNames": ["member4"],
            "verbs": ["get", "update"],
        }
    ]
    assert [text(each, "name") for each in items(binding, "subjects")] == ["system:karmada:agent:member4"]
    assert text(binding, "roleRef", "name") == text(role, "metadata", "name")


def test_the_fork_has_neither_guard_nor_credential(fork: Run) -> None:
    assert [
        short(each.urn) for each in fork.resources.values() if "guard" in each.name or "credential" in each.name
    ] == []
    assert [short(each.urn) for each in fork.resources.values() if each.type.endswith(":ClusterPatch")] == []


# changes


def test_a_renewed_agent_certificate_rolls_that_agent_and_no_other_pod(pair: Run) -> None:
    renewed = changed(kept(pair, pair.the("LocallySignedCert", "member3-agent")), members=PAIR)
    assert checksum(renewed, "member3-proxy-agent") != checksum(pair, "member3-proxy-agent")
    assert differing(pair, renewed) == {
        "Secret member3-proxy-agent-cert",
        "Deployment member3-proxy-agent",
        "Command member3-check",
    }


def test_a_renewed_ca_keeps_its_key_and_rolls_what_trusts_it(dev: Run) -> None:
    renewed = changed(kept(dev, dev.the("SelfSignedCert", "agent-ca-1")))
    keys = [each.urn for each in dev.resources.values() if each.type == "tls:index/privateKey:PrivateKey"]
    assert [urn for urn in keys if renewed.resources[urn] != dev.resources[urn]] == []
    for deployment in ("proxy-server", "member3-proxy-agent"):
        assert checksum(renewed, deployment) != checksum(dev, deployment)


def test_another_credential_is_shown_at_once_while_the_former_is_still_taken(dev: Run, second_credential: Run) -> None:
    (former,) = mac_keys(dev)
    current, *taken = mac_keys(second_credential)
    assert taken == [former] != [current]
    assert shown(dev, "member3") == f"member3:{mac(former, 'member3')}"
    assert shown(second_credential, "member3") == f"member3:{mac(current, 'member3')}"


def test_the_credential_after_that_takes_the_first_key_away(dev: Run, second_credential: Run) -> None:
    third = changed(second_credential.resources.values(), proxy={"credential": 3})
    assert mac_keys(third)[1:] == mac_keys(second_credential)[:1]
    assert not set(mac_keys(third)) & set(mac_keys(dev))
    assert {name for name in of_kind(third, "PrivateKey") if "credential" in name} == {"credential-2", "credential-3"}


def test_the_guard_takes_another_credential_before_karmada_shows_it(second_credential: Run) -> None:
    assert "Deployment proxy-server" in needs(second_credential, "ClusterPatch", "member3-registration-header")


def test_another_credential_touches_the_guard_and_the_cluster_object_alone(dev: Run, second_credential: Run) -> None:
    assert differing(dev, second_credential) == {
        "PrivateKey credential-2",
        "Secret proxy-guard",
        "Deployment proxy-server",
        "ClusterPatch member3-registration-header",
        "Command member3-check",
    }


def test_without_a_kubeconfig_in_the_config_the_plugin_reads_kubeconfig_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would hand on the variable's value, and of several files the plugin makes the content of one."""
    monkeypatch.setenv("KUBECONFIG", "/etc/host:/etc/karmada")
    ran = changed(host={"context": "karmada-host", "address": "192.0.2.1"})
    providers = [each for each in ran.resources.values() if each.type == "pulumi:providers:kubernetes"]
    assert {each.name: each.inputs.get("kubeconfig") for each in providers if each.name in ("host", "karmada")} == {
        "host": "",
        "karmada": "",
    }
