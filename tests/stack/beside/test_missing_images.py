"""Images that do not exist, which only shows on the clusters: what is said, and that a corrected `up` goes on from what
they leave."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from clusters.objects import Json
from tests.stack import environment
from tests.stack.environment import HOST, Site
from tests.stack.refusals import goes_on, refused, tell
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long


def test_images_that_do_not_exist_are_said_and_a_corrected_up_goes_on(
    dev: Checkout, site: Site, built: Mapping[str, Json], before: Mapping[str, Json]
) -> None:
    dev.configure(
        members=environment.settings_of(site.plain),
        images={each: f"localhost/karmada-anp/proxy-{each}:no-such-tag" for each in ("server", "agent")},
        memberDefaults={"rolloutMinutes": 2},
        proxy={"exposure": "nodePort", "rolloutMinutes": 2},
    )
    dev.select()
    begins = time.monotonic()
    done = dev.run(*UP)
    tell("images whose tag does not exist", "said with each image, and a corrected up goes on", done, begins)
    refused(done)
    assert "localhost/karmada-anp/proxy-agent:no-such-tag" in done.stdout, done.stdout
    assert "localhost/karmada-anp/proxy-server:no-such-tag" in done.stdout, done.stdout

    dev.configure(images=built)
    goes_on(dev, site.plain)
    dev.select().destroy()
    assert environment.agent_specs(site.joined) == before
    assert environment.ours_in(HOST, site.namespace) == []
