"""A built image that has gone from the engine when a kind node needs it: what is said, and what builds it again.

No node is new: the stack is made to believe it. Nothing is removed but this module's own images.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping

import pytest

from checks.commands.kind_load import is_in_engine
from clusters.objects import Json, entries
from clusters.programs import output_of
from clusters.workstation import processor
from config.image_settings import Build
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import answer
from tests.stack.refusals import refused, succeeds
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long

MEMBER = "member3"
LOAD = f"{MEMBER}-image"
"""The Command that loads proxy-agent's image into the member's node."""

BASE, BASE_FILE = "karmada-anp-test-base:gone", "FROM scratch\nLABEL karmada-anp.test=gone\n"
"""An empty base image with a label: images that are built on it are no other test's under another name."""


@pytest.fixture(scope="module")
def built(dev: Checkout, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """The dev stack for one member, up, with images of its own. In the end the engine has none of them."""
    subprocess.run(["docker", "build", "--quiet", f"--tag={BASE}", "-"], input=BASE_FILE, text=True, check=True)
    arguments: Json = {**Build.model_validate({}).args, "BASEIMAGE": BASE}
    images: Json = {"build": {"args": arguments}, "registry": "localhost/karmada-anp-gone"}
    dev.configure(members=environment.settings_of(MEMBER), images=images)
    dev.select()
    succeeds(dev.run(*UP))
    yield dev
    remove(*images_of(dev).values(), BASE)


def images_of(checkout: Checkout) -> Mapping[str, str]:
    """The tags of the stack's images, by part."""
    outputs = checkout.select().outputs()
    return {part: str(image) for part, image in entries(outputs["images"].value).items()}


def remove(*images: str) -> None:
    """Takes images from the engine, by their tags, those of them that it has."""
    for image in images:
        if is_in_engine(image):
            output_of(["docker", "image", "rm", image], 60)


def make_new(checkout: Checkout) -> None:
    """Lets the stack take the member's node for a new one: as its state has it, the image is in another."""
    stack = checkout.select()
    state = stack.export_stack()
    assert state.deployment
    (load,) = [each for each in state.deployment["resources"] if each["urn"].endswith(f"::{LOAD}")]
    for properties in (load["inputs"], load["outputs"]):
        properties["triggers"][1] = "a node that has gone"
    stack.import_stack(state)


def test_an_image_that_has_gone_is_built_again_by_the_command_that_is_printed(built: Checkout) -> None:
    images = images_of(built)
    assert {image.rpartition("-")[2] for image in images.values()} == {processor()}
    make_new(built)
    remove(*images.values())
    assert not any(map(is_in_engine, images.values()))

    done = built.run(*UP)
    said = [line.strip() for line in done.stdout.splitlines() if images["agent"] in line or "build it again" in line]
    again = re.search(r"build it again: (pulumi .*)$", "\n".join(said), re.MULTILINE)
    begins = time.monotonic()
    typed = built.run(*shlex.split(again[1])[1:], "--yes", "--skip-preview") if again else done
    note(
        "Built images",
        tried="`up`, to which a kind node is new, after its image has gone from the engine",
        expected="said with the command that builds it again; then it is loaded, and nothing is left to do",
        seen=f"{' / '.join(dict.fromkeys(said))}; that ended with {typed.returncode} after "
        f"{time.monotonic() - begins:.0f} s",
    )
    refused(done)
    about = f"karmada-anp:images.build: {images['agent']}, for kind cluster {MEMBER}, "
    assert f"{about}is not in this machine's Docker engine" in done.stdout, done.stdout
    assert again, done.stdout
    succeeds(typed)
    # the host's node has had its own all the time
    assert [is_in_engine(images[part]) for part in ("agent", "server")] == [True, False]
    assert set(built.select().up().summary.resource_changes or {}) == {"same"}
    assert answer(MEMBER, "/readyz") == "ok"


def test_what_is_in_the_engine_is_loaded_into_a_new_node_without_a_word(built: Checkout) -> None:
    """That is no other build, so that no pod is another."""
    make_new(built)
    done = built.run(*UP)
    succeeds(done)
    assert "build it again" not in done.stdout
    assert set(built.select().up().summary.resource_changes or {}) == {"same"}
