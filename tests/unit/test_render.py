"""Rendering: what it writes, what it keeps to itself, and what it says of a mistake."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest
import yaml

from clusters.errors import Unavailable
from clusters.objects import Json
from tests.unit.reading import member_guard_configuration
from tests.unit.stacks import changed, configured, differing
from tests.unit.test_secrecy import secrets_of
from tools.render import stackfile
from tools.render.__main__ import main, placeholders, tree
from tools.render.machine import LAST, PlaceholderMachine
from tools.render.manifests import as_yaml, holds, write
from tools.render.program import Run, run
from tools.render.stackfile import ROOT


def written(run: Run, into: Path) -> dict[str, str]:
    """The files of a rendering by path."""
    return {str(file.relative_to(into)): file.read_text() for file in write(run, into)}


def test_no_key_certificate_or_credential_is_in_a_rendering(any_stack: Run, tmp_path: Path) -> None:
    for path, content in written(any_stack, tmp_path).items():
        assert "-----BEGIN" not in content, path
        assert "LS0tLS" not in content, path  # the same in base64
        assert [each for each in secrets_of(any_stack) if each in content] == [], path
        assert re.findall(r"[A-Za-z0-9+/=]{80,}", content) == [], path


def test_who_reads_no_more_than_its_first_line_sees_no_traceback(tmp_path: Path) -> None:
    """`make render | head`."""
    command = [sys.executable, "-m", "tools.render", "dev", f"--into={tmp_path}"]
    rendering = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert rendering.stdout
    assert rendering.stderr
    # nobody reads by the time that it writes
    rendering.stdout.close()
    assert rendering.stderr.read() == ""
    assert rendering.wait(60) == -signal.SIGPIPE


def test_a_rendering_needs_no_key_and_makes_none() -> None:
    ran = run("dev", stackfile.config_of("dev"))
    made = {str(each.outputs["privateKeyPem"]) for each in ran.resources.values() if "privateKeyPem" in each.outputs}
    assert made == {"-----BEGIN EC PRIVATE KEY-----\n"}


def test_a_redacted_value_says_what_it_is(dev: Run, tmp_path: Path) -> None:
    files = written(dev, tmp_path)
    guard = yaml.safe_load(files["host/Secret-proxy-guard.yaml"])["data"]
    server = yaml.safe_load(files["host/Secret-proxy-server-cert.yaml"])["data"]
    assert re.fullmatch(r"<redacted: \d+ bytes>", guard["haproxy.cfg"])
    assert server["cluster-cert.crt"] == "<redacted: CERTIFICATE>"
    assert server["cluster-key.key"] == "<redacted: EC PRIVATE KEY>"


def test_a_member_guards_configuration_is_there_to_be_read(dev: Run, tmp_path: Path) -> None:
    """The rest of its Secret is not."""
    shown = yaml.safe_load(written(dev, tmp_path)["member-member3/Secret-proxy-agent-cert.yaml"])["data"]
    assert shown == {
        "ca.crt": "<redacted: CERTIFICATE>",
        "proxy-agent.crt": "<redacted: CERTIFICATE>",
        "proxy-agent.key": "<redacted: EC PRIVATE KEY>",
        "haproxy.cfg": member_guard_configuration(dev, "member3"),
    }


def test_each_cluster_has_a_directory_and_each_object_a_file_with_its_kind_and_name(pair: Run, tmp_path: Path) -> None:
    member = {
        "Secret-proxy-agent-cert",
        "Deployment-proxy-agent",
        "NetworkPolicy-proxy-agent",
        "DeploymentPatch-karmada-agent",
    }
    assert written(pair, tmp_path).keys() == {
        "host/Secret-proxy-server-cert.yaml",
        "host/Secret-proxy-guard.yaml",
        "host/Deployment-proxy-server.yaml",
        "karmada/ClusterPatch-member3.yaml",
        "karmada/ClusterPatch-member4.yaml",
        "karmada/ClusterRole-karmada-anp-member4.yaml",
        "karmada/ClusterRoleBinding-karmada-anp-member4.yaml",
        *(f"member-{name}/{each}.yaml" for name in ("member3", "member4") for each in member),
    }


def test_two_renderings_of_one_config_are_the_same(dev: Run, tmp_path: Path) -> None:
    # another run, with other keys
    assert main(["dev", "--into", str(tmp_path / "again")]) == 0
    once = written(dev, tmp_path / "once")
    again = tmp_path / "again" / "dev"
    assert {str(file.relative_to(again)): file.read_text() for file in again.rglob("*.yaml")} == once


def test_a_rendering_takes_the_place_of_an_earlier_one_and_of_nothing_else(pair: Run, dev: Run, tmp_path: Path) -> None:
    written(pair, tmp_path)
    (tmp_path / "host" / "notes.txt").write_text("not ours")
    files = written(dev, tmp_path)
    assert not (tmp_path / "member-member4").exists()
    there = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert there == {*files, "host/notes.txt"}


def test_the_tree_has_a_line_a_resource_below_its_parent(dev: Run) -> None:
    lines = list(tree(dev))
    assert len(lines) == len(dev.resources)
    child = next(i for i, line in enumerate(lines) if "kubernetes:apps/v1:Deployment proxy-server" in line)
    assert lines[child].endswith("  in host")
    parent = next(line for line in reversed(lines[:child]) if not line.startswith("    "))
    assert parent == "  karmada-anp:index:ProxyServer proxy-server"


def test_placeholder_addresses_that_are_in_a_manifest_are_named(dev: Run) -> None:
    said = list(placeholders(dev))
    assert said[1:] == [
        "  192.0.2.3  kind node of karmada-host",
        "  192.0.2.4  API server of context member3 of ~/.kube/members.config",
    ]


def test_an_address_is_not_found_within_a_longer_one() -> None:
    assert holds("http://192.0.2.1:8088", "192.0.2.1")
    assert not holds("http://192.0.2.12:8088", "192.0.2.1")


def test_the_same_thing_has_the_same_placeholder_and_another_has_another() -> None:
    machine = PlaceholderMachine()
    one = machine.servers("~/a")["x"]
    assert machine.servers("~/a")["x"] == one
    assert machine.servers("~/b")["x"] != one
    assert machine.kind_node("x").address not in one


def test_there_are_no_more_placeholders_than_the_network_has() -> None:
    machine = PlaceholderMachine()
    for i in range(LAST):
        machine.address(str(i))
    with pytest.raises(Unavailable, match="254"):
        machine.address("one more")


def test_an_unknown_stack_is_one_message_that_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("there is no stack file Pulumi.nowhere.yaml; there are stacks dev, fork, prod")


def test_a_stack_outside_the_program_is_unknown() -> None:
    with pytest.raises(pulumi.RunError, match="there is no stack file"):
        stackfile.config_of("../dev")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A directory with Pulumi.yaml and a stack file to write."""
    (tmp_path / "Pulumi.yaml").write_text((stackfile.ROOT / "Pulumi.yaml").read_text())
    return tmp_path


def test_defaults_of_the_project_are_filled_in_and_a_stacks_own_win(program: Path) -> None:
    (program / "Pulumi.x.yaml").write_text("config:\n  karmada-anp:proxy: {port: 9000}\n  other:key: 1\n")
    assert stackfile.config_of("x", program) == {
        "karmada-anp:memberDefaults": {},
        "karmada-anp:discover": {},
        "karmada-anp:away": {},
        "karmada-anp:images": {},
        "karmada-anp:proxy": {"port": 9000},
        "karmada-anp:certificates": {},
        "karmada-anp:monitoring": {},
        "other:key": 1,
    }


def test_an_empty_stack_file_has_only_defaults(program: Path) -> None:
    (program / "Pulumi.x.yaml").write_text("")
    sections = ("memberDefaults", "discover", "away", "images", "proxy", "certificates", "monitoring")
    assert stackfile.config_of("x", program).keys() == {f"karmada-anp:{key}" for key in sections}


def test_config_reaches_the_program_as_the_engine_hands_it_over() -> None:
    handed = stackfile.environment({"karmada-anp:host": {"context": "x"}, "a:text": "x", "a:number": 1, "a:yes": True})
    values = {"karmada-anp:host": '{"context": "x"}', "a:text": "x", "a:number": "1", "a:yes": "true"}
    assert json.loads(handed["PULUMI_CONFIG"]) == values


def test_a_placeholder_stands_for_an_encrypted_value_wherever_it_is(program: Path) -> None:
    (program / "Pulumi.x.yaml").write_text(
        "config:\n  karmada-anp:images: {credentials: {username: x, password: {secure: v1:abc}}}\n"
        "  karmada-anp:members: {member3: {context: {secure: v1:def}}}\n  other:key: {secure: v1:ghi}\n"
    )
    found = stackfile.config_of("x", program)
    assert found["karmada-anp:images"] == {"credentials": {"username": "x", "password": "<encrypted>"}}
    assert found["karmada-anp:members"] == {"member3": {"context": "<encrypted>"}}
    assert found["other:key"] == "<encrypted>"
    assert "v1:" not in str(found)


def test_sections_with_something_encrypted_reach_the_program_as_such_and_others_do_not() -> None:
    encrypted: dict[str, Json] = {"a:text": "<encrypted>", "a:list": [{"x": "<encrypted>"}], "a:plain": {"x": "y"}}
    handed = stackfile.environment(encrypted)
    assert json.loads(handed["PULUMI_CONFIG_SECRET_KEYS"]) == ["a:text", "a:list"]


def test_a_stack_file_that_is_no_yaml_is_one_message(program: Path) -> None:
    (program / "Pulumi.x.yaml").write_text("config: [")
    with pytest.raises(pulumi.RunError, match=r"Pulumi\.x\.yaml cannot be read"):
        stackfile.config_of("x", program)


def test_a_config_that_is_refused_is_one_message_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refused: dict[str, Json] = {"karmada-anp:proxy": {"port": "x"}}

    def config_of(stack: str) -> dict[str, Json]:
        return refused

    monkeypatch.setattr("tools.render.__main__.config_of", config_of)
    assert main(["dev", "--into", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("The stack's config has problems (3):")
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_after_one_that_failed_is_not_disturbed(dev: Run) -> None:
    with pytest.raises(pulumi.RunError):
        changed(proxy={"port": "x"})
    assert differing(dev, changed(dev.resources.values())) == set()


def test_yaml_puts_what_an_object_is_called_first() -> None:
    assert as_yaml({"spec": 1, "metadata": {"labels": {}, "name": "x"}, "kind": "K", "apiVersion": "v1"}).split() == [
        *("apiVersion:", "v1", "kind:", "K", "metadata:", "name:", "x", "labels:", "{}", "spec:", "1")
    ]


def test_a_run_leaves_no_file_open() -> None:
    """A thousand open ones are more than `select` takes, by which the Kubernetes client reads a port-forward."""
    run("dev", configured("dev"))
    before = len(os.listdir("/dev/fd"))
    run("dev", configured("dev"))
    assert len(os.listdir("/dev/fd")) <= before
