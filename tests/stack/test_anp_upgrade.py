"""Another release of ANP: servers first, then agents in waves, and back; one release apart meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from clusters.objects import Json
from components import anp
from config.image_settings import Build
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, SITE, member
from tests.stack.nodes import running_images
from tests.stack.refusals import succeeds
from tests.stack.traffic import karmada, traffic
from tools.checkout import UP, Checkout

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

FORMER: Mapping[str, Json] = {"ref": "v0.35.0", "commit": "ecd8d5139a63f21bc16fe145f46ea10260ebb903"}
"""The release before the default one, which is NEWER."""

NEWER: Mapping[str, Json] = {}
TWO: Mapping[str, Json] = {"exposure": "nodePort", "nodePort": 30092, "replicas": 2}
ENOUGH = 100
"""Requests that are answered in each phase."""


def images() -> Mapping[str, Sequence[str]]:
    """What servers and agents run, by where: the host, each member."""
    ends = {"host": (HOST, anp.SERVER), **{name: (member(name), anp.AGENT) for name in SITE.names}}
    return {where: sorted(set(running_images(end, app))) for where, (end, app) in ends.items()}


def test_servers_then_agents_in_waves_and_back(dev: Checkout, tmp_path: Path) -> None:
    if len(SITE.joined) < len(SITE.names):
        pytest.skip("waves need two members")
    first, second = SITE.names
    members, to = environment.settings_of(first, second), karmada(tmp_path)

    def goes_to(build: Mapping[str, Json], **held: str) -> Mapping[str, str]:
        """An `up` in which these members' agents are held at an image; returns the stack's own images."""
        pinned = {name: {**members[name], "image": image} for name, image in held.items()}
        dev.configure(proxy=TWO, images={"build": build}, members={**members, **pinned})
        stack = dev.select()
        succeeds(dev.run(*UP))
        return stack.outputs()["images"].value

    newer, former = goes_to(NEWER), goes_to(FORMER)
    old, new = former["agent"], newer["agent"]
    phases: Mapping[str, tuple[Mapping[str, Json], Mapping[str, str]]] = {
        "servers": (NEWER, {first: old, second: old}),
        "a first wave": (NEWER, {second: old}),
        "all": (NEWER, {}),
        "servers back": (FORMER, {first: new, second: new}),
        "all back": (FORMER, {}),
    }
    seen = {"before": images()}
    answered: dict[str, int] = {}
    lost: list[str] = []
    for phase, (build, held) in phases.items():
        with traffic(to, [first, second]) as asked:
            goes_to(build, **held)
        seen[phase], answered[phase] = images(), asked.answered
        lost += asked.lost
    ref = Build.model_validate({}).ref
    note(
        "Upgrades",
        tried=f"ANP {FORMER['ref']} to {ref} and back, two servers: servers, then one member's agents, then all",
        expected="old and new ones work together, no request lost",
        seen=f"{sum(answered.values()):,} requests, {len(lost)} lost: {lost[:3]}",
    )
    assert old != new
    assert seen == {
        "before": {"host": [former["server"]], first: [old], second: [old]},
        "servers": {"host": [newer["server"]], first: [old], second: [old]},
        "a first wave": {"host": [newer["server"]], first: [new], second: [old]},
        "all": {"host": [newer["server"]], first: [new], second: [new]},
        "servers back": {"host": [former["server"]], first: [new], second: [new]},
        "all back": {"host": [former["server"]], first: [old], second: [old]},
    }
    assert min(answered.values()) > ENOUGH
    assert lost == []
