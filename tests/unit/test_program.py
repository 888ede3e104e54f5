"""The whole program under Pulumi's mocks: what is made where, in which order, and what a change touches."""

from __future__ import annotations

import re

import pytest

from clusters.objects import items, number, parse, text
from tests.documents import content
from tests.unit.reading import checksum, commands, guard_configuration, header, needs, of_kind, pods
from tests.unit.stacks import PAIR, changed, differing, kept, short
from tools.render.program import Run

TYPE_TOKENS = {
    "karmada-anp:index:Certificate",
    "karmada-anp:index:CertificateAuthority",
    "karmada-anp:index:Entry",
    "karmada-anp:index:KarmadaAgentPatch",
    "karmada-anp:index:Member",
    "karmada-anp:index:ProxyAgent",
    "karmada-anp:index:ProxyImages",
    "karmada-anp:index:ProxyServer",
    "karmada-anp:index:Registration",
    "karmada-anp:index:TunnelCheck",
    "karmada-anp:index:TunnelPki",
}

HOST_OBJECTS = {"Secret proxy-server-cert", "Secret proxy-guard", "Deployment proxy-server"}
MEMBER_OBJECTS = {
    "Secret {0}-proxy-agent-cert",
    "Deployment {0}-proxy-agent",
    "NetworkPolicy {0}-proxy-agent-policy",
    "DeploymentPatch {0}-karmada-agent",
}


# types, names and parents: what a stack that is up knows its resources by


def test_type_tokens_are_those_that_stacks_have_in_their_state(pair: Run) -> None:
    assert {each.type for each in pair.resources.values() if each.is_component} == TYPE_TOKENS


def test_every_resource_but_providers_and_credentials_belongs_to_a_component(any_stack: Run) -> None:
    top = {each.type.split("::")[-1] for each in any_stack.children(any_stack.stack.urn) if not each.is_component}
    assert top <= {"pulumi:providers:kubernetes", "tls:index/privateKey:PrivateKey"}


def test_a_second_up_changes_nothing_though_members_are_listed_in_another_order(pair: Run, reversed_pair: Run) -> None:
    assert differing(pair, reversed_pair) == set()
    assert reversed_pair.resources == pair.resources


def test_another_member_changes_no_resource_of_the_first(dev: Run) -> None:
    both = changed(dev.resources.values(), members=PAIR)
    touched = {each for each in differing(dev, both) if "member4" not in each}
    # the guard lets through to one more, which is in its Secret and in the checksum
    assert touched == {"Secret proxy-guard", "Deployment proxy-server", "Command member3-check"}


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
        read = {text(each, "secret", "secretName") for each in items(pod, "spec", "volumes")}
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


def test_endpoint_and_identifier_of_a_member_are_one_address(pair: Run) -> None:
    for name in ("member3", "member4"):
        (agent,) = items(pair.the("Deployment", f"{name}-proxy-agent").inputs, "spec", "template", "spec", "containers")
        (flags,) = items(
            pair.the("DeploymentPatch", f"{name}-karmada-agent").inputs, *("spec", "template", "spec", "containers")
        )
        (identifier,) = [each for each in items(agent, "args") if str(each).startswith("--agent-identifiers=host=")]
        address = str(identifier).removeprefix("--agent-identifiers=host=")
        assert f"--cluster-api-endpoint=https://{address}:6443" in items(flags, "args")
        assert f"{address}:6443" in guard_configuration(pair)


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
    renewed = changed(kept(dev, dev.the("SelfSignedCert", "frontend-ca-1")))
    keys = [each.urn for each in dev.resources.values() if each.type == "tls:index/privateKey:PrivateKey"]
    assert [urn for urn in keys if renewed.resources[urn] != dev.resources[urn]] == []
    assert checksum(renewed, "proxy-server") != checksum(dev, "proxy-server")
    assert checksum(renewed, "member3-proxy-agent") == checksum(dev, "member3-proxy-agent")


def test_another_credential_is_shown_at_once_while_the_former_is_still_taken(dev: Run, second_credential: Run) -> None:
    former, current = header(dev, "member3"), header(second_credential, "member3")
    assert current != former
    taken = guard_configuration(second_credential)
    assert f'"{current}"' in taken
    assert f'"{former}"' in taken
    assert f'"{current}"' not in guard_configuration(dev)


def test_another_credential_touches_the_guard_and_the_cluster_object_alone(dev: Run, second_credential: Run) -> None:
    assert differing(dev, second_credential) == {
        "PrivateKey credential-2",
        "Secret proxy-guard",
        "Deployment proxy-server",
        "ClusterPatch member3-registration-header",
        "Command member3-check",
    }
