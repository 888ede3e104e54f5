"""Who gets into a real proxy-server on :8091, and what an agent can do that claims another member's identifier.

Certificates are signed here with the stack's own keys, which stay in memory and in files of this test alone.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pulumi import automation

from clusters.objects import Json, at, entries, items, text
from clusters.programs import output_of
from components import anp
from tests import issuing
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, NAMESPACE, answer, member
from tests.stack.exported import exported, plain
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import HOST_NODE, address_of, node_of
from tests.stack.standing.watching import MEMBER
from tools.checkout import Checkout

pytestmark = pytest.mark.long

PART = "Hostile peers"
LONGEST = 10.0
"""Seconds that a handshake, or an answer, may take."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a gRPC client begins: HTTP/2's preface and empty settings (RFC 9113, 3.4)."""

WELCOME = "gRPC's settings"
"""What only an agent that is let in gets to see."""

FALSE_AGENT = "false-agent"
REQUESTS = 30


@dataclass(frozen=True, kw_only=True, repr=False)
class Signed:
    """What the stack's state has: the inputs of its certificates and the outputs of its keys, by resource.

    A test that fails does not print it.
    """

    inputs: Mapping[str, Mapping[str, Json]]
    keys: Mapping[str, str]

    def pair(self, name: str, into: Path, now: datetime | None = None, **changed: Json) -> Path:
        """A leaf certificate issued again, with its key, in a file that only we can read."""
        inputs = {**self.inputs[name], **changed}
        file = into / f"{name}-{len(list(into.iterdir()))}.pem"
        file.touch(0o600)
        file.write_text(issuing.locally_signed(inputs, now)[0] + self.keys[name])
        return file


@pytest.fixture(scope="module")
def signed(up: automation.UpResult, dev: Checkout) -> Signed:
    """The stack's certificates and keys."""
    named = [(text(each, "urn").rpartition("::")[2], text(each, "type"), each) for each in exported(dev)]
    known = {"certRequestPem", "caPrivateKeyPem", "caCertPem", *issuing.ISSUING}
    return Signed(
        inputs={
            name: {key: plain(value) for key, value in entries(each, "inputs").items() if key in known}
            for name, kind, each in named
            if kind.endswith(":LocallySignedCert")
        },
        keys={
            name: str(plain(at(each, "outputs", "privateKeyPem")))
            for name, kind, each in named
            if kind.endswith(":PrivateKey")
        },
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for keys, emptied in the end."""
    directory = tmp_path_factory.mktemp("keys")
    directory.chmod(0o700)
    yield directory
    for each in directory.iterdir():
        each.unlink()


@pytest.fixture(scope="module")
def address(up: automation.UpResult) -> str:
    """Where agents dial the host."""
    return address_of(HOST_NODE)


@pytest.fixture(autouse=True)
def still_there(up: automation.UpResult) -> Iterator[None]:
    """Whatever was tried: the same containers run afterwards, and every member is reached."""
    before = restarts()
    yield
    assert restarts() == before
    assert [name for name in environment.members() if answer(name, "/readyz") == "ok"] == environment.members()


def restarts() -> Mapping[str, int]:
    """How often each container of proxy-server's pods was started again."""
    pods = objects(kubectl(*HOST, "get", "pods", f"--namespace={NAMESPACE}", f"--selector=app={anp.SERVER}"))
    found: dict[str, int] = {}
    for pod in pods:
        for each in items(pod, "status", "containerStatuses"):
            count = at(each, "restartCount")
            found[f"{text(pod, 'metadata', 'name')}/{text(each, 'name')}"] = count if isinstance(count, int) else -1
    return found


# TLS on :8091

Presenting = Callable[[Signed, Path], Path | None]
YEARS = timedelta(days=2 * 365)


def agents(signed: Signed, files: Path) -> Path:
    return signed.pair("member3-agent", files)


PEERS: Mapping[str, tuple[Presenting, str]] = {
    "the agent's own certificate": (agents, WELCOME),
    "no certificate": (lambda signed, files: None, "certificate required"),
    "an agent's certificate signed by another CA of the same name": (
        lambda signed, files: signed.pair("member3-agent", files, None, **another_ca()),
        "unknown ca|bad certificate",
    ),
    "an agent's expired certificate": (
        lambda signed, files: signed.pair("member3-agent", files, datetime.now(UTC) - YEARS),
        "certificate expired",
    ),
    "an agent's certificate that is not valid yet": (
        lambda signed, files: signed.pair("member3-agent", files, datetime.now(UTC) + timedelta(days=1)),
        "certificate expired|bad certificate",
    ),
    "a certificate for serving": (lambda signed, files: signed.pair("agent-server", files), "bad certificate"),
    "an agent's certificate made for serving": (
        lambda signed, files: signed.pair("member3-agent", files, allowedUses=["digital_signature", "server_auth"]),
        "bad certificate",
    ),
    "a certificate signed by an agent": (
        lambda signed, files: signed.pair(
            "member3-agent", files, caPrivateKeyPem=signed.keys["member3-agent"], caCertPem=own(signed)
        ),
        "unknown ca|bad certificate",
    ),
}


def another_ca() -> Mapping[str, str]:
    """A CA that nobody trusts, as the inputs of what it signs."""
    key = issuing.private_key_pem()
    inputs: Mapping[str, Json] = {
        "privateKeyPem": key,
        "subject": {"commonName": "karmada-anp-agent-ca-1"},
        "allowedUses": ["cert_signing"],
        "validityPeriodHours": 24,
        "isCaCertificate": True,
    }
    return {"caPrivateKeyPem": key, "caCertPem": issuing.self_signed(inputs)[0]}


def own(signed: Signed) -> str:
    """The agent's certificate, as one that signs."""
    return issuing.locally_signed(signed.inputs["member3-agent"])[0]


@pytest.mark.parametrize("peer", PEERS)
def test_nobody_but_an_agent_gets_into_the_agents_port(signed: Signed, files: Path, address: str, peer: str) -> None:
    presenting, expected = PEERS[peer]
    seen = greeting(address, trusted(signed, files), presenting(signed, files))
    note(PART, tried=f":{anp.AGENT_PORT}, {peer}", expected=expected, seen=seen)
    assert re.search(expected, seen)
    assert (seen == WELCOME) == (expected == WELCOME)


def test_who_speaks_an_older_tls_does_not_get_in(signed: Signed, files: Path, address: str) -> None:
    """Not even an agent."""
    pair = agents(signed, files)
    seen = greeting(address, trusted(signed, files), pair, newest=ssl.TLSVersion.TLSv1_2)
    note(PART, tried=f":{anp.AGENT_PORT}, TLS 1.2 with the agent's own certificate", expected="refused", seen=seen)
    assert "protocol version" in seen


NO_TLS: Mapping[str, bytes] = {
    "HTTP/2 without TLS": PREFACE,
    "a CONNECT without TLS": b"CONNECT 10.0.0.1:6443 HTTP/1.1\r\nHost: 10.0.0.1:6443\r\n\r\n",
    "bytes that are nothing": bytes(range(256)) * 64,
}


@pytest.mark.parametrize("what", NO_TLS)
def test_what_is_no_tls_does_not_get_in(address: str, what: str) -> None:
    got = b""
    with socket.create_connection((address, anp.AGENT_PORT), LONGEST) as connection, suppress(ConnectionError):
        connection.sendall(NO_TLS[what])
        got = connection.recv(256)
    seen = f"closed after {got[:7].hex() or 'nothing'}"
    note(PART, tried=f":{anp.AGENT_PORT}, {what}", expected="closed, at most with a TLS alert or a 400", seen=seen)
    # an alert (RFC 8446, 5.1), or what Go says to plain HTTP
    assert got == b"" or got[0] == 0x15 or got.startswith(b"HTTP/1.0 400 ")


@pytest.mark.parametrize("port", [anp.FRONTEND_PORT])
def test_the_frontend_is_not_reached_from_outside_the_pods_node(address: str, port: int) -> None:
    seen = "refused"
    with suppress(ConnectionRefusedError):
        socket.create_connection((address, port), LONGEST).close()
        seen = "open"
    note(PART, tried=f":{port}, the server's own frontend, from another host", expected="refused", seen=seen)
    assert seen == "refused"


def trusted(signed: Signed, files: Path) -> Path:
    """The CA of the agents' port."""
    file = files / "ca.pem"
    file.write_text(str(signed.inputs["member3-agent"]["caCertPem"]))
    return file


def greeting(address: str, trusting: Path, pair: Path | None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str:
    """What the server says to a peer first: WELCOME, or why the connection came to nothing."""
    context = ssl.create_default_context(cafile=trusting)
    context.maximum_version = newest
    context.set_alpn_protocols(["h2"])
    if pair:
        context.load_cert_chain(pair)
    try:
        with (
            socket.create_connection((address, anp.AGENT_PORT), LONGEST) as plain_socket,
            context.wrap_socket(plain_socket, server_hostname=address) as connection,
        ):
            # in TLS 1.3 a client is done before the server has looked at its certificate; what it would send before
            # that, the server would leave unread, and its reason would be lost
            head = connection.recv(9)
            return WELCOME if len(head) == 9 and head[3] == 4 else f"closed after {head.hex() or 'nothing'}"
    except ssl.SSLError as error:
        return (error.reason or str(error)).lower().replace("_", " ")
    except ConnectionError as error:
        return type(error).__name__


# an agent that claims another member's identifier


def test_an_agent_under_another_members_identifier_never_answers_for_it(up: automation.UpResult) -> None:
    """ANP does not tie identifiers to certificates: of two agents with one identifier it asks the one that has been
    connected for longer. The false one sends what it gets to its own API server; but Karmada's TLS is with the member's
    API server, not with any agent, and it ends there. So a false agent can cut another member off, and no more."""
    names = environment.members()
    if len(names) < 2:
        pytest.skip("there is one member only")
    robbed, liar = names[1], names[0]
    assert robbed != MEMBER
    expected = f"{robbed}'s own answer or a failed verification, never {liar}'s answer"
    with false_agent(liar, robbed):
        second = seen_of(robbed, names)
        note(PART, tried=f"{liar}'s agent claims {robbed}'s identifier", expected=expected, seen=in_words(second))
        agents_of = [f"--namespace={NAMESPACE}", f"--selector=app={anp.AGENT}"]
        output_of(kubectl(*member(robbed), "delete", "pods", *agents_of, "--wait=true"), 60)
        first = seen_of(robbed, names)
        tried = f"{liar}'s agent claims {robbed}'s identifier, and was connected before {robbed}'s own"
        note(PART, tried=tried, expected=expected, seen=in_words(first))
        others = [whose(answer(liar, "/api/v1/nodes"), names) for _ in range(5)]
    assert set(second) == {robbed}
    assert liar not in first
    assert set(first) <= {robbed, "x509", "no tunnel"}
    assert first.count("x509") > 0, "nothing went to the false agent"
    assert set(others) == {liar}
    wait_until(lambda: [whose(answer(robbed, "/api/v1/nodes"), names) for _ in range(5)] == [robbed] * 5)


def seen_of(name: str, names: list[str]) -> list[str]:
    """Whose answers requests to a member got."""
    return [whose(answer(name, "/api/v1/nodes"), names) for _ in range(REQUESTS)]


def in_words(seen: list[str]) -> str:
    return ", ".join(f"{seen.count(each)} times {each}" for each in dict.fromkeys(seen))


def whose(said: str, names: list[str]) -> str:
    """Whose nodes an answer lists, or what kind of error it is."""
    if not said.startswith("error: "):
        return next((name for name in names if f'"{node_of(name)}"' in said), said[:80])
    if "x509" in said:
        return "x509"
    return "no tunnel" if re.search("tunnel|EOF|Bad Gateway|502|503", said) else said


@contextmanager
def false_agent(liar: str, robbed: str) -> Generator[None]:
    """A second agent in `liar`, with its own certificate and `robbed`'s identifier.

    Its dials to `robbed`'s API server end at `liar`'s own, as its guard has it. It is gone in the end.
    """
    own_name, other_name = anp.IDENTIFIER.format(liar), anp.IDENTIFIER.format(robbed)
    where = f"--namespace={NAMESPACE}"
    deployment = objects(kubectl(*member(liar), "get", f"deployment/{anp.AGENT}", where))[0]
    spec = dict(entries(deployment, "spec", "template", "spec"))
    agent = dict(entries(items(spec, "containers")[0]))
    agent["args"] = [str(each).replace(own_name, other_name) for each in items(agent, "args")]
    assert f"{anp.IDENTIFIERS_FLAG}host={other_name}" in agent["args"]
    aliases: Json = [{"ip": "127.0.0.1", "hostnames": [other_name]}]
    spec |= {"containers": [agent, *items(spec, "containers")[1:]], "hostAliases": aliases}
    spec |= {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    metadata: Json = {"name": FALSE_AGENT, "namespace": NAMESPACE}
    pod: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    try:
        apply(kubectl(*member(liar)), pod)
        output_of(
            kubectl(*member(liar), "wait", f"pod/{FALSE_AGENT}", where, "--for=condition=Ready", "--timeout=60s"), 70
        )
        yield
    finally:
        output_of(
            kubectl(*member(liar), "delete", f"pod/{FALSE_AGENT}", where, "--ignore-not-found", "--wait=true"), 60
        )


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.5)
