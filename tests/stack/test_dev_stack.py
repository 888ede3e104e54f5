"""The dev stack's whole life, in the order of the tests: up, use, a member leaves and comes back, destroy."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest
from pulumi import automation

from clusters.objects import Json
from clusters.programs import output_of
from components import anp
from components.anp import PROXY_PATH
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, NAMESPACE, through_karmada
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import answers_itself, pods, shell, uid_of
from tests.stack.refusals import gives_back
from tests.stack.sessions import STALLS
from tests.stack.traffic import Karmada, karmada, traffic
from tools.checkout import Checkout

WEB_SERVER = """\
defaults
  mode http
  timeout client 5s
frontend web
  bind :8080
  http-request return status 200 content-type text/plain string hello
"""
SERVES = 'printf "$WEB_SERVER" >/tmp/web.cfg; echo started; exec haproxy -f /tmp/web.cfg'

STALLED = 15.0
"""Seconds for which a session is not read."""

LONGEST_DELAY, RECOVERED = 8.0, 10.0
"""Seconds that it may cost a request beside it, and after which all is as before."""


@pytest.fixture(scope="module", params=environment.members() if not environment.why_not() else ["no cluster"])
def member(request: pytest.FixtureRequest) -> str:
    """Each member of the stack in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def pod(up: automation.UpResult, member: str) -> Iterator[str]:
    """A pod with a shell in the member, made through Karmada."""
    proxied = through_karmada(member)
    serving = shell("tunnel-test", "default", "sh", "-c", SERVES, WEB_SERVER=WEB_SERVER)
    apply(proxied, serving)
    output_of([*proxied, "wait", "pod/tunnel-test", "--for=condition=Ready", "--timeout=60s"], 70)
    yield "tunnel-test"
    output_of(kubectl(*environment.member(member), "delete", "pod/tunnel-test", "--wait=false"))


@pytest.fixture(scope="module")
def to(tmp_path_factory: pytest.TempPathFactory, up: automation.UpResult) -> Karmada:
    """The Karmada API, for requests."""
    return karmada(tmp_path_factory.mktemp("karmada"))


def unchanged(summary: Mapping[automation.OpType, int] | Mapping[str, int]) -> bool:
    return {str(getattr(op, "value", op)) for op in summary} == {"same"}


def test_a_preview_of_a_fresh_stack_creates_everything(dev: Checkout) -> None:
    preview = dev.select().preview()
    assert {str(getattr(op, "value", op)) for op in preview.change_summary} == {"create"}


def test_a_fresh_up_ends_with_a_check_of_each_member(up: automation.UpResult) -> None:
    for name in environment.members():
        assert f"{name}: reached through Karmada" in up.stdout


def test_outputs_say_how_to_use_the_tunnel_and_when_a_certificate_ends(up: automation.UpResult) -> None:
    for name in environment.members():
        assert up.outputs["members"].value[name]["proxyPath"] == PROXY_PATH.format(name)
    assert re.match(r"\d{4}-\d\d-\d\dT", str(up.outputs["firstCertificateEnds"].value))
    assert not any(output.secret for output in up.outputs.values())


def test_a_second_up_changes_nothing(up: automation.UpResult, dev: Checkout) -> None:
    assert unchanged(dev.select().up().summary.resource_changes or {})


def test_a_preview_from_a_second_checkout_changes_nothing(
    up: automation.UpResult, dev: Checkout, backend: Path, tmp_path: Path
) -> None:
    second = Checkout(tmp_path, backend, "dev")
    second.configure(members=environment.settings_of(*environment.members()))
    assert not (tmp_path / ".sources").exists()
    assert unchanged(second.select().preview().change_summary)


def test_no_key_and_no_credential_is_in_the_state_or_the_output(up: automation.UpResult, backend: Path) -> None:
    header = objects(kubectl(*environment.KARMADA, "get", "clusters.cluster.karmada.io", "member3"))[0]
    password = str(header).split("Basic ")[1].split("'")[0]
    for file in [each for each in backend.rglob("*") if each.is_file()]:
        content = file.read_text(errors="replace")
        assert "PRIVATE KEY" not in content, file
        assert password not in content, file
    assert "PRIVATE KEY" not in up.stdout
    assert password not in up.stdout


def test_get_works_through_karmada(up: automation.UpResult, member: str) -> None:
    assert answers_itself(member)


def test_logs_work_through_karmada(pod: str, member: str) -> None:
    assert output_of([*through_karmada(member), "logs", pod]) == "started\n"


def test_exec_works_through_karmada(pod: str, member: str) -> None:
    assert output_of([*through_karmada(member), "exec", pod, "--", "sh", "-c", "echo inside $((6*7))"]) == "inside 42\n"


def test_watch_works_through_karmada(pod: str, member: str) -> None:
    proxied = through_karmada(member)
    watch = subprocess.Popen(
        [*proxied, "get", "configmaps", "--watch-only", "--output=name"], stdout=subprocess.PIPE, text=True
    )
    try:
        time.sleep(1)
        output_of([*proxied, "create", "configmap", "watched"])
        assert watch.stdout
        assert watch.stdout.readline() == "configmap/watched\n"
    finally:
        watch.terminate()
        watch.wait(10)
        output_of([*proxied, "delete", "configmap", "watched"])


def test_port_forward_works_through_karmada(pod: str, member: str) -> None:
    forward = subprocess.Popen(
        [*through_karmada(member), "port-forward", f"pod/{pod}", ":8080"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert forward.stdout
        line = forward.stdout.readline()
        found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> 8080", line)
        assert found, line
        with urlopen(f"http://127.0.0.1:{found[1]}/", timeout=10) as answer:
            assert answer.read() == b"hello"
    finally:
        forward.terminate()
        forward.wait(10)


def test_a_session_that_is_not_read_stops_no_other(to: Karmada, pod: str, member: str) -> None:
    """In each member one of the two."""
    stall = list(STALLS)[environment.members().index(member)]
    others = [name for name in environment.members() if name != member]
    with traffic(to, [member], every=0.1) as beside, traffic(to, others or [member], every=0.1) as elsewhere:
        time.sleep(1)
        with STALLS[stall](member, pod):
            time.sleep(STALLED)
        gone = time.monotonic()
        time.sleep(RECOVERED + 3)
    afterwards = beside.slowest_from(gone + RECOVERED)
    note(
        "Stalls",
        tried=f"{stall} for {STALLED:.0f} s, requests to the same member and to another beside it",
        expected=f"0 lost, none takes longer than {LONGEST_DELAY:.0f} s, {RECOVERED:.0f} s later all is as before",
        seen=f"same member: {beside.summary}, afterwards {afterwards:.2f} s; another: {elsewhere.summary}",
    )
    assert (beside.lost, elsewhere.lost) == ([], [])
    assert beside.slowest < LONGEST_DELAY
    assert elsewhere.slowest < LONGEST_DELAY
    assert len(beside.requests) > 100
    assert afterwards < 1


def test_one_member_can_leave_without_the_other_being_touched(
    up: automation.UpResult, dev: Checkout, to: Karmada
) -> None:
    """Nor is proxy-server: no other member loses a request or an open session when one goes or comes."""
    names = environment.members()
    if len(names) < 2:
        pytest.skip("there is one member only")
    leaves, stays = names
    agent = ("get", "deployment/proxy-agent", "deployment/karmada-agent", f"--namespace={NAMESPACE}")
    was = [identity(each) for each in objects(kubectl(*environment.member(stays), *agent))]
    servers = [uid_of(each) for each in pods(HOST, anp.SERVER)]
    apply(kubectl(*environment.member(stays)), shell("stays", "default", "sleep", "600"))
    output_of(kubectl(*environment.member(stays), "wait", "pod/stays", "--for=condition=Ready", "--timeout=60s"), 70)
    echoing = [*through_karmada(stays), "exec", "--stdin", "stays", "--", "cat"]
    session = subprocess.Popen(echoing, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert session.stdin
        assert session.stdout
        with traffic(to, [stays], every=0.1) as seen:
            dev.configure(members=environment.settings_of(stays))
            result = dev.select().up()
            assert f"{leaves}: reached" not in result.stdout
            assert environment.ours_in(environment.member(leaves)) == []
            assert environment.healthy(leaves)
            dev.configure(members=environment.settings_of(*names))
            assert f"{leaves}: reached through Karmada" in dev.select().up().stdout
        session.stdin.write("still open\n")
        echo = session.stdout.readline()
    finally:
        session.kill()
        session.wait(10)
        output_of(kubectl(*environment.member(stays), "delete", "pod/stays", "--wait=false"))
    note(
        "Members",
        tried="one leaves and comes back, requests and an open exec to another meanwhile",
        expected="0 lost, the session is open, proxy-server's pods are the same",
        seen=f"{seen.summary}, {'open' if echo == 'still open' + chr(10) else 'closed'}",
    )
    assert seen.lost == []
    assert echo == "still open\n"
    assert [uid_of(each) for each in pods(HOST, anp.SERVER)] == servers
    assert [identity(each) for each in objects(kubectl(*environment.member(stays), *agent))] == was


def identity(deployment: Json) -> tuple[Json, Json]:
    metadata = deployment["metadata"] if isinstance(deployment, Mapping) else None
    assert isinstance(metadata, Mapping)
    return metadata["uid"], metadata["generation"]


def test_destroy_gives_everything_back(up: automation.UpResult, dev: Checkout, before: Mapping[str, Json]) -> None:
    gives_back(dev, before)
