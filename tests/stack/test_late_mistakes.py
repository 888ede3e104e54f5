"""Wrong configurations and environments that only show on the clusters: what is said, and that a corrected `up` goes on
from what they leave."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from answers import Json
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, PROXY_PATH
from tests.stack.refusals import holds, local, refused, said
from tools.checkout import Checkout
from workstation import Unavailable, ask, kubectl

pytestmark = pytest.mark.long

PART = "Mistakes"
ELSEWHERE = "karmada-anp-elsewhere"
TELLS = "already exists|has the tunnel|cannot bind|not reached through|Back-off pulling"
"""How the lines of diagnostics that tell why are recognised, for the table alone."""


def corrected(dev: Checkout) -> None:
    """What `up` makes of the right config, whatever there was before."""
    dev.select()
    dev.configure(host=local(), members=[environment.settings_of("member3")], images={"build": {}}, proxy={})
    done = dev.run("up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "member3: reached through Karmada" in done.stdout
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


@pytest.fixture(scope="module")
def first(dev: Checkout, before: Mapping[str, Json]) -> Iterator[Checkout]:
    """The dev stack, up for one member. In the end there is nothing of it, nor of any other."""
    corrected(dev)
    yield dev
    dev.select().destroy()
    assert environment.agent_specs() == before
    assert environment.ours_in(HOST) == []


def test_a_member_that_another_stack_tunnels_to_is_refused_and_nothing_changes(first: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", "second", like=first.stack)
    with namespace(HOST, ELSEWHERE):
        elsewhere = local() | {"namespace": ELSEWHERE}
        second.configure(host=elsewhere, members=[environment.settings_of("member3")], proxy={"exposure": "nodePort"})
        second.select()
        was, begins = holds(), time.monotonic()
        done = second.run("up", "--yes", "--skip-preview")
        tell("a member that another stack tunnels to", "refused, naming members[0].name and that stack", done, begins)
        refused(done)
        assert said(done) == ['karmada-anp:members[0].name: "member3" has the tunnel of the stack "dev" already']
        assert holds() == was
        assert environment.ours_in(HOST, ELSEWHERE) == []


def test_a_second_stack_of_the_same_name_on_the_same_namespaces_is_refused_and_the_first_one_goes_on(
    first: Checkout, tmp_path: Path
) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", first.stack)
    second.configure(host=local(), members=[environment.settings_of("member3")])
    second.select()
    was, begins = holds(), time.monotonic()
    done = second.run("up", "--yes", "--skip-preview")
    tell("a second stack on the same namespaces, of the same name on another backend", "already exists", done, begins)
    refused(done)
    assert re.search(r"proxy-(server|agent)\S*\" already exists", done.stdout), done.stdout
    assert reached()
    second.select().destroy()
    assert reached()
    assert holds() == was
    # no refresh: with the second stack its images went from this machine's engine, which both share
    assert set(first.select().up().summary.resource_changes or {}) == {"same"}


def test_a_port_that_is_taken_on_the_host_network_is_said_and_the_next_up_goes_on(first: Checkout) -> None:
    first.select().destroy()
    with listening_on_the_hosts_node(8088):
        begins = time.monotonic()
        done = first.run("up", "--yes", "--skip-preview")
    tell("port 8088 is taken on the host's node", "said with the port, and the next up goes on", done, begins)
    refused(done)
    assert "cannot bind socket (Address already in use) for [0.0.0.0:8088]" in done.stdout, done.stdout
    corrected(first)


def test_images_that_do_not_exist_are_said_and_a_corrected_up_goes_on(first: Checkout) -> None:
    first.select().destroy()
    images: dict[str, Json] = {each: f"localhost/karmada-anp/proxy-{each}:no-such-tag" for each in ("server", "agent")}
    first.configure(images=images)
    begins = time.monotonic()
    done = first.run("up", "--yes", "--skip-preview")
    tell("images whose tag does not exist", "said with each image, and a corrected up goes on", done, begins)
    refused(done)
    assert "localhost/karmada-anp/proxy-agent:no-such-tag" in done.stdout, done.stdout
    assert "localhost/karmada-anp/proxy-server:no-such-tag" in done.stdout, done.stdout
    corrected(first)


def reached() -> bool:
    """Whether member3 answers through Karmada."""
    try:
        return ask(kubectl(*KARMADA, "get", "--raw", PROXY_PATH.format("member3") + "/readyz")) == "ok"
    except Unavailable:
        return False


def tell(tried: str, expected: str, done: subprocess.CompletedProcess[str], begins: float) -> None:
    """Notes what a run said, shortly: its diagnostics, without the lines that tell of its progress."""
    diagnostics = done.stdout.partition("Diagnostics:")[2].partition("\nOutputs:")[0].partition("\nResources:")[0]
    why = [line.strip() for line in diagnostics.splitlines() if re.search(TELLS, line)]
    seen = f"exit {done.returncode} after {time.monotonic() - begins:.0f} s: {' / '.join(dict.fromkeys(why))[:400]}"
    note(PART, tried=f"up: {tried}", expected=expected, seen=seen)
    print(done.stdout)


@contextmanager
def namespace(end: tuple[str, str], name: str) -> Generator[None]:
    """A namespace, gone in the end."""
    ask(kubectl(*end, "create", "namespace", name))
    try:
        yield
    finally:
        ask(kubectl(*end, "delete", f"namespace/{name}"), 60)


@contextmanager
def listening_on_the_hosts_node(port: int) -> Generator[None]:
    """Something else on a port of the host network."""
    pid = ask(["docker", "inspect", "--format={{.State.Pid}}", "karmada-host-control-plane"]).strip()
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
