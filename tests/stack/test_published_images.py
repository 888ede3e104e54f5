"""Images that are built here and pushed to a private registry, and then, elsewhere, pulled from it by digest."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi import automation

from clusters.objects import Json, at, text
from clusters.programs import output_of
from components import anp
from config.image_settings import Build
from tests.proof import note
from tests.stack import environment, registry
from tests.stack.base_images import ARCHITECTURES, architectures, push_base
from tests.stack.environment import HOST, NAMESPACE, member
from tests.stack.kubectl import apply, kubectl
from tests.stack.nodes import HOST_NODE, answers_itself, node_of, running_images
from tests.stack.registry import PASSWORD, USER, Registry
from tools.checkout import Checkout

PULL_SECRET = "proxy-images"
BASE = "karmada-anp-test-base:latest"
"""An empty base image with a label, so that these images are not those that other tests load into the same nodes:
containerd gets confused by one that is pulled as well as loaded."""

BASE_FILE = "FROM scratch\nLABEL karmada-anp.test=published\n"
NOWHERE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


@pytest.fixture(scope="module")
def private(clusters: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A private registry, and in each cluster a Secret with which pods may pull from it."""
    reason = registry.why_not()
    if reason:
        pytest.skip(f"no private registry: {reason}")
    nodes = [HOST_NODE, *(node_of(name) for name in environment.members())]
    with registry.running(tmp_path_factory.mktemp("registry"), nodes) as running:
        ends = [HOST, *(member(name) for name in environment.members())]
        for end in ends:
            make_pull_secret(end, running)
        yield running
        for end in ends:
            output_of(kubectl(*end, "delete", f"secret/{PULL_SECRET}", f"--namespace={NAMESPACE}"))


@pytest.fixture(scope="module")
def pushed(private: Registry, dev: Checkout) -> automation.UpResult:
    """A stack that builds and pushes."""
    subprocess.run(["docker", "build", "--quiet", f"--tag={BASE}", "-"], input=BASE_FILE, text=True, check=True)
    return pushing(dev, private, BASE).up(on_output=print)


def pushing(dev: Checkout, private: Registry, base: str, **build: Json) -> automation.Stack:
    """The stack whose images are built on a base image, and pushed to the registry."""
    described: dict[str, Json] = {
        "build": {**build, "args": {**Build.model_validate({}).args, "BASEIMAGE": base}},
        "push": True,
        "registry": f"{private.host}/karmada-anp",
        "pullSecrets": [PULL_SECRET],
    }
    dev.configure(images=described)
    stack = dev.select()
    for key, value, secret in (("username", USER, False), ("password", PASSWORD, True)):
        path = f"karmada-anp:images.credentials.{key}"
        stack.set_config(path, automation.ConfigValue(value=value, secret=secret), path=True)
    return stack


def make_pull_secret(end: tuple[str, str], of: Registry) -> None:
    """A Secret of a registry's credentials, as `kubectl create secret docker-registry` makes it."""
    config = json.dumps({"auths": {of.host: {"username": USER, "password": PASSWORD}}})
    made: Json = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": PULL_SECRET, "namespace": NAMESPACE},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config},
    }
    apply(kubectl(*end), made)


def test_a_built_image_is_pushed_and_pods_run_the_pushed_digest(pushed: automation.UpResult, private: Registry) -> None:
    for app, end in (("proxy-server", HOST), ("proxy-agent", member("member3"))):
        (image,) = running_images(end, app)
        assert re.fullmatch(rf"{re.escape(private.host)}/karmada-anp/{app}@sha256:[0-9a-f]{{64}}", image)
    assert "member3: reached through Karmada" in pushed.stdout


def test_the_registrys_password_is_in_no_output_and_not_plain_in_the_state(
    pushed: automation.UpResult, dev: Checkout, backend: Path
) -> None:
    assert PASSWORD not in pushed.stdout + pushed.stderr
    for file in [*backend.rglob("*"), dev.directory / "Pulumi.dev.yaml"]:
        if file.is_file():
            assert PASSWORD not in file.read_text(errors="replace"), file


def test_a_second_up_changes_nothing(pushed: automation.UpResult, dev: Checkout) -> None:
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


def test_published_images_need_no_docker_engine(pushed: automation.UpResult, dev: Checkout, tmp_path: Path) -> None:
    images = at(pushed.outputs["images"].value, "server"), at(pushed.outputs["images"].value, "agent")
    dev.select().destroy()
    elsewhere = Checkout(tmp_path / "checkout", tmp_path / "backend", "dev")
    elsewhere.environment |= NOWHERE
    host = {"kubeconfig": environment.HOST_CONFIG, "context": HOST[1]}
    elsewhere.configure(
        host=host,
        members=without_kind(*environment.members()),
        images={"server": images[0], "agent": images[1], "pullSecrets": [PULL_SECRET]},
        proxy={"exposure": "nodePort"},
    )
    stack = elsewhere.select()
    try:
        assert stack.preview().change_summary
        assert "member3: reached through Karmada" in stack.up(on_output=print).stdout
        assert running_images(HOST, "proxy-server") == [images[0]]
    finally:
        stack.destroy()


@pytest.mark.long
def test_members_that_karmada_alone_gets_at_pull_with_what_they_are_handed(
    pushed: automation.UpResult, dev: Checkout, tmp_path: Path
) -> None:
    """A kubeconfig with the host and the Karmada API alone, and of members nothing but their names."""
    images = at(pushed.outputs["images"].value, "server"), at(pushed.outputs["images"].value, "agent")
    dev.select().destroy()
    afar = Checkout(tmp_path / "checkout", tmp_path / "backend", "dev")
    afar.environment |= NOWHERE
    afar.configure(
        host={"kubeconfig": environment.HOST_CONFIG, "context": HOST[1]},
        memberDefaults={"access": "karmada"},
        members={name: {} for name in environment.members()},
        images={"server": images[0], "agent": images[1], "pullSecrets": [PULL_SECRET]},
        proxy={"exposure": "nodePort"},
    )
    stack, began = afar.select(), time.monotonic()
    try:
        up = stack.up(on_output=print)
        took = time.monotonic() - began
        reached = re.findall(r"(\S+: reached through Karmada: .*?) *$", up.stdout, re.MULTILINE)
        note(
            "Delivered",
            tried="up without a kubeconfig of any member, images from a private registry",
            expected="each member is reached",
            seen=f"{'; '.join(sorted(set(reached)))}; up took {took:.0f} s",
        )
        for name in environment.members():
            assert f"{name}: reached through Karmada" in up.stdout
            assert answers_itself(name)
            assert running_images(member(name), anp.DELIVERED_AGENT) == [images[1]]
    finally:
        stack.destroy()


@pytest.mark.long
def test_images_of_two_platforms_are_one_of_which_each_node_pulls_its_own(private: Registry, dev: Checkout) -> None:
    """One of them is of no node here, and compiled without its processor or an emulation."""
    stack = pushing(dev, private, push_base(private), platforms=[f"linux/{each}" for each in ARCHITECTURES])
    up = stack.up(on_output=print)
    images = [text(up.outputs["images"].value, part) for part in ("server", "agent")]
    found = [architectures(private, image) for image in images]
    note(
        "Built images",
        tried="images are built for linux/amd64 and linux/arm64, and pushed",
        expected="one manifest list each, which the pods name by its digest",
        seen="; ".join(f"{image}: {', '.join(of)}" for image, of in zip(images, found, strict=True)),
    )
    assert found == [[*ARCHITECTURES]] * 2
    assert running_images(HOST, "proxy-server") == images[:1]
    assert running_images(member("member3"), "proxy-agent")[0] == images[1]
    assert "member3: reached through Karmada" in up.stdout
    assert PASSWORD not in up.stdout + up.stderr
    assert set(stack.up().summary.resource_changes or {}) == {"same"}


def without_kind(*names: str) -> dict[str, Json]:
    """Members as they are where nobody asks Docker for their addresses."""
    return {
        name: {key: value for key, value in described.items() if key != "kind"}
        for name, described in environment.settings_of(*names).items()
    }
