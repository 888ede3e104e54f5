"""A preview of a stack that is yet to be made: what only an `up` will know is left open, and spoils nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from clusters.objects import Json, at, entries
from tests.issuing import run
from tests.unit.stacks import BOTH, NODE_PORT, REGISTRY, configured
from tools.render.program import Run
from tools.render.recorded import UNKNOWN, Path, leaves

AS_TEXT = "Calling __str__ on an Output"
"""What pulumi makes of an Output that is written into a text."""

BOTH_PLATFORMS: Json = {"build": {"platforms": BOTH}, "push": True, "registry": REGISTRY}

STACKS: Mapping[str, tuple[str, Mapping[str, Json]]] = {
    "dev": ("dev", {}),
    "fork": ("fork", {}),
    "node port": ("dev", NODE_PORT),
    "load balancer": ("prod", {}),
    "both platforms": ("dev", {"images": BOTH_PLATFORMS}),
}
"""A stack of each exposure, the documented one, and one whose images are joined: a stack's file, and other sections."""


@cache
def ran(name: str, preview: bool) -> Run:
    stack, sections = STACKS[name]
    return run(stack, configured(stack, **sections), preview=preview)


@pytest.fixture(params=STACKS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def said(of: Run) -> Iterator[tuple[str, Path, Json]]:
    """Every scalar that a run hands over, exports too: whose it is, its path and itself."""
    for urn, properties in [
        (of.stack.urn, of.stack.outputs),
        *((each.urn, each.inputs) for each in of.resources.values()),
    ]:
        for path, value in leaves(properties):
            yield urn, path, value


def test_what_is_not_known_yet_is_written_into_no_text(name: str) -> None:
    for urn, path, value in said(ran(name, preview=True)):
        assert value == UNKNOWN or UNKNOWN not in str(value), (urn, path)
        assert AS_TEXT not in str(value), (urn, path)


def test_a_preview_shows_the_same_resources_as_the_up_and_of_them_only_what_will_be_so(name: str) -> None:
    preview, up = ran(name, preview=True), ran(name, preview=False)
    assert preview.resources.keys() == up.resources.keys()
    will_be = {(urn, path): value for urn, path, value in said(up)}
    for urn, path, value in said(preview):
        assert value in (UNKNOWN, will_be.get((urn, path))), (urn, path)


def test_what_providers_make_is_not_known_before_the_up() -> None:
    """Or these tests would try nothing."""
    preview = ran("load balancer", preview=True)
    assert entries(preview.the("PrivateKey", "agent-ca-1").outputs)["privateKeyPem"] == UNKNOWN
    assert entries(preview.the("Secret", "proxy-guard").inputs)["data"] == UNKNOWN
    assert at(preview.stack.outputs, "entry", "address") == UNKNOWN
    assert at(ran("node port", preview=True).stack.outputs, "entry", "port") == UNKNOWN
    assert at(ran("dev", preview=True).the("Command", "member3-image").inputs, "triggers") == [
        UNKNOWN,
        "the container of member3-control-plane",
    ]
