"""Who accepts whom: TLS handshakes with the certificates that the program makes, by OpenSSL with its strict checks.

Agents' side is every stack's; the frontend's is a documented one's, for behind a guard it is a socket in the pod.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.anp import SERVER_NAMES
from tests.parts.issued import ADDRESS, MEMBERS, Documented, Issued, Pair

LONGEST = 5.0
"""Seconds that a handshake may take."""

WRONG_PURPOSE = "unsu\\w+ certificate purpose"  # releases of OpenSSL differ: unsupported, unsuitable
UNKNOWN_CA = "unable to get local issuer certificate"
NO_CERTIFICATE = "peer did not return a certificate"
YEARS = timedelta(days=2 * 365)
"""More than a leaf certificate lives, and less than a CA."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Why the server, or the client, broke a handshake off: empty where it did not. The other side sees no reason."""

    by_server: str = ""
    by_client: str = ""


BOTH_ACCEPT = Outcome()


def handshake(*, server: Pair, trusts: Path, client: Pair | None, trusting: Path, name: str) -> Outcome:
    """A client dials a server under a name; each needs a certificate of a CA that it trusts from the other."""
    accepting = _context(ssl.PROTOCOL_TLS_SERVER, server, trusts)
    dialling = _context(ssl.PROTOCOL_TLS_CLIENT, client, trusting)
    by_server: list[str] = []

    def serve(listening: socket.socket) -> None:
        try:
            plain, _ = listening.accept()
            plain.settimeout(LONGEST)
            with plain, accepting.wrap_socket(plain, server_side=True) as connection:
                connection.sendall(b"welcome")
        except OSError as error:
            by_server.append(_reason(error))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LONGEST)
        thread = threading.Thread(target=serve, args=[listening])
        thread.start()
        try:
            by_client = _dial(dialling, listening.getsockname()[1], name)
        finally:
            thread.join(2 * LONGEST)
    assert not thread.is_alive()
    return Outcome(by_server="".join(by_server), by_client=by_client)


def _dial(context: ssl.SSLContext, port: int, name: str) -> str:
    try:
        with (
            socket.create_connection(("127.0.0.1", port), LONGEST) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            # in TLS 1.3 a client is done before the server has looked at its certificate
            assert connection.recv(16) == b"welcome"
    except OSError as error:
        return _reason(error)
    return ""


def _context(protocol: int, pair: Pair | None, trusted: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trusted)
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def _reason(error: OSError) -> str:
    """Why this side broke off; empty where it was the other one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and "PEER_DID_NOT_RETURN_A_CERTIFICATE" in str(error):
        return NO_CERTIFICATE
    if isinstance(error, ConnectionError) or (isinstance(error, ssl.SSLError) and re.search("ALERT|EOF", str(error))):
        return ""
    raise error


def tunnel(issued: Issued, *, agent: Pair | None = None, server: Pair | None = None, name: str = ADDRESS) -> Outcome:
    """An agent dials proxy-server, each with its own certificate, or with another."""
    return handshake(
        server=server or issued.agent_server,
        trusts=issued.agent_ca,
        client=agent or issued.agents["member1"],
        trusting=issued.agent_ca,
        name=name,
    )


def frontend(
    of: Documented, *, client: Pair | None = None, server: Pair | None = None, name: str = SERVER_NAMES[0]
) -> Outcome:
    """A client dials a documented proxy-server's frontend, each with its own certificate, or with another."""
    return handshake(server=server or of.server, trusts=of.ca, client=client or of.client, trusting=of.ca, name=name)


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("name", [ADDRESS, *SERVER_NAMES])
def test_an_agent_and_the_server_accept_each_other(issued: Issued, member: str, name: str) -> None:
    """By the address that agents dial, and by the DNS names that are in every server certificate."""
    assert tunnel(issued, agent=issued.agents[member], name=name) == BOTH_ACCEPT


@pytest.mark.parametrize("name", [*SERVER_NAMES, "127.0.0.1"])
def test_the_frontend_and_its_client_accept_each_other(documented: Documented, name: str) -> None:
    assert frontend(documented, name=name) == BOTH_ACCEPT


def test_a_documented_stacks_agents_and_server_accept_each_other(documented: Documented) -> None:
    assert tunnel(documented.agents_side) == BOTH_ACCEPT


def test_a_leaf_outlasts_the_certificate_of_its_ca(issued: Issued, tmp_path: Path) -> None:
    """A CA is renewed with its key: agents that still have the old certificate must get in, and the other way round."""
    renewed = issued.ca_again("agent-ca-1", tmp_path, datetime.now(UTC) - timedelta(hours=1))
    assert renewed.read_text() != issued.agent_ca.read_text()
    for trusts, trusting in [(renewed, issued.agent_ca), (issued.agent_ca, renewed)]:
        agent = issued.agents["member1"]
        outcome = handshake(server=issued.agent_server, trusts=trusts, client=agent, trusting=trusting, name=ADDRESS)
        assert outcome == BOTH_ACCEPT


def test_an_agent_certificate_cannot_serve(issued: Issued) -> None:
    """Or a member could pose as the server to the other members."""
    assert re.match(WRONG_PURPOSE, tunnel(issued, server=issued.agents["member2"]).by_client)


def test_a_frontend_client_certificate_cannot_serve(documented: Documented) -> None:
    """Who has a client's file must not pass for proxy-server."""
    assert re.match(WRONG_PURPOSE, frontend(documented, server=documented.client).by_client)


def test_the_agents_server_certificate_is_no_agents(issued: Issued) -> None:
    """A certificate has one use: the file that serves does not join as an agent."""
    assert re.match(WRONG_PURPOSE, tunnel(issued, agent=issued.agent_server).by_server)


def test_the_frontends_server_certificate_is_no_clients(documented: Documented) -> None:
    assert re.match(WRONG_PURPOSE, frontend(documented, client=documented.server).by_server)


@pytest.mark.parametrize("member", MEMBERS)
def test_an_agent_certificate_does_not_open_the_frontend(documented: Documented, member: str) -> None:
    """A member that could CONNECT at the frontend would reach every other member's API server."""
    assert frontend(documented, client=documented.agents_side.agents[member]) == Outcome(by_server=UNKNOWN_CA)


def test_the_frontends_client_certificate_is_no_agents(documented: Documented) -> None:
    """Who may ask for tunnels may not offer one, and get other members' requests."""
    assert tunnel(documented.agents_side, agent=documented.client) == Outcome(by_server=UNKNOWN_CA)


def test_the_frontends_client_refuses_a_server_of_the_agents_ca(documented: Documented) -> None:
    outcome = frontend(documented, server=documented.agents_side.agent_server)
    assert outcome == Outcome(by_client=UNKNOWN_CA)


def test_an_agent_refuses_a_server_of_the_frontends_ca(documented: Documented) -> None:
    outcome = tunnel(documented.agents_side, server=documented.server, name=SERVER_NAMES[0])
    assert outcome == Outcome(by_client=UNKNOWN_CA)


def test_an_agent_of_another_stack_is_refused(issued: Issued, documented: Documented) -> None:
    """Each stack has CAs of its own, whatever their names."""
    assert tunnel(issued, agent=documented.agents_side.agents["member1"]) == Outcome(by_server=UNKNOWN_CA)


def test_nobody_enters_without_a_certificate(issued: Issued, documented: Documented) -> None:
    """Both ports are mTLS: knowing the CA is not enough."""
    for server, ca, name in [
        (issued.agent_server, issued.agent_ca, ADDRESS),
        (documented.server, documented.ca, SERVER_NAMES[0]),
    ]:
        outcome = handshake(server=server, trusts=ca, client=None, trusting=ca, name=name)
        assert outcome == Outcome(by_server=NO_CERTIFICATE)


def test_an_expired_agent_certificate_is_refused(issued: Issued, tmp_path: Path) -> None:
    """Its CA still holds: that it ends is the only way in which an agent certificate is ever withdrawn."""
    expired = issued.again("member1-agent", tmp_path, datetime.now(UTC) - YEARS)
    assert tunnel(issued, agent=expired) == Outcome(by_server="certificate has expired")


def test_an_expired_server_certificate_is_refused(issued: Issued, tmp_path: Path) -> None:
    expired = issued.again("agent-server", tmp_path, datetime.now(UTC) - YEARS)
    assert tunnel(issued, server=expired) == Outcome(by_client="certificate has expired")


@pytest.mark.parametrize("name", ["192.0.2.11", "proxy-server", "kubernetes.default.svc"])
def test_a_server_is_refused_under_an_address_that_its_certificate_lacks(issued: Issued, name: str) -> None:
    """The common name, `proxy-server`, is no address either."""
    assert re.match("(IP address|Hostname) mismatch", tunnel(issued, name=name).by_client)


def test_the_frontends_certificate_does_not_serve_at_the_hosts_address(documented: Documented) -> None:
    """It is for the pod's own loopback alone."""
    assert frontend(documented, name=ADDRESS).by_client.startswith("IP address mismatch")


@pytest.mark.parametrize("name", ["member2-agent", "agent-server"])
def test_an_agent_certificate_signs_nothing(issued: Issued, tmp_path: Path, name: str) -> None:
    """A member that could sign would make itself another member, or the server."""
    forged = issued.signed_by("member1-agent", name, tmp_path)
    if name == "agent-server":
        assert tunnel(issued, server=forged) == Outcome(by_client="invalid CA certificate")
    else:
        assert tunnel(issued, agent=forged) == Outcome(by_server="invalid CA certificate")
