"""Runs of the whole program for the unit tier, without an engine; each is made once a session."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pulumi
import pytest

from clusters.objects import Json
from config.settings import Settings
from tests.unit import stacks
from tests.unit.fake_api_server import ApiServer, serving
from tests.unit.fake_clusters import OURS, Clusters, state
from tests.unit.machines import load
from tests.unit.stacks import MEMBER3, MEMBER4, NODE_PORT, balanced, changed
from tools.render.program import Run


@pytest.fixture(scope="session")
def dev() -> Run:
    """The dev stack: one member, guarded, built from source."""
    return stacks.stack("dev")


@pytest.fixture(scope="session")
def fork() -> Run:
    """The fork stack: the documented six steps."""
    return stacks.stack("fork")


@pytest.fixture(scope="session")
def pair() -> Run:
    """The dev stack with two members; member4 is registered, and no kind cluster."""
    return stacks.pair()


@pytest.fixture(scope="session")
def reversed_pair(pair: Run) -> Run:
    """The next `up` of `pair`, with its members the other way round."""
    return changed(pair.resources.values(), members={"member4": MEMBER4, "member3": MEMBER3})


@pytest.fixture(scope="session")
def paused_pair(pair: Run) -> Run:
    """The next `up` of `pair`, with member4 paused."""
    return changed(pair.resources.values(), members={"member3": MEMBER3, "member4": {**MEMBER4, "paused": True}})


@pytest.fixture(scope="session")
def second_credential(dev: Run) -> Run:
    """The next `up` of `dev`, with another credential."""
    return changed(dev.resources.values(), proxy={"credential": 2})


@pytest.fixture(scope="session")
def published(dev: Run) -> Run:
    """The next `up` of `dev`, with published images and protected CA keys."""
    return changed(
        dev.resources.values(),
        images={"server": "example.org/server:1", "agent": "example.org/agent:1"},
        certificates={"protectCaKeys": True},
    )


@pytest.fixture(scope="session")
def pushed() -> Run:
    """The dev stack with images that are built here and pushed to a registry that asks for a password."""
    return stacks.pushed()


@pytest.fixture(scope="session")
def both_platforms() -> Run:
    """The same, built for two platforms."""
    return stacks.both_platforms()


@pytest.fixture(scope="session")
def node_port() -> Run:
    """The pair on a host that is no kind cluster, where agents dial a port of its nodes."""
    return changed((), **NODE_PORT)


@pytest.fixture(scope="session")
def load_balancer() -> Run:
    """The pair with two proxy-servers behind a load balancer."""
    return balanced()


@pytest.fixture(scope="session")
def prod() -> Run:
    """The prod stack: the example for real clusters."""
    return stacks.stack("prod")


@pytest.fixture(scope="session", params=["node_port", "load_balancer", "prod"])
def off_the_host_network(request: pytest.FixtureRequest) -> Run:
    """Each of the stacks whose agents come by a Service."""
    run: Run = request.getfixturevalue(request.param)
    return run


@pytest.fixture(scope="session", params=["dev", "pair", "node_port", "load_balancer", "prod"])
def guarded_stack(request: pytest.FixtureRequest) -> Run:
    """Each of the stacks with a guard that differ in their pods."""
    run: Run = request.getfixturevalue(request.param)
    return run


@pytest.fixture(
    scope="session",
    params=["dev", "fork", "pair", "second_credential", "pushed", "both_platforms", "node_port", "load_balancer"],
)
def any_stack(request: pytest.FixtureRequest) -> Run:
    """Each of the stacks that differ in their resources."""
    run: Run = request.getfixturevalue(request.param)
    return run


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> Clusters:
    """Clusters that are as they should be, in the place of those that would be asked, and a Docker engine."""
    fake = Clusters()
    monkeypatch.setattr("checks.preflight.OfficialClient", lambda: fake)
    monkeypatch.setattr("checks.preflight.docker_engine.output_of", fake.docker)
    monkeypatch.setattr("checks.preflight.field_manager", lambda: OURS)
    monkeypatch.setattr("pulumi.get_stack", lambda: "dev")
    monkeypatch.setattr("checks.preflight.away.exported_state", both_up)
    return fake


def both_up(*_: str) -> Json:
    """The state of a stack that is up, with both members."""
    return state(*((name, {"certificateEnds": "2027"}) for name in ("member3", "member4")))


@pytest.fixture
def settings() -> Settings:
    """A stack with one member, whose images are built."""
    return load()


@pytest.fixture
def api(tmp_path: Path) -> Generator[ApiServer]:
    """An API that has nothing yet."""
    with serving(tmp_path) as api:
        yield api


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the program warns of."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said
