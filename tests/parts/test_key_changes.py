"""A change of the CAs' keys, by handshakes: pods of two phases in a row accept each other, and at last no old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from clusters.objects import Json
from components.anp import SERVER_NAMES
from tests.parts.issued import ADDRESS, MEMBERS, Documented, Issued, Pair, issue, issue_documented
from tests.parts.test_handshakes import BOTH_ACCEPT, UNKNOWN_CA, Outcome, handshake

PHASES: Sequence[Mapping[str, Json]] = ({"caKeys": [1]}, {"caKeys": [1, 2]}, {"caKeys": [2, 1]}, {"caKeys": [2]})
IN_A_ROW = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3)]
"""Phases of which pods meet: while an `up` rolls them some are of the next one."""


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> list[Issued]:
    """The certificates of each phase, each the next `up` after the one before."""
    made: list[Issued] = []
    for keys in PHASES:
        made.append(issue(tmp_path_factory.mktemp("phase"), keys, made[-1] if made else None))
    return made


@pytest.fixture(scope="module")
def documented_phases(tmp_path_factory: pytest.TempPathFactory) -> list[Documented]:
    """The same of a documented stack, which has a frontend with certificates."""
    made: list[Documented] = []
    for keys in PHASES:
        made.append(issue_documented(tmp_path_factory.mktemp("phase"), keys, made[-1] if made else None))
    return made


def tunnel(server: Issued, agent: Issued, member: str = MEMBERS[0], trusts: Issued | None = None) -> Outcome:
    """An agent of one phase dials the server of another, each by the files of its own Secret, or trusting as another
    phase does."""
    return handshake(
        server=server.agent_server,
        trusts=server.agent_ca,
        client=agent.agents[member],
        trusting=(trusts or agent).agents_ca,
        name=ADDRESS,
    )


def frontend(
    server: Documented, client: Documented, trusts: Documented | None = None, shows: Pair | None = None
) -> Outcome:
    """A client of one phase dials the frontend of another.

    It may trust as another phase does, or show the certificate of somebody that is no client of it.
    """
    return handshake(
        server=server.server,
        trusts=server.ca,
        client=shows or client.client,
        trusting=(trusts or client).ca,
        name=SERVER_NAMES[0],
    )


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize(("earlier", "later"), IN_A_ROW)
def test_agents_and_servers_of_phases_in_a_row_accept_each_other(
    phases: list[Issued], earlier: int, later: int, member: str
) -> None:
    assert tunnel(phases[earlier], phases[later], member) == BOTH_ACCEPT
    assert tunnel(phases[later], phases[earlier], member) == BOTH_ACCEPT


@pytest.mark.parametrize(("earlier", "later"), IN_A_ROW)
def test_clients_and_frontends_of_phases_in_a_row_accept_each_other(
    documented_phases: list[Documented], earlier: int, later: int
) -> None:
    phases = documented_phases
    assert frontend(phases[earlier], phases[later]) == BOTH_ACCEPT
    assert frontend(phases[later], phases[earlier]) == BOTH_ACCEPT


@pytest.mark.parametrize(("earlier", "later"), [(0, 2), (1, 3), (0, 3)])
def test_no_phase_can_be_left_out(
    phases: list[Issued], documented_phases: list[Documented], earlier: int, later: int
) -> None:
    for one, other in ((earlier, later), (later, earlier)):
        assert tunnel(phases[one], phases[other]) != BOTH_ACCEPT
        assert frontend(documented_phases[one], documented_phases[other]) != BOTH_ACCEPT


def test_after_the_last_phase_an_agent_of_the_old_key_is_refused(phases: list[Issued]) -> None:
    """That is what the change was for: who has the old key can sign no agent any more."""
    for old in (phases[0], phases[1]):
        assert tunnel(phases[3], old, trusts=phases[3]) == Outcome(by_server=UNKNOWN_CA)


def test_after_the_last_phase_a_server_of_the_old_key_is_refused(
    phases: list[Issued], documented_phases: list[Documented]
) -> None:
    for old in (0, 1):
        of_frontend = frontend(documented_phases[old], documented_phases[3])
        for outcome in (tunnel(phases[old], phases[3]), of_frontend):
            # OpenSSL's server adds the CA that it trusts itself to what it presents
            assert outcome.by_client in (UNKNOWN_CA, "self-signed certificate in certificate chain")
            assert outcome.by_server == ""


def test_after_the_last_phase_a_client_of_the_frontends_old_key_is_refused(
    documented_phases: list[Documented],
) -> None:
    last = documented_phases[3]
    for old in documented_phases[:2]:
        assert frontend(last, old, trusts=last) == Outcome(by_server=UNKNOWN_CA)


def test_in_no_phase_an_agents_certificate_opens_the_frontend(documented_phases: list[Documented]) -> None:
    """Two CAs a side are trusted on the way, and still none of the other side's."""
    for number, phase in enumerate(documented_phases):
        opened = frontend(phase, phase, shows=phase.agents_side.agents[MEMBERS[0]])
        assert opened == Outcome(by_server=UNKNOWN_CA), number


def test_every_agent_trusts_whom_the_first_one_trusts(phases: list[Issued]) -> None:
    for phase in phases:
        trusted = {(phase.agents[member].certificate.parent / "ca.crt").read_text() for member in MEMBERS}
        assert trusted == {phase.agents_ca.read_text()}
