"""Two members' nodes that come back with each other's address, as kind's do after a restart of the Docker engine.

An API server's certificate keeps the address that it was made for. The lab's nodes are told theirs when they are made:
each gets its former one beside the new one, on its loopback.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import text
from clusters.programs import output_of
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import SITE, member
from tests.stack.kubeconfigs import End, seen, write
from tests.stack.nodes import address_of, answers_itself, node_of, starts, stops
from tests.stack.refusals import succeeds
from tools.checkout import UP, Checkout

pytestmark = [pytest.mark.long, pytest.mark.alone]

BACK = 180.0
"""Seconds within which both answer again."""


def swap(one: str, other: str) -> None:
    """Starts their nodes again, each with the other's address."""
    addresses = {one: address_of(node_of(one)), other: address_of(node_of(other))}
    for name in addresses:
        stops(node_of(name))
        output_of(["docker", "network", "disconnect", "kind", node_of(name)])
    for name, new in ((one, addresses[other]), (other, addresses[one])):
        output_of(["docker", "network", "connect", f"--ip={new}", "kind", node_of(name)])
    for name in addresses:
        starts(node_of(name))


def keeps(name: str, address: str) -> None:
    """Gives a node the address that its programs were told, beside its own."""
    output_of(["docker", "exec", node_of(name), "ip", "address", "add", f"{address}/32", "dev", "lo"])


@pytest.fixture
def swapped(dev: Checkout) -> Iterator[tuple[str, str]]:
    """Two members of a stack that is up; in the end their nodes have the addresses that they had."""
    if SITE.registered not in SITE.joined:
        pytest.skip(f"there is no member {SITE.registered}")
    both = SITE.names
    were = {name: address_of(node_of(name)) for name in both}
    dev.select().up(on_output=print)
    try:
        swap(*both)
        for name, address in were.items():
            keeps(name, address)
        yield both
    finally:
        if address_of(node_of(both[0])) != were[both[0]]:
            swap(*both)
        dev.configure(members=environment.settings_of(*both))
        for name in both:
            retry(partial(_answers, name), BACK, 1)


def _answers(name: str) -> None:
    if not answers_itself(name):
        raise Unavailable(f"another than {name} answers")


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
    state = dev.select().export_stack().deployment
    wrong = dev.run(*UP)
    kept = dev.select().export_stack().deployment == state
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
    right = dev.run(*UP, "--expect-no-changes")
    said = [name for name in swapped if name in wrong.stdout + wrong.stderr]
    note(
        "Real parts",
        tried="two members' nodes come back with each other's address; `up` with the former kubeconfig, then theirs",
        expected="each answers itself; refused, state kept; no changes",
        seen=f"both answer; exit {wrong.returncode}, names {', '.join(said)}, state {'kept' if kept else 'changed'}; "
        f"exit {right.returncode}",
    )
    assert wrong.returncode != 0
    assert said == list(swapped)
    assert kept
    succeeds(right)
