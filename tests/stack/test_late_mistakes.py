"""A wrong environment that only shows on the clusters, on the host's node: what is said, and that a corrected `up` goes
on from what it leaves."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

import pytest

from clusters.objects import Json
from clusters.programs import output_of
from tests.stack import environment
from tests.stack.nodes import HOST_NODE
from tests.stack.refusals import gives_back, goes_on, local, refused, tell
from tools.checkout import UP, Checkout

pytestmark = pytest.mark.long


@pytest.fixture
def down(dev: Checkout, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """The dev stack for one member, not up yet. In the end there is nothing of it."""
    minutes: Json = {"rolloutMinutes": 2}
    dev.configure(host=local(), members=environment.settings_of("member3"), proxy=minutes, memberDefaults=minutes)
    dev.select()
    yield dev
    gives_back(dev, before)


def test_a_port_that_is_taken_on_the_host_network_is_said_and_the_next_up_goes_on(down: Checkout) -> None:
    with listening_on_the_hosts_node(8088):
        begins = time.monotonic()
        done = down.run(*UP)
    tell("port 8088 is taken on the host's node", "said with the port, and the next up goes on", done, begins)
    refused(done)
    assert "cannot bind socket (Address already in use) for [0.0.0.0:8088]" in done.stdout, done.stdout
    goes_on(down, "member3")


@contextmanager
def listening_on_the_hosts_node(port: int) -> Generator[None]:
    """Something else on a port of the host network."""
    pid = output_of(["docker", "inspect", "--format={{.State.Pid}}", HOST_NODE]).strip()
    listen = f"import socket, time; s = socket.create_server(('', {port})); print('up', flush=True); time.sleep(900)"
    process = subprocess.Popen(
        ["nsenter", f"--target={pid}", "--net", sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield
    finally:
        process.terminate()
        process.wait(10)
