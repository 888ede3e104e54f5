"""One dev stack that stands while things are tried on it that must leave it as it is, and a watch that stays open."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pulumi import automation

from clusters.objects import Json
from components.anp import PROXY_PATH
from tests.stack.environment import KARMADA, with_every_member
from tests.stack.kubectl import kubectl
from tests.stack.standing.watching import EVENTS, MEMBER, Watch
from tests.stack.traffic import Karmada, karmada
from tools.checkout import Checkout


@pytest.fixture(scope="package")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away directory for the state."""
    return tmp_path_factory.mktemp("backend")


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory, backend: Path, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """A checkout with the dev stack, whose proxy-server logs each agent that connects."""
    for checkout in with_every_member(Checkout(tmp_path_factory.mktemp("dev"), backend, "dev")):
        checkout.configure(proxy={"logLevel": 2})
        yield checkout


@pytest.fixture(scope="package")
def up(dev: Checkout) -> automation.UpResult:
    """The stack that stands."""
    return dev.select().up(on_output=print)


@pytest.fixture(scope="package")
def to(up: automation.UpResult, tmp_path_factory: pytest.TempPathFactory) -> Karmada:
    """The Karmada API, for requests."""
    return karmada(tmp_path_factory.mktemp("karmada"))


@pytest.fixture(scope="package", autouse=True)
def watch(up: automation.UpResult) -> Iterator[Watch]:
    """Opened before the first test; the last one, in test_watch.py, reads from it."""
    command = kubectl(*KARMADA, "get", "--raw", PROXY_PATH.format(MEMBER) + EVENTS)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield Watch(process=process, opened=time.monotonic())
    process.kill()
    process.wait(10)
