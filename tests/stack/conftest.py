"""The stack tier: the real engine, on the clusters that the dev stack names; skipped, with the reason, without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pulumi import automation

from clusters.objects import Json
from tests.stack import environment
from tests.turns import turn
from tools.checkout import Checkout


@pytest.fixture(scope="session", autouse=True)
def clusters() -> None:
    """Skips the tier where it cannot run; refuses clusters on which a stack is up."""
    reason = environment.why_not()
    if reason:
        pytest.skip(f"stack tier: {reason}")
    left = environment.ours_in(environment.HOST)
    if left:
        pytest.fail(f"a stack is up on these clusters ({', '.join(left)}): take it down first (make down)")


@pytest.fixture(scope="session")
def before(clusters: None) -> Mapping[str, Json]:
    """What karmada-agent's Deployments and the Cluster objects specified before any stack."""
    return environment.agent_specs()


@pytest.fixture
def quiet(turns: Path) -> Iterator[None]:
    """Load and those that count lost requests take turns: what they count is to be the tunnel's, not the machine's."""
    with turn(turns.with_name("quiet")):
        yield


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away directory for the state."""
    return tmp_path_factory.mktemp("backend")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, backend: Path, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """A checkout with the dev stack."""
    yield from environment.with_every_member(Checkout(tmp_path_factory.mktemp("dev"), backend, "dev"))


@pytest.fixture(scope="module")
def up(dev: Checkout) -> automation.UpResult:
    """A fresh up of the dev stack, from a checkout that never had ANP's sources. Other modules override it."""
    return dev.select().up(on_output=print)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory, backend: Path, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """A checkout with the fork stack."""
    yield from environment.with_every_member(Checkout(tmp_path_factory.mktemp("fork"), backend, "fork"))
