"""Where the documented manual steps were done: preflight says so, and one `up` takes their place under traffic.

The steps are tools/bench/by_hand.sh, for member3, with the fork's images.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import sleep

import pytest
from pulumi import automation

from clusters.objects import Json
from clusters.programs import output_of
from clusters.workstation import processor
from config.image_settings import Build
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import answer
from tests.stack.refusals import gives_back, holds, refused, said, succeeds
from tests.stack.traffic import Traffic, karmada, traffic
from tools.bench import by_hand
from tools.checkout import UP, Checkout
from tools.render.stackfile import config_of

pytestmark = pytest.mark.long

MEMBER = "member3"

LONGEST_GAP = 15.0
"""Seconds without an answer that taking over may cost: a pod's restart on the host network. Seen: 2.1."""

ADOPT = "pulumi config set --path 'karmada-anp:proxy.adopt' true"


def build(directory: Path) -> None:
    """Steps 1 and 2: the fork's sources and its two images, as the fork's stack file names them."""
    images = config_of("fork")["karmada-anp:images"]
    assert isinstance(images, Mapping)
    of = Build.model_validate(images["build"])
    named = {"REPOSITORY": of.repository, "REF": of.ref, "COMMIT": of.commit, "DIRECTORY": str(directory / "anp")}
    subprocess.run(["sh", "checks/commands/checkout.sh"], env=os.environ | named, check=True, capture_output=True)
    for image in by_hand.FORK_IMAGES:
        part = image.rpartition("proxy-")[2].partition(":")[0]
        file = directory / "anp" / "artifacts" / "images" / f"{part}-build.Dockerfile"
        options = [f"--build-arg=ARCH={processor()}", f"--file={file}", f"--tag={image}"]
        output_of(["docker", "build", *options, str(directory / "anp")], 600)


@pytest.fixture(scope="module", autouse=True)
def documented(before: Mapping[str, Json], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The six steps, done; undone in the end where no stack took their place."""
    build(tmp_path_factory.mktemp("fork"))
    output_of(by_hand.UP, 120)
    yield
    if environment.agent_specs() != before:
        output_of(by_hand.DOWN, 120)


@pytest.fixture(scope="module")
def adopting(dev: Checkout, documented: None) -> Checkout:
    """The dev stack with the key."""
    dev.configure(proxy={"adopt": True})
    dev.select()
    return dev


@pytest.fixture(scope="module")
def seen() -> Traffic:
    return Traffic()


@pytest.fixture(scope="module")
def up(adopting: Checkout, seen: Traffic, tmp_path_factory: pytest.TempPathFactory) -> automation.UpResult:
    """An `up` that takes their place while requests go to the member."""
    with traffic(karmada(tmp_path_factory.mktemp("karmada")), [MEMBER], pause=0.05, every=0.05) as asked:
        sleep(2)
        result = adopting.select().up(on_output=print)
        sleep(2)
    seen.since, seen.requests = asked.since, asked.requests
    return result


def test_without_the_key_what_was_found_is_named_and_nothing_is_changed(documented: None, dev: Checkout) -> None:
    dev.configure(proxy={})
    dev.select()
    was = holds()
    done = dev.run(*UP)
    refused(done)
    print(done.stdout)
    problems = "\n".join(said(done))
    assert 'Deployment "proxy-server", Secret "proxy-server-cert"' in problems
    assert 'Deployment "proxy-agent", Secret "proxy-agent-cert"' in problems
    assert 'the container "karmada-agent" has args of kubectl-patch' in problems
    assert done.stdout.count(ADOPT) == 3, done.stdout
    assert holds() == was
    assert answer(MEMBER, "/readyz") == "ok"


def test_a_preview_with_the_key_changes_nothing(adopting: Checkout) -> None:
    was = holds()
    succeeds(adopting.run("preview"))
    assert holds() == was
    assert answer(MEMBER, "/readyz") == "ok"


def test_with_the_key_one_up_takes_their_place_and_every_member_is_reached(up: automation.UpResult) -> None:
    for name in environment.members():
        assert f"{name}: reached through Karmada" in up.stdout


def test_requests_meanwhile_miss_an_answer_for_no_longer_than_a_pods_restart_takes(
    up: automation.UpResult, seen: Traffic
) -> None:
    print(f"the manual steps taken over: {seen}\nno answer for {seen.longest_gap:.1f} s")
    note(
        "Adoption",
        tried="a stack takes the place of the documented manual steps",
        expected=f"no answer for less than {LONGEST_GAP:.0f} s",
        seen=f"{seen.summary}, no answer for {seen.longest_gap:.1f} s",
    )
    assert seen.answered > 100
    assert seen.longest_gap < LONGEST_GAP


def test_the_next_up_takes_the_permission_back_and_the_one_after_it_changes_nothing(
    up: automation.UpResult, adopting: Checkout
) -> None:
    """What is there is the stack's own now, with the key or without: only providers and what prepared them change."""
    assert set(adopting.select().up().summary.resource_changes or {}) == {"same", "update", "delete"}
    assert set(adopting.select().up().summary.resource_changes or {}) == {"same"}
    adopting.configure(proxy={})
    assert set(adopting.select().up().summary.resource_changes or {}) == {"same"}


def test_destroy_takes_away_what_was_taken_over_and_the_flags_too(
    up: automation.UpResult, adopting: Checkout, before: Mapping[str, Json]
) -> None:
    gives_back(adopting, before)
