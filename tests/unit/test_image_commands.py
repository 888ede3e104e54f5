"""How built images come to kind nodes and under one tag: the stack's commands, with a `docker` and a `kind` of ours."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.commands.kind_load import CONTAINERD_STORE, KindLoadInput
from checks.commands.manifest_list import ManifestListInput
from clusters.objects import Json, entries, parse
from tests.unit.test_commands import imported_with, run

IMAGE = "localhost/karmada-anp/proxy-agent:v0.36.0-6b6be3ae-arm64"
URN = "urn:pulumi:dev::karmada-anp::karmada-anp:index:ProxyImages$docker:index/image:Image::proxy-agent"
AGAIN = f"pulumi up --replace '{URN}'"
AGENT = KindLoadInput(image=IMAGE, cluster="member3", platform="linux/arm64", urn=URN)
ABOUT = f"karmada-anp:images.build: {IMAGE}, for kind cluster member3, "

INSPECT = f"docker image inspect --format={{{{.Id}}}} {IMAGE}"
LOAD = f"kind load docker-image {IMAGE} --name member3"
INFO = "docker info --format={{json .DriverStatus}}"
LOST = "ctr: content digest sha256:b1ad: not found"
KIND_FAILS = f'ERROR: failed to load image: command "docker exec" failed with error: exit status 1\n\n{LOST}\n'

LIST = "registry.example:5000/karmada/proxy-agent:v0.36.0-6b6be3ae"
PUSHED = [f"registry.example:5000/karmada/proxy-agent@sha256:{each * 64}" for each in "ab"]
DIGEST = f"sha256:{'c' * 64}"
PASSWORD = "correct horse battery staple"


class Tools:
    """`docker` and `kind`, which note how they are called and with which config, and say what they are told to.

    `says` is by the beginning of a call: what it prints, or with an exclamation mark its error.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.says: dict[str, str] = {}
        self.path = f"{directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

    def run(self, module: str, given: KindLoadInput | ManifestListInput, **environment: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command."""
        script = ["#!/bin/sh", 'call="$(basename "$0") $*"', f'echo "$call" >>"{self.directory}/calls"']
        script += [
            f'case "$1" in --config=*) cp "${{1#*=}}/config.json" "{self.directory}/config" ;; esac',
            "case $call in",
        ]
        for call, said in self.says.items():
            file = self.directory / f"said-{len(list(self.directory.iterdir()))}"
            file.write_text(said.removeprefix("!"))
            fails = said.startswith("!")
            script.append(f'*"{call}"*) cat "{file}" {">&2; exit 1" if fails else ""} ;;')
        for tool in ("docker", "kind"):
            (self.directory / tool).write_text("\n".join([*script, "esac"]))
            (self.directory / tool).chmod(0o755)
        return run(module, given, PATH=self.path, **environment)

    @property
    def calls(self) -> list[str]:
        """How they were called."""
        return (self.directory / "calls").read_text().splitlines()

    @property
    def config(self) -> Mapping[str, Json]:
        """The config of Docker's client in the last call that named one."""
        return entries(parse((self.directory / "config").read_text()))


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    (tmp_path / "bin").mkdir()
    return Tools(tmp_path / "bin")


# into a kind cluster


def test_an_image_that_is_in_the_engine_is_loaded(tools: Tools) -> None:
    assert tools.run("kind_load", AGENT) == (0, "", "")
    assert tools.calls == [INSPECT, LOAD]


def test_loading_asks_no_cluster_and_loads_no_client_of_any() -> None:
    """It is on the way of each fresh `up`, and importing the client takes as long as the rest of it."""
    assert "kubernetes" not in imported_with("kind_load")


def test_of_an_image_that_has_gone_one_message_says_the_command_that_builds_it_again(tools: Tools) -> None:
    """After `docker image prune --all`, when a new node needs it."""
    tools.says["image inspect"] = f"!Error response from daemon: No such image: {IMAGE}\n"
    said = f"{ABOUT}is not in this machine's Docker engine any more, or never was\n  build it again: {AGAIN}\n"
    assert tools.run("kind_load", AGENT) == (1, "", said)
    assert tools.calls == [INSPECT]


def test_an_engine_that_does_not_answer_is_not_taken_for_one_that_has_lost_the_image(tools: Tools) -> None:
    tools.says["image inspect"] = "!Cannot connect to the Docker daemon. Is the docker daemon running?\n"
    code, _, errors = tools.run("kind_load", AGENT)
    assert (code, errors.splitlines()[0]) == (
        1,
        f"{ABOUT}cannot be loaded: Cannot connect to the Docker daemon. Is the docker daemon running?",
    )
    assert AGAIN not in errors


def test_what_kind_objects_to_is_said_with_what_it_ran(tools: Tools) -> None:
    tools.says[LOAD] = '!ERROR: no nodes found for cluster "member3"\n'
    tools.says["info"] = '[["Backing Filesystem","extfs"]]'
    said = f'{ABOUT}cannot be loaded: ERROR: no nodes found for cluster "member3"\n  mend that, then: pulumi up\n'
    assert tools.run("kind_load", AGENT) == (1, "", said)
    assert tools.calls == [INSPECT, LOAD, INFO]


def test_from_containerds_store_the_one_platform_is_loaded_from_an_archive(tools: Tools) -> None:
    """kind would import every platform that the image's index names: https://github.com/kubernetes-sigs/kind/issues/3795."""
    tools.says |= {LOAD: f"!{KIND_FAILS}", "info": f'[["driver-type","{CONTAINERD_STORE}"]]'}
    assert tools.run("kind_load", AGENT) == (0, "", "")
    *before, save, load = tools.calls
    assert before == [INSPECT, LOAD, INFO]
    archive = save.split("--output=")[1].split()[0]
    assert save == f"docker save --platform=linux/arm64 --output={archive} {IMAGE}"
    assert load == f"kind load image-archive {archive} --name member3"
    assert not Path(archive).parent.exists()


@pytest.mark.parametrize(
    ("call", "said", "why"),
    [
        ("save", '"--platform" requires API version 1.48\n', '"--platform" requires API version 1.48'),
        ("image-archive", KIND_FAILS, LOST),
    ],
)
def test_where_that_fails_too_it_is_said_what_to_type(tools: Tools, call: str, said: str, why: str) -> None:
    tools.says |= {LOAD: f"!{KIND_FAILS}", "info": f'[["driver-type","{CONTAINERD_STORE}"]]', call: f"!{said}"}
    code, output, errors = tools.run("kind_load", AGENT)
    first, remedy, again = errors.splitlines()
    assert (code, output) == (1, "")
    assert first.startswith(f"{ABOUT}cannot be loaded: ")
    assert first.endswith(why)
    assert '{"features": {"containerd-snapshotter": false}}' in remedy
    assert again == f"  then build the image again: {AGAIN}"


# under one tag


def test_images_of_several_platforms_are_joined_and_known_by_the_lists_digest(tools: Tools) -> None:
    tools.says["manifest push"] = f"Pushed ref {PUSHED[0]} with digest: {PUSHED[0][-71:]}\n{DIGEST}\n"
    given = ManifestListInput(name=LIST, images=PUSHED)
    assert tools.run("manifest_list", given) == (0, f"{LIST.rpartition(':')[0]}@{DIGEST}\n", "")
    create, push = [" ".join(each for each in call.split() if "--config" not in each) for call in tools.calls]
    assert create == f"docker manifest create {LIST} {PUSHED[0]} {PUSHED[1]}"
    assert push == f"docker manifest push {LIST}"


def test_credentials_are_in_no_argument_and_nothing_is_left_of_them(tools: Tools) -> None:
    tools.says["manifest push"] = f"{DIGEST}\n"
    given = ManifestListInput(name=LIST, images=PUSHED, username="robot", password=PASSWORD)
    code, output, errors = tools.run("manifest_list", given)
    assert (code, errors) == (0, "")
    assert tools.config == {
        "auths": {"registry.example:5000": {"auth": "cm9ib3Q6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="}}
    }
    assert PASSWORD not in output + "".join(tools.calls)
    assert PASSWORD not in repr(given)
    (directory,) = {call.split("--config=")[1].split()[0] for call in tools.calls}
    assert not Path(directory).exists()


def test_docker_hub_is_logged_in_by_the_name_that_docker_has_for_it(tools: Tools) -> None:
    tools.says["manifest push"] = f"{DIGEST}\n"
    given = ManifestListInput(name="docker.io/karmada/proxy-agent:1", images=PUSHED, username="robot", password="x")
    tools.run("manifest_list", given)
    assert list(entries(tools.config, "auths")) == ["https://index.docker.io/v1/"]


def test_without_credentials_it_is_as_whom_docker_is_logged_in_without_the_lists_of_an_earlier_run(
    tools: Tools, tmp_path: Path
) -> None:
    """`docker manifest create` would refuse to make one that it has begun before."""
    own = tmp_path / "own"
    (own / "manifests").mkdir(parents=True)
    (own / "config.json").write_text(json.dumps({"credsStore": "desktop"}))
    tools.says["manifest push"] = f"{DIGEST}\n"
    code, _, _ = tools.run("manifest_list", ManifestListInput(name=LIST, images=PUSHED), DOCKER_CONFIG=str(own))
    assert code == 0
    assert tools.config == {"credsStore": "desktop"}
    assert (own / "config.json").exists()
    assert f"--config={own}" not in "".join(tools.calls)


def test_a_registry_on_this_machine_may_be_one_without_tls_and_no_other(tools: Tools) -> None:
    tools.says["manifest push"] = f"{DIGEST}\n"
    tools.run("manifest_list", ManifestListInput(name=LIST, images=PUSHED))
    assert not any("--insecure" in call for call in tools.calls)
    tools.run("manifest_list", ManifestListInput(name="localhost:5001/proxy-agent:1", images=PUSHED))
    assert [call.split()[4] for call in tools.calls[2:]] == ["--insecure", "--insecure"]


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ({"manifest create": f"!no such manifest: {PUSHED[0]}\n"}, f"no such manifest: {PUSHED[0]}"),
        ({"manifest push": "!errors:\ndenied: requested access to it is denied\n"}, "requested access to it is denied"),
        ({"manifest push": "\n"}, "`docker manifest push` named no digest"),
    ],
    ids=["not found", "denied", "no digest"],
)
def test_a_list_that_cannot_be_made_is_one_message_without_the_password(
    tools: Tools, says: dict[str, str], why: str
) -> None:
    tools.says |= says
    given = ManifestListInput(name=LIST, images=PUSHED, username="robot", password=PASSWORD)
    code, output, errors = tools.run("manifest_list", given)
    first, remedy = errors.splitlines()
    assert (code, output) == (1, "")
    assert first.startswith(
        f"karmada-anp:images.build.platforms: the manifest list {LIST}, of {PUSHED[0]} and {PUSHED[1]}"
    )
    assert why in first
    assert "images.credentials or `docker login`" in remedy
    assert PASSWORD not in errors
