"""A change of the CAs' keys in three ups: trust the next one too, sign with it, trust it alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeVar

import pytest
from cryptography import x509

from clusters.objects import Json
from tests import issuing
from tests.unit.reading import checksum, files, of_kind
from tests.unit.stacks import changed, configured, differing, short
from tests.unit.test_certificates import certificate, names
from tools.render.program import Run

T = TypeVar("T")

PHASES: Sequence[Mapping[str, Json]] = ({"caKeys": [1]}, {"caKeys": [1, 2]}, {"caKeys": [2, 1]}, {"caKeys": [2]})
SIGNS = (1, 1, 2, 2)
"""The generation that signs in each phase."""

TRUSTED = ([1], [1, 2], [2, 1], [2])
"""The generations that are trusted in each phase, the one that signs first."""

AGENTS, KARMADA = "agent", "frontend"
"""The sides of proxy-server that have CAs: Karmada's has some as documented alone."""

BUNDLES = {
    ("proxy-server-cert", "cluster-ca-cert.crt"): AGENTS,
    ("member3-proxy-agent-cert", "ca.crt"): AGENTS,
    ("proxy-server-cert", "server-ca-cert.crt"): KARMADA,
}
"""The file of a Secret that says whom to trust, and on which side of the server."""

LEAVES = {"agent-server": AGENTS, "member3-agent": AGENTS, "frontend-server": KARMADA, "frontend-client": KARMADA}
SECRETS = {"Secret proxy-server-cert", "Secret member3-proxy-agent-cert"}
ROLLS = {*SECRETS, "Deployment proxy-server", "Deployment member3-proxy-agent", "Command member3-check"}
"""What another bundle rolls: everybody who trusts."""

Phase = Callable[[int], Run]
"""An `up` of a phase, after those of the phases before it."""


@cache
def phase(number: int) -> Run:
    before = phase(number - 1).resources.values() if number else ()
    return changed(before, certificates={**PHASES[number], "protectCaKeys": True})


@cache
def documented(number: int) -> Run:
    before = documented(number - 1).resources.values() if number else ()
    return issuing.run("fork", configured("fork", certificates={**PHASES[number], "protectCaKeys": True}), before)


STACKS: Sequence[tuple[Phase, Sequence[str]]] = ((phase, [AGENTS]), (documented, [AGENTS, KARMADA]))
both_stacks = pytest.mark.parametrize(("stack", "sides"), STACKS, ids=["guarded", "documented"])
every_phase = pytest.mark.parametrize("number", range(4))


def of_sides(sides: Sequence[str], found: Mapping[T, str]) -> dict[T, str]:
    """Those of a stack that has these sides."""
    return {each: side for each, side in found.items() if side in sides}


def bundle(run: Run, file: tuple[str, str]) -> list[x509.Certificate]:
    """The certificates in a file of a Secret."""
    return x509.load_pem_x509_certificates(files(run, file[0])[file[1]].encode())


def protected(run: Run) -> set[str]:
    return {each.name for each in run.resources.values() if each.protect}


@both_stacks
@every_phase
def test_each_leaf_is_signed_by_the_generation_that_signs(stack: Phase, sides: Sequence[str], number: int) -> None:
    run = stack(number)
    for leaf, side in of_sides(sides, LEAVES).items():
        certificate(run, leaf).verify_directly_issued_by(certificate(run, f"{side}-ca-{SIGNS[number]}"))


@both_stacks
@every_phase
def test_everybody_trusts_the_generations_that_are_trusted_the_one_that_signs_first(
    stack: Phase, sides: Sequence[str], number: int
) -> None:
    run = stack(number)
    for file, side in of_sides(sides, BUNDLES).items():
        assert bundle(run, file) == [certificate(run, f"{side}-ca-{each}") for each in TRUSTED[number]]


@both_stacks
def test_every_file_that_says_whom_to_trust_is_among_those_that_are_looked_at(
    stack: Phase, sides: Sequence[str]
) -> None:
    run = stack(1)
    found = {
        (name, file)
        for name in of_kind(run, "Secret")
        for file, content in files(run, name).items()
        if "-----BEGIN CERTIFICATE-----" in content
        and all(each.subject == each.issuer for each in x509.load_pem_x509_certificates(content.encode()))
    }
    assert found == of_sides(sides, BUNDLES).keys()


@both_stacks
@every_phase
def test_there_are_the_cas_that_are_trusted_and_no_other(stack: Phase, sides: Sequence[str], number: int) -> None:
    cas = {f"{side}-ca-{generation}" for side in sides for generation in TRUSTED[number]}
    run = stack(number)
    assert of_kind(run, "SelfSignedCert").keys() == cas
    assert {each for each in of_kind(run, "PrivateKey") if re.search(r"-ca-\d+$", each)} == cas
    assert run.stack.outputs["caKeys"] == TRUSTED[number]


def test_a_cas_subject_names_its_generation_so_that_one_is_told_from_the_next() -> None:
    subjects = [certificate(phase(1), f"agent-ca-{each}").subject.rfc4514_string() for each in (1, 2)]
    assert subjects == ["CN=karmada-anp-agent-ca-1", "CN=karmada-anp-agent-ca-2"]


@both_stacks
@pytest.mark.parametrize(
    ("number", "generations"),
    [(0, [1]), (1, [1, 2]), (2, [2]), (3, [2])],
    ids=["before", "both", "next signs", "after"],
)
def test_an_old_key_is_protected_only_while_it_signs(
    stack: Phase, sides: Sequence[str], number: int, generations: list[int]
) -> None:
    """Or the last step could not delete it."""
    assert protected(stack(number)) == {f"{side}-ca-{each}" for side in sides for each in generations}


def test_without_protection_no_key_is_protected(dev: Run) -> None:
    assert protected(dev) == set()


@both_stacks
@pytest.mark.parametrize(("step", "generation"), [(1, 2), (3, 1)], ids=["the next one comes", "the former one goes"])
def test_the_first_and_the_last_step_touch_the_cas_of_one_generation_and_roll_who_trusts_and_issue_no_leaf(
    stack: Phase, sides: Sequence[str], step: int, generation: int
) -> None:
    kinds = ("CertificateAuthority", "PrivateKey", "SelfSignedCert")
    cas = {f"{kind} {side}-ca-{generation}" for side in sides for kind in kinds}
    assert differing(stack(step - 1), stack(step)) == cas | rolled(stack)
    assert {short(urn) for urn in stack(step).resources} & cas == (cas if step == 1 else set())


def rolled(stack: Phase) -> set[str]:
    """What another bundle rolls; documented pods keep what they read, and there is nothing anew to be checked."""
    return SECRETS if stack is documented else ROLLS


@both_stacks
def test_the_second_step_issues_every_leaf_anew_for_the_same_key_and_rolls_all(
    stack: Phase, sides: Sequence[str]
) -> None:
    leaves = of_sides(sides, LEAVES)
    assert differing(stack(1), stack(2)) == {f"LocallySignedCert {leaf}" for leaf in leaves} | rolled(stack)
    for leaf in leaves:
        one, other = certificate(stack(1), leaf), certificate(stack(2), leaf)
        assert one.serial_number != other.serial_number
        assert one.public_key() == other.public_key()
    assert names(certificate(stack(1), "agent-server")) == names(certificate(stack(2), "agent-server"))


def test_each_step_rolls_both_ends_by_their_checksums() -> None:
    for deployment in ("proxy-server", "member3-proxy-agent"):
        assert len({checksum(phase(number), deployment) for number in range(4)}) == 4


def test_the_same_phase_again_changes_nothing() -> None:
    for number in range(4):
        again = changed(phase(number).resources.values(), certificates={**PHASES[number], "protectCaKeys": True})
        assert differing(phase(number), again) == set()
