"""Another release of ANP: agents that are one release older than the servers, taken to the same in waves, and back.

There is no second release whose proxy-server has all flags that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from clusters.programs import output_of
from components import anp
from config.image_settings import UPSTREAM, Build
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import SITE, member
from tests.stack.nodes import running_images
from tests.stack.refusals import succeeds
from tests.stack.traffic import karmada, traffic
from tools.checkout import UP, Checkout

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quiet")]

FORMER = "v0.35.0"
"""The release before the default one."""

ENOUGH = 100
"""Requests that are answered in each wave."""


def images() -> Mapping[str, Sequence[str]]:
    """What the members' agents run."""
    return {name: sorted(set(running_images(member(name), anp.AGENT))) for name in SITE.names}


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory, clusters: None) -> Iterator[str]:
    """The former release's proxy-agent, in the members' nodes."""
    if len(SITE.joined) < len(SITE.names):
        pytest.skip("waves need two members")
    sources = tmp_path_factory.mktemp("anp")
    image = f"localhost/karmada-anp/proxy-agent:{FORMER}-former"
    output_of(["git", "clone", "--quiet", "--depth=1", f"--branch={FORMER}", UPSTREAM, str(sources)], 300)
    engine = output_of(["docker", "version", "--format={{.Server.Arch}}"]).strip()
    given = {**Build.model_validate({}).args, "BUILDARCH": engine, "TARGETARCH": engine}
    arguments = [f"--build-arg={key}={value}" for key, value in given.items()]
    file = f"--file={sources / 'artifacts/images/agent-build.Dockerfile'}"
    output_of(["docker", "build", "--quiet", file, *arguments, f"--tag={image}", str(sources)], 600)
    for name in SITE.names:
        output_of(["kind", "load", "docker-image", image, "--name", name], 300)
    yield image
    output_of(["docker", "image", "rm", "--force", image])


def test_agents_in_waves_and_back(dev: Checkout, former: str, tmp_path: Path) -> None:
    first, second = SITE.names
    members, to = environment.settings_of(first, second), karmada(tmp_path)

    def goes_to(*held: str) -> str:
        """An `up` in which these members' agents are held at the former release; returns the stack's own."""
        pinned = {name: {**members[name], "image": former} for name in held}
        dev.configure(proxy={"exposure": "nodePort", "replicas": 2}, members={**members, **pinned})
        stack = dev.select()
        succeeds(dev.run(*UP))
        return stack.outputs()["images"].value["agent"]

    own = goes_to(first, second)
    assert own != former
    waves: Mapping[str, Sequence[str]] = {"a first wave": [second], "all": [], "back": [first, second]}
    seen = {"held": images()}
    answered: dict[str, int] = {}
    lost: list[str] = []
    for wave, held in waves.items():
        with traffic(to, [first, second]) as asked:
            goes_to(*held)
        seen[wave], answered[wave] = images(), asked.answered
        lost += asked.lost
    note(
        "Upgrades",
        tried=f"agents of ANP {FORMER} to {Build.model_validate({}).ref} in two waves, and back, two servers",
        expected="old and new ones work together, no request lost",
        seen=f"{sum(answered.values()):,} requests, {len(lost)} lost: {lost[:3]}",
    )
    assert seen == {
        "held": {first: [former], second: [former]},
        "a first wave": {first: [own], second: [former]},
        "all": {first: [own], second: [own]},
        "back": {first: [former], second: [former]},
    }
    assert min(answered.values()) > ENOUGH
    assert lost == []
