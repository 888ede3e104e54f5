"""What is secret stays secret: keys and credentials in every input and output, on the wire to the engine."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from clusters.objects import text
from components.secret_files import CHECKSUM_ANNOTATION
from tests.unit.reading import guard_configuration, header, mac_keys, member_guard_configuration, of_kind, shown
from tools.render.program import Run
from tools.render.recorded import Path, Recorded, leaves, within


def secrets_of(run: Run) -> set[str]:
    """Every text that must not be seen: private keys, those of the guard's MACs, the credentials made from them and
    what is in these, and a registry's password."""
    keys = {text(each.outputs, "privateKeyPem") for each in run.resources.values() if each.type.endswith(":PrivateKey")}
    members = [name.removesuffix("-registration-header") for name in of_kind(run, "ClusterPatch")]
    macs = {*(mac_keys(run) if members else []), *(shown(run, each).split(":")[1] for each in members)}
    images = [each for each in run.resources.values() if each.type.endswith(":Image")]
    passwords = {text(each.inputs, "registry", "password") for each in images}
    return (keys | macs | {header(run, each) for each in members} | passwords) - {""}


def seen(resource: Recorded) -> Iterator[tuple[Path, str]]:
    """Every text in a resource's properties that is not marked secret, as it is and decoded."""
    for properties, secrets in ((resource.inputs, resource.secrets), (resource.outputs, resource.secret_outputs)):
        for path, value in leaves(properties):
            if isinstance(value, str) and not within(path, secrets):
                yield path, value
                yield path, decoded(value)


def decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode(errors="replace")
    except binascii.Error:
        return ""


def test_no_key_and_no_credential_is_seen_in_any_input_or_output(any_stack: Run) -> None:
    hidden = secrets_of(any_stack)
    assert len(hidden) >= 6
    for resource in any_stack.resources.values():
        for path, value in seen(resource):
            assert "PRIVATE KEY" not in value, (resource.urn, path)
            assert [each for each in hidden if each in value] == [], (resource.urn, path)


def test_every_private_key_is_a_secret_output(any_stack: Run) -> None:
    keys = [each for each in any_stack.resources.values() if each.type == "tls:index/privateKey:PrivateKey"]
    assert keys
    assert [each.urn for each in keys if ("privateKeyPem",) not in each.secret_outputs] == []


def test_the_whole_data_of_every_secret_is_secret(any_stack: Run) -> None:
    found = [each for each in any_stack.resources.values() if each.type == "kubernetes:core/v1:Secret"]
    assert found
    assert [each.urn for each in found if ("data",) not in each.secrets] == []
    assert [each.urn for each in found if ("data",) not in each.secret_outputs] == []


def test_the_credential_on_a_cluster_object_is_secret_going_and_coming(pair: Run) -> None:
    for member in ("member3", "member4"):
        patch = pair.the("ClusterPatch", f"{member}-registration-header")
        assert patch.secrets == {("spec", "proxyHeader", "Proxy-Authorization")}
        assert patch.secret_outputs == {("spec",)}


def test_nothing_secret_is_in_a_member_guards_configuration_though_it_is_in_a_secret(pair: Run) -> None:
    """A rendering shows it."""
    hidden = secrets_of(pair)
    assert [each for each in hidden if each in guard_configuration(pair)]
    for member in ("member3", "member4"):
        configuration = member_guard_configuration(pair, member)
        assert "-----BEGIN" not in configuration
        assert [each for each in hidden if each in configuration] == []


def test_a_checksum_is_no_secret_so_that_a_diff_shows_why_pods_roll(dev: Run) -> None:
    annotation = ("spec", "template", "metadata", "annotations", CHECKSUM_ANNOTATION)
    for name in ("proxy-server", "member3-proxy-agent"):
        deployment = dev.the("Deployment", name)
        assert len(text(deployment.inputs, *annotation)) == 64
        assert deployment.secrets == frozenset()


def test_what_a_command_is_given_and_triggered_by_is_no_secret_but_for_a_registrys_password(any_stack: Run) -> None:
    """A diff shows it."""
    commands = [each for each in any_stack.resources.values() if each.type == "command:local:Command"]
    assert commands
    secrets = {each.name: each.secrets for each in commands if each.secrets}
    joins = {
        f"{name.removesuffix('-amd64')}-platforms" for name in of_kind(any_stack, "Image") if name.endswith("-amd64")
    }
    assert secrets == dict.fromkeys(joins, frozenset({("stdin",)}))


def test_exports_are_the_paths_the_entry_the_first_end_the_images_the_ca_keys_and_who_is_behind_and_none_is_secret(
    pair: Run,
) -> None:
    exports = pair.stack.outputs
    assert exports["members"] == {
        name: {"proxyPath": f"/apis/cluster.karmada.io/v1alpha1/clusters/{name}/proxy"}
        for name in ("member3", "member4")
    }
    assert exports["entry"] == {"address": "192.0.2.3", "port": 8091, "proxyUrl": "http://192.0.2.3:8088"}
    assert exports.keys() == {"members", "behind", "entry", "firstCertificateEnds", "images", "caKeys"}
    assert (exports["caKeys"], exports["behind"]) == ([1], [])
    assert pair.stack.secret_outputs == frozenset()
