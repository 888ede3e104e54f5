"""What the documents say to type is typed, as it stands there, in a checkout of its own.

tests/documents.py has the order. A block that fails is what a reader would meet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clusters.objects import Json, items
from tests import documents
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, member
from tests.stack.refusals import succeeds
from tools.checkout import UP, Checkout

AS_A_READER = {"PULUMI_SKIP_CONFIRMATIONS": "true"}
"""Who types answers `yes` where `pulumi up` asks."""


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, backend: Path, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """The dev stack as its file has it, selected and not up."""
    yield from selected(Checkout(tmp_path_factory.mktemp("documents"), backend, "dev"))


@pytest.fixture
def forked(tmp_path: Path, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """The fork stack, up."""
    for checkout in selected(Checkout(tmp_path / "fork", tmp_path / "backend", "fork")):
        succeeds(checkout.run(*UP))
        yield checkout


def selected(checkout: Checkout) -> Iterator[Checkout]:
    """A checkout in which `pulumi` is typed without naming the stack; nothing is left of it in the end."""
    checkout.select()
    yield checkout
    checkout.select().destroy()


@pytest.mark.parametrize("block", documents.RUN)
def test_what_a_document_says_is_typed_as_it_stands_there(stack: Checkout, backend: Path, block: str) -> None:
    if "member4" in documents.blocks()[block] and environment.REGISTERED not in environment.members():
        pytest.skip("there is no member4")
    if block in documents.WITHOUT_STATE:
        shutil.rmtree(backend / ".pulumi")
    typed(stack, documents.blocks()[block])
    if block in documents.WITHOUT_STATE:
        still_changes(stack, level=1 + documents.WITHOUT_STATE.index(block))


def test_nothing_is_left_in_the_end(stack: Checkout, before: Mapping[str, Json]) -> None:
    assert items(stack.select().export_stack().deployment, "resources") == []
    for end in (HOST, KARMADA, *(member(name) for name in environment.members())):
        assert environment.ours_in(end) == []
    assert environment.agent_specs() == before


@pytest.mark.parametrize("block", documents.ON_FORK)
def test_what_a_document_says_of_the_fork_stack_is_typed_on_one(forked: Checkout, block: str) -> None:
    typed(forked, documents.blocks()[block])
    succeeds(forked.run("preview", "--expect-no-changes"))


def still_changes(checkout: Checkout, level: int) -> None:
    """The Deployments do, in fields that are the same in the state before: nothing is owned by that one's resources."""
    for key in ("proxy", "memberDefaults"):
        succeeds(checkout.run("config", "set", "--path", f"karmada-anp:{key}.logLevel", str(level)))
    done = checkout.run(*UP)
    succeeds(done)
    assert "Deployment proxy-server updated" in done.stdout


def typed(checkout: Checkout, block: str) -> None:
    """Runs a block as typed in a checkout, and stops at the first command that fails.

    Where the documents have STACK=prod, it is the checkout's stack.
    """
    done = subprocess.run(
        ["bash", "-e", "-O", "expand_aliases", "-c", block.replace("STACK=prod", f"STACK={checkout.stack}")],
        cwd=checkout.directory,
        env=os.environ | checkout.environment | AS_A_READER,
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    print(done.stdout)
    succeeds(done)
