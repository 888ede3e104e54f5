"""Stacks off the host network, for members of their own where they are there, while other tests' stacks come and go.

Their images have a tag of their own: a stack's destroy takes its images from the engine, which both share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from clusters.objects import Json
from tests.stack.environment import HOST, NAMESPACE, Site, agent_specs, beside, namespace, ours_in, with_every_member
from tests.stack.refusals import local
from tests.turns import turn
from tools.checkout import Checkout


@pytest.fixture(scope="package")
def site(clusters: None, turns: Path) -> Iterator[Site]:
    """Where these tests are, with a namespace in the host cluster where it is not Karmada's own."""
    found = beside()
    own = nullcontext() if found.namespace == NAMESPACE else namespace(HOST, found.namespace)
    with turn(turns), own:
        yield found


@pytest.fixture(scope="package")
def before(site: Site) -> Mapping[str, Json]:
    """What karmada-agent's Deployments and the Cluster objects specified before any stack."""
    return agent_specs(site.joined)


@pytest.fixture(scope="package")
def built() -> Mapping[str, Json]:
    """Images that are built here."""
    return {"build": {"tag": "beside"}}


@pytest.fixture(scope="module")
def dev(
    tmp_path_factory: pytest.TempPathFactory,
    backend: Path,
    site: Site,
    built: Mapping[str, Json],
    before: Mapping[str, Json],
) -> Iterator[Checkout]:
    """A checkout with a stack like dev behind a node port.

    It has a name of its own: by that its Works are told from those of the stacks that it is beside.
    """
    assert ours_in(HOST, site.namespace) == []
    checkout = Checkout(tmp_path_factory.mktemp("beside"), backend, "beside", like="dev")
    host = local() | {"namespace": site.namespace}
    checkout.configure(host=host, proxy={"exposure": "nodePort"}, images=built)
    yield from with_every_member(checkout, site)
