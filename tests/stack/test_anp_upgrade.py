"""Another release of ANP: servers first, then agents in waves, and back; one release apart meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from clusters.objects import Json, items, text
from components import anp
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, member
from tests.stack.nodes import pods
from tests.stack.refusals import succeeds
from tests.stack.traffic import karmada, traffic
from tools.checkout import UP, Checkout

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

FORMER: Mapping[str, Json] = {"ref": "v0.35.0", "commit": "ecd8d5139a63f21bc16fe145f46ea10260ebb903"}
"""The release before the default one."""


def images() -> Mapping[str, Sequence[str]]:
    """What servers and agents run, by where: the host, each member."""
    ends = {"host": (HOST, anp.SERVER), **{name: (member(name), anp.AGENT) for name in environment.members()}}
    return {where: sorted({image(pod, app) for pod in pods(end, app)}) for where, (end, app) in ends.items()}


def image(pod: Json, container: str) -> str:
    (found,) = [each for each in items(pod, "spec", "containers") if text(each, "name") == container]
    return text(found, "image")


def test_servers_then_agents_in_waves_and_back(dev: Checkout, tmp_path: Path) -> None:
    plain, *others = environment.members()
    two: Mapping[str, Json] = {"exposure": "nodePort", "nodePort": 30092, "replicas": 2}
    members = environment.settings_of(plain, *others)

    def goes_to(build: Mapping[str, Json], all_agents: str = "", first_agents: str = "") -> Mapping[str, str]:
        """One `up`; returns the stack's own images."""
        first: Mapping[str, Json] = {plain: {**members[plain], **({"image": first_agents} if first_agents else {})}}
        dev.configure(
            proxy=two,
            images={"build": build},
            memberDefaults={"image": all_agents} if all_agents else {},
            members={**members, **first},
        )
        succeeds(dev.run(*UP))
        return dev.select().outputs()["images"].value

    former = goes_to(FORMER)
    seen = {"before": images()}
    with traffic(karmada(tmp_path), [plain, *others]) as asked:
        newer = goes_to({}, former["agent"])
        seen["servers first"] = images()
        goes_to({}, former["agent"], newer["agent"])
        seen["a first wave"] = images()
        goes_to({})
        seen["all"] = images()
        goes_to(FORMER, newer["agent"])
        seen["servers back"] = images()
        goes_to(FORMER)
        seen["all back"] = images()
    note(
        "Upgrades",
        tried="ANP v0.35.0 to v0.36.0 and back, two servers: servers, then one member's agents, then all",
        expected="old and new ones work together, no request lost",
        seen=asked.summary,
    )
    old, new = former["agent"], newer["agent"]
    assert old != new
    last = {name: [new] for name in others}
    still = {name: [old] for name in others}
    assert seen == {
        "before": {"host": [former["server"]], plain: [old], **still},
        "servers first": {"host": [newer["server"]], plain: [old], **still},
        "a first wave": {"host": [newer["server"]], plain: [new], **still},
        "all": {"host": [newer["server"]], plain: [new], **last},
        "servers back": {"host": [former["server"]], plain: [new], **last},
        "all back": {"host": [former["server"]], plain: [old], **still},
    }
    assert asked.lost == []
