"""Two members' nodes that come back with each other's address, as kind's do after a restart of the Docker engine.

An API server's certificate keeps the address that it was made for. The lab's nodes are told theirs when they are made:
each gets its former one beside the new one, on its loopback.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import items, text
from clusters.programs import output_of
from tests.proof import note
from tests.stack import environment, refusals
from tests.stack.environment import SITE, member
from tests.stack.kubeconfigs import End, seen, write
from tests.stack.nodes import address_of, answers_itself, node_of, starts, stops
from tests.stack.refusals import refused, succeeds
from tests.turns import turn
from tools.checkout import UP, Checkout

pytestmark = [pytest.mark.long, pytest.mark.alone]

NETWORK = "kind"
BACK = 180.0
"""Seconds within which both answer again."""


def put(addresses: Mapping[str, str]) -> None:
    """Starts members' nodes again, each at an address, whatever they are at."""
    for name in addresses:
        stops(node_of(name))
        with suppress(Unavailable):  # it may be disconnected already
            output_of(["docker", "network", "disconnect", NETWORK, node_of(name)])
    for name, address in addresses.items():
        output_of(["docker", "network", "connect", f"--ip={address}", NETWORK, node_of(name)])
    for name in addresses:
        starts(node_of(name))


def keeps(name: str, address: str) -> None:
    """Gives a node the address that its programs were told, beside its own."""
    output_of(["docker", "exec", node_of(name), "ip", "address", "add", f"{address}/32", "dev", "lo"])


@pytest.fixture
def swapped(dev: Checkout, turns: Path) -> Iterator[tuple[str, str]]:
    """Two members of a stack that is up; in the end their nodes have the addresses that they had."""
    one, other = SITE.names
    if len(SITE.joined) < len(SITE.names):
        pytest.skip("there are no two members")
    pools = output_of(["docker", "network", "inspect", "--format={{range .IPAM.Config}}{{.Subnet}} {{end}}", NETWORK])
    if "." not in pools:
        pytest.skip(f"the Docker network {NETWORK} has no IPv4 subnet of its own, in which addresses can be chosen")
    were = {name: address_of(node_of(name)) for name in (one, other)}
    with turn(turns), ExitStack() as undone:
        dev.select().up(on_output=print)
        # a destroy dials where the last `up` did
        undone.callback(lambda: succeeds(dev.run(*UP)))
        for name in were:
            undone.callback(retry, partial(_answers, name), BACK, 1)
        undone.callback(dev.configure, members=environment.settings_of(one, other))
        undone.callback(put, were)
        put({one: were[other], other: were[one]})
        for name, address in were.items():
            keeps(name, address)
        yield one, other


def _answers(name: str) -> None:
    if not answers_itself(name):
        raise Unavailable(f"another than {name} answers")


def resources(of: Checkout) -> dict[str, str]:
    """A stack's resources by URN, each as JSON. Each run encrypts secrets anew: their ciphertexts are left out."""
    found = items(of.select().export_stack().deployment, "resources")
    return {text(each, "urn"): re.sub(r'"ciphertext": "[^"]*"', "", json.dumps(each, sort_keys=True)) for each in found}


def moved(name: str, to: str) -> End:
    """A member's cluster and user at another address; its certificate is for the former one."""
    cluster, user = seen(member(name))
    server = urlsplit(text(cluster, "server"))
    return {
        **cluster,
        "server": server._replace(netloc=f"{to}:{server.port}").geturl(),
        "tls-server-name": server.hostname or "",
    }, user


def test_each_answers_itself_and_up_takes_neither_for_the_other(
    dev: Checkout, swapped: tuple[str, str], tmp_path: Path
) -> None:
    for name in swapped:
        retry(partial(_answers, name), BACK, 1)
    state = resources(dev)
    wrong = dev.run(*UP)
    after = resources(dev)
    changed = sorted(urn for urn in state.keys() | after.keys() if state.get(urn) != after.get(urn))
    kubeconfig = tmp_path / "members.config"
    write(kubeconfig, {name: moved(name, address_of(node_of(name))) for name in swapped})
    settings = environment.settings_of(*swapped)
    dev.configure(
        members={
            name: {
                **settings[name],
                "kubeconfig": str(kubeconfig),
                "apiEndpoint": text(seen(member(name))[0], "server"),
            }
            for name in swapped
        }
    )
    right = dev.run(*UP)
    said = refusals.said(wrong)
    note(
        "Real parts",
        tried="two members' nodes come back with each other's address; `up` with the former kubeconfig, then theirs",
        expected="each answers itself; refused, state kept; reached",
        seen=f"both answer; {said}, state {f'changed: {changed}' if changed else 'kept'}; exit {right.returncode}",
    )
    refused(wrong)
    assert [name for name in swapped if any(f"members.{name}" in each for each in said)] == list(swapped)
    assert [(state.get(urn), after.get(urn)) for urn in changed] == []
    succeeds(right)
    assert [name for name in swapped if f"{name}: reached through Karmada" in right.stdout] == list(swapped)
    assert [name for name in swapped if not answers_itself(name)] == []
