"""A member that gets out by an HTTP proxy alone, with two agents; then its line is cut and its node drained.

The proxy is Debian's tinyproxy on this machine, at its address on the network of the kind nodes.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pulumi import automation

from clusters.objects import Json, at, items, text
from clusters.programs import output_of
from components import anp
from tests.proof import note
from tests.stack.environment import NAMESPACE, Site, answer, member, settings_of
from tests.stack.kubectl import kubectl
from tests.stack.nodes import HOST_NODE, cut_off, node_of, pods
from tests.stack.registry import gateway
from tools.checkout import Checkout

pytestmark = pytest.mark.long

PORT, NODE_PORT = 3128, 30891

CONFIGURATION = """\
Listen {address}
Port {port}
Timeout 600
MaxClients 50
LogFile "{log}"
LogLevel Connect
ConnectPort {allowed}
"""

KNOBS: dict[str, Json] = {
    "replicas": 2,
    "priorityClassName": "system-cluster-critical",
    "labels": {"example.org/team": "network"},
    "annotations": {"example.org/why": "the only way out"},
    "tolerations": [{"operator": "Exists"}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "Exists"}]}]
            }
        }
    },
    "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
    "guardResources": {"limits": {"memory": "256Mi"}},
}


@contextmanager
def proxy(directory: Path) -> Generator[tuple[subprocess.Popen[bytes], Path]]:
    """The proxy until the block is left, and its log. It lets CONNECT through to the agents' node port alone."""
    log, file = directory / "log", directory / "tinyproxy.conf"
    file.write_text(CONFIGURATION.format(address=gateway(), port=PORT, log=log, allowed=NODE_PORT))
    process = subprocess.Popen(["tinyproxy", "-d", "-c", str(file)])
    try:
        yield process, log
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def running(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The proxy, and nothing else by which the member's pods reach the host."""
    if not shutil.which("tinyproxy"):
        pytest.skip("tinyproxy is not on PATH (Debian's package of that name)")
    address = output_of(
        ["docker", "inspect", HOST_NODE, "--format={{.NetworkSettings.Networks.kind.IPAddress}}"]
    ).strip()
    with cut_off(node_of(site.plain), address, NODE_PORT), proxy(tmp_path_factory.mktemp("proxy")) as both:
        yield both


@pytest.fixture(scope="module")
def up(running: object, site: Site, dev: Checkout) -> automation.UpResult:
    """A fresh up of the one member, with all that can be said of its pods."""
    members = settings_of(site.plain)
    members[site.plain] |= {**KNOBS, "egressProxy": {"url": f"http://{gateway()}:{PORT}"}}
    dev.configure(
        members=members,
        proxy={"exposure": "nodePort", "nodePort": NODE_PORT, "externalTrafficPolicy": "Cluster"},
    )
    return dev.select().up(on_output=print)


def test_a_member_whose_only_way_out_is_an_http_proxy_is_reached(
    up: automation.UpResult, site: Site, running: tuple[object, Path]
) -> None:
    assert f"{site.plain}: reached through Karmada" in up.stdout
    connected = [line for line in running[1].read_text().splitlines() if f":{NODE_PORT}" in line and "CONNECT" in line]
    note(
        "Ways out",
        tried="a member whose only way out is an HTTP proxy",
        expected="reached, by CONNECT",
        seen=f"reached, {len(connected)} CONNECTs",
    )
    assert connected


def test_all_that_was_said_of_its_pods_is_so(up: automation.UpResult, site: Site) -> None:
    for pod in pods(member(site.plain), anp.AGENT):
        assert text(pod, "metadata", "labels", "example.org/team") == "network"
        assert text(pod, "spec", "priorityClassName") == "system-cluster-critical"
        assert at(pod, "spec", "affinity") == KNOBS["affinity"]
        limits = {
            text(each, "name"): text(each, "resources", "limits", "memory") for each in items(pod, "spec", "containers")
        }
        assert limits == {anp.AGENT: "256Mi", anp.MEMBER_GUARD: "256Mi"}


def test_a_second_up_changes_nothing(up: automation.UpResult, dev: Checkout) -> None:
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


def test_a_node_is_drained_while_the_line_is_cut(
    up: automation.UpResult, site: Site, running: tuple[subprocess.Popen[bytes], Path]
) -> None:
    """A budget that counted pods that are not ready would let neither go."""
    end, node = member(site.plain), node_of(site.plain)
    running[0].kill()
    until_none_is_ready(end)
    assert "error" in answer(site.plain, "/readyz")
    drain = ["drain", node, f"--pod-selector=app={anp.AGENT}", "--timeout=60s", "--ignore-daemonsets"]
    begins = time.monotonic()
    try:
        output_of(kubectl(*end, *drain), 70)
        took = time.monotonic() - begins
    finally:
        output_of(kubectl(*end, "uncordon", node))
    note(
        "Ways out", tried="a drain while the line is cut", expected="ends within 60 s", seen=f"ended after {took:.0f} s"
    )


def until_none_is_ready(end: tuple[str, str]) -> None:
    """Until no agent is ready, which takes as long as they take to notice: 90 s at most."""
    ends = time.monotonic() + 90
    while any(_ready(each) for each in pods(end, anp.AGENT)):
        assert time.monotonic() < ends, "an agent whose line is cut is still ready"
        time.sleep(1)


def _ready(pod: Json) -> bool:
    return any(
        text(each, "type") == "Ready" and text(each, "status") == "True" for each in items(pod, "status", "conditions")
    )


def test_destroy_gives_everything_back(up: automation.UpResult, site: Site, dev: Checkout) -> None:
    dev.select().destroy()
    gone = kubectl(
        *member(site.plain), "get", f"deployment/{anp.AGENT}", f"--namespace={NAMESPACE}", "--ignore-not-found"
    )
    assert output_of(gone) == ""
