"""Which images pods run, and how they come to the nodes: built and loaded, built and pushed, or published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pulumi
import pytest

from clusters.objects import Json, at, entries, items, parse, text
from clusters.workstation import processor
from components.image_build import is_built_on_its_platform
from config.image_settings import BuiltImages
from tests.unit.machines import load
from tests.unit.mistakes.refusal import FORK_BUILD
from tests.unit.reading import commands, containers, of_kind, pods
from tests.unit.stacks import BOTH, HOST, MEMBER4, PASSWORD, changed
from tools.render.manifests import as_yaml, manifests
from tools.render.program import Run

CLEAR = "correct horse battery staple"
CREDENTIALS: dict[str, Json] = {"username": "robot", "password": CLEAR}
PUSHED: dict[str, Json] = {"build": {}, "push": True, "registry": "registry.example/karmada"}


def images(run: Run) -> set[str]:
    """The images of every pod, but for the guards'."""
    own = [text(each, "image") for pod in pods(run).values() for each in containers(pod).values()]
    return {each for each in own if "haproxy" not in each}


# built and loaded


def test_built_images_are_loaded_into_kind_clusters_alone(pair: Run) -> None:
    loads = {name: each for name, each in commands(pair).items() if name.endswith("-image")}
    assert loads.keys() == {"proxy-server-image", "member3-image"}
    assert {text(each.inputs, "create") for each in loads.values()} == {"sh checks/commands/run.sh kind_load"}
    image = pair.the("Image", "proxy-agent")
    assert parse(text(loads["member3-image"].inputs, "stdin")) == {
        "image": image.outputs["imageName"],
        "cluster": "member3",
        "platform": at(image.inputs, "build", "platform"),
        "urn": image.urn,
    }


def test_a_built_image_has_its_platform_in_its_tag(dev: Run) -> None:
    for name, image in of_kind(dev, "Image").items():
        reference = rf"localhost/karmada-anp/{name}:v0\.36\.0-[0-9a-f]{{8}}-{processor()}"
        assert re.fullmatch(reference, text(image.inputs, "imageName"))


def test_an_image_is_loaded_again_into_another_node_and_when_it_is_another(dev: Run) -> None:
    triggers = items(commands(dev)["member3-image"].inputs, "triggers")
    assert triggers == [
        dev.the("Image", "proxy-agent").outputs["repoDigest"],
        "the container of member3-control-plane",
    ]


def test_images_that_are_not_pushed_log_in_nowhere(dev: Run) -> None:
    for image in of_kind(dev, "Image").values():
        assert at(image.inputs, "skipPush") is True
        assert "registry" not in image.inputs


# built and pushed


def test_a_pushed_image_is_run_by_the_digest_that_the_registry_gave_it(pushed: Run) -> None:
    """A tag may be pushed again: another build is another digest, so that pods roll."""
    references = {text(each.outputs, "repoDigest") for each in of_kind(pushed, "Image").values()}
    assert images(pushed) == references
    assert len(references) == 2
    for each in references:
        assert re.fullmatch(r"registry\.example/karmada/proxy-(server|agent)@sha256:[0-9a-f]{64}", each)


def test_a_pushed_image_is_pulled_by_kind_nodes_too(pushed: Run) -> None:
    assert [name for name in commands(pushed) if name.endswith("-image")] == []


def test_images_are_pushed_with_the_credentials_of_the_registrys_host(pushed: Run) -> None:
    for image in of_kind(pushed, "Image").values():
        assert at(image.inputs, "skipPush") is False
        assert at(image.inputs, "registry") == {
            "server": "registry.example",
            "username": "robot",
            "password": PASSWORD,
        }


def test_without_credentials_a_push_is_as_whom_docker_is_logged_in() -> None:
    run = changed(images=PUSHED)
    for image in of_kind(run, "Image").values():
        assert at(image.inputs, "skipPush") is False
        assert "registry" not in image.inputs


def test_what_is_exported_are_the_references_that_pods_run(pushed: Run) -> None:
    assert set(entries(pushed.stack.outputs, "images").values()) == images(pushed)


# built for several platforms and pushed


def test_there_is_an_image_for_each_platform_with_that_in_its_tag(both_platforms: Run) -> None:
    found = of_kind(both_platforms, "Image")
    assert found.keys() == {f"proxy-{part}-{each}" for part in ("server", "agent") for each in ("amd64", "arm64")}
    for name, image in found.items():
        repository, _, architecture = name.rpartition("-")
        assert at(image.inputs, "build", "platform") == f"linux/{architecture}"
        assert text(image.inputs, "imageName").startswith(f"registry.example/karmada/{repository}:v0.36.0-")
        assert text(image.inputs, "imageName").endswith(f"-{architecture}")


def test_it_is_compiled_on_this_machine_for_each_platform(both_platforms: Run) -> None:
    """By upstream's arguments and by the fork's."""
    for name, image in of_kind(both_platforms, "Image").items():
        of = name.rpartition("-")[2]
        arguments = entries(image.inputs, "build", "args")
        assert [arguments[each] for each in ("ARCH", "TARGETARCH", "BUILDARCH")] == [of, of, processor()]


def test_pods_run_the_list_of_what_was_pushed_by_its_digest(both_platforms: Run) -> None:
    lists = {name: each for name, each in commands(both_platforms).items() if name.endswith("-platforms")}
    assert lists.keys() == {"proxy-server-platforms", "proxy-agent-platforms"}
    for name, each in lists.items():
        image = name.removesuffix("-platforms")
        given = entries(parse(text(each.inputs, "stdin")))
        of = [both_platforms.the("Image", f"{image}-{architecture}") for architecture in ("amd64", "arm64")]
        assert given["images"] == [each.outputs["repoDigest"] for each in of]
        assert f"{given['name']}-amd64" == of[0].inputs["imageName"]
        assert text(each.inputs, "create") == "sh checks/commands/run.sh manifest_list"
    assert images(both_platforms) == {text(each.outputs, "stdout") for each in lists.values()}
    assert [each for each in images(both_platforms) if not re.search(r"@sha256:[0-9a-f]{64}$", each)] == []
    assert set(entries(both_platforms.stack.outputs, "images").values()) == images(both_platforms)


def test_the_list_is_no_secret_though_it_is_made_with_the_password(both_platforms: Run) -> None:
    """All that a pod's template is made from would be one, and no diff would show it."""
    for image in ("proxy-server", "proxy-agent"):
        assert both_platforms.the("Command", f"{image}-platforms").secrets == {("stdin",)}
    assert both_platforms.the("Deployment", "proxy-server").secrets == frozenset()
    assert both_platforms.stack.secret_outputs == frozenset()


def test_without_credentials_the_list_is_made_as_whom_docker_is_logged_in() -> None:
    run = changed(images={**PUSHED, "build": {"platforms": BOTH}})
    made = run.the("Command", "proxy-agent-platforms")
    given = entries(parse(text(made.inputs, "stdin")))
    assert (given["username"], given["password"], made.secrets) == ("", "", frozenset())


def test_one_platform_is_one_image_whichever_it_is(pushed: Run) -> None:
    other = "amd64" if processor() == "arm64" else "arm64"
    run = changed(
        host={**HOST, "address": "10.0.0.1"},
        members={"member4": MEMBER4},
        images={**PUSHED, "build": {"platforms": [f"linux/{other}"]}},
    )
    assert of_kind(run, "Image").keys() == of_kind(pushed, "Image").keys() == {"proxy-server", "proxy-agent"}
    assert text(run.the("Image", "proxy-agent").inputs, "imageName").endswith(f"-{other}")
    assert [name for name in commands(run) if name.endswith("-platforms")] == []


CROSS = """\
ARG BUILDARCH
FROM --platform=linux/${BUILDARCH} golang:1.26 AS builder
COPY . .
ARG TARGETARCH
RUN GOARCH=${TARGETARCH} go build
FROM scratch
COPY --from=builder /proxy-server .
"""
"""As upstream's Dockerfiles are."""

EMULATED = """\
FROM golang:1.16.5 as builder
RUN go mod download
ARG ARCH
RUN GOARCH=${ARCH} go build
FROM scratch
COPY --from=builder /proxy-server .
"""
"""As the fork's are."""


def test_a_dockerfile_that_compiles_on_its_platform_is_told_from_one_that_compiles_for_it() -> None:
    assert not is_built_on_its_platform(CROSS)
    assert is_built_on_its_platform(EMULATED)
    assert is_built_on_its_platform(f"{CROSS}run echo\n")


@pytest.mark.parametrize("platforms", [[], [f"linux/{processor()}"], BOTH])
def test_what_could_but_be_emulated_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platforms: Sequence[str]
) -> None:
    """Of the fork, whose sources are there when it is built."""
    monkeypatch.chdir(tmp_path)
    sources = tmp_path / ".sources" / ("0" * 40) / "artifacts" / "images"
    sources.mkdir(parents=True)
    for part in ("server", "agent"):
        (sources / f"{part}-build.Dockerfile").write_text(EMULATED)
    build: dict[str, Json] = {**FORK_BUILD, **({"platforms": platforms} if platforms else {})}
    if len(platforms) < 2:
        assert images(changed(images={**PUSHED, "build": build}))
        return
    with pytest.raises(pulumi.RunError) as error:
        changed(images={**PUSHED, "build": build})
    said = str(error.value)
    assert "karmada-anp:images.build.platforms: v0.0.24/dev of https://github.com/mrlihanbo/" in said
    assert "pulumi config rm --path 'karmada-anp:images.build.platforms', or " in said


# the registry's password


def test_the_password_is_secret_going_and_coming(pushed: Run) -> None:
    for image in of_kind(pushed, "Image").values():
        assert image.secrets == {("registry", "password")}
        assert ("registry",) in image.secret_outputs


def test_the_password_is_in_no_other_resource_and_in_no_manifest(pushed: Run) -> None:
    with_it = {each.name for each in pushed.resources.values() if PASSWORD in str(each.inputs)}
    assert with_it == {"proxy-server", "proxy-agent"}
    assert [path for path, each in manifests(pushed).items() if PASSWORD in as_yaml(each)] == []
    assert PASSWORD not in str(pushed.stack.outputs)


def test_the_password_is_in_no_text_that_settings_make_of_themselves() -> None:
    settings = load(["images"], images={**PUSHED, "credentials": CREDENTIALS})
    assert isinstance(settings.images, BuiltImages)
    assert settings.images.credentials is not None
    assert settings.images.credentials.password.get_secret_value() == CLEAR
    for said in (repr(settings), str(settings), str(settings.images), settings.images.model_dump_json()):
        assert "robot" in said
        assert CLEAR not in said


def test_a_password_in_plain_text_is_refused_without_repeating_it() -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(images={**PUSHED, "credentials": CREDENTIALS})
    said = str(error.value)
    assert "karmada-anp:images.credentials.password: it is there in plain text" in said
    assert "pulumi config set --path 'karmada-anp:images.credentials.password' PASSWORD --secret" in said
    assert CLEAR not in said


@pytest.mark.parametrize("secret", [["images"], []], ids=["encrypted", "in plain text"])
@pytest.mark.parametrize(
    "section",
    [
        {**PUSHED, "credentials": {"username": "robot", "password": [CLEAR]}},
        {**PUSHED, "credentials": {"password": CLEAR}},
        {**PUSHED, "credentials": CLEAR},
        {**PUSHED, "credentials": {**CREDENTIALS, "pasword": CLEAR}},
        {**PUSHED, "credential": CREDENTIALS},
    ],
    ids=["a list", "a user is missing", "the password alone", "a key too many", "a misspelt key"],
)
def test_no_mistake_in_credentials_is_answered_with_them(section: dict[str, Json], secret: list[str]) -> None:
    with pytest.raises(pulumi.RunError, match=r"karmada-anp:images\.credential") as error:
        load(secret, images=section)
    assert CLEAR not in str(error.value)


def test_a_section_with_something_encrypted_is_not_shown_when_it_is_no_object() -> None:
    with pytest.raises(pulumi.RunError, match="karmada-anp:images: what it holds is not an object") as error:
        load(["images"], images=f"{{credentials: {{password: {CLEAR}}}}}")
    assert CLEAR not in str(error.value)


# published


def test_published_images_need_no_docker_engine(published: Run) -> None:
    """Its provider pings the engine even in a preview: nothing of it may be there, not even a provider."""
    assert [each.urn for each in published.resources.values() if "docker" in each.type] == []
    assert [name for name in commands(published) if name.endswith("-image")] == []
    assert images(published) == {"example.org/server:1", "example.org/agent:1"}


# pulling


def test_every_pod_pulls_with_the_secrets_that_are_named(pushed: Run) -> None:
    found = {name: items(pod, "spec", "imagePullSecrets") for name, pod in pods(pushed).items()}
    assert found.keys() == {"proxy-server", "member3-proxy-agent", "member4-proxy-agent"}
    assert list(found.values()) == [[{"name": "pull"}, {"name": "pull-more"}]] * 3


def test_without_pull_secrets_pods_pull_anonymously(guarded_stack: Run) -> None:
    assert [items(pod, "spec", "imagePullSecrets") for pod in pods(guarded_stack).values()] == [[]] * len(
        pods(guarded_stack)
    )


def test_the_image_of_both_guards_is_the_one_that_is_named(dev: Run) -> None:
    other = changed(images={"build": {}, "guard": "registry.example/haproxy:3.2"})
    for run, image in ((dev, "haproxy:3.2-alpine"), (other, "registry.example/haproxy:3.2")):
        server, agent = (containers(pods(run)[each]) for each in ("proxy-server", "member3-proxy-agent"))
        assert text(server["proxy-guard"], "image") == text(agent["member-guard"], "image") == image


def test_a_builds_image_is_of_this_machines_architecture_alone(dev: Run) -> None:
    for image in of_kind(dev, "Image").values():
        build = entries(image.inputs, "build")
        architecture = text(build, "platform").removeprefix("linux/")
        assert {text(build, "args", each) for each in ("ARCH", "BUILDARCH", "TARGETARCH")} == {architecture}
