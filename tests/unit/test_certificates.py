"""The certificates of a stack: names, keys and lifetimes. Who accepts which is tests/parts'."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusters.objects import Json, entries, number, text
from components.certificate import dns_names, first, ip_addresses
from config.certificate_settings import Certificates
from tests import issuing
from tools.render.program import Run

AGENTS_LEAVES = {"agent-server": "agent-ca-1", "member3-agent": "agent-ca-1"}
FRONTEND_LEAVES = {"frontend-server": "frontend-ca-1", "frontend-client": "frontend-ca-1"}
CAS, LEAVES = ("frontend-ca-1", "agent-ca-1"), {**FRONTEND_LEAVES, **AGENTS_LEAVES}
"""Each leaf certificate of the documented stack and the CA that signs it; a guarded one has agents' side alone."""


def pem(run: Run, name: str) -> str:
    kind = "SelfSignedCert" if "-ca-" in name else "LocallySignedCert"
    return text(run.the(kind, name).outputs, "certPem")


def certificate(run: Run, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem(run, name).encode())


def usages(of: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(of.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def names(of: x509.Certificate) -> tuple[list[str], list[str]]:
    """DNS names and IP addresses."""
    found = of.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName), [str(each) for each in found.get_values_for_type(x509.IPAddress)]


def life(of: x509.Certificate) -> timedelta:
    return of.not_valid_after_utc - of.not_valid_before_utc


# who may do what


@pytest.mark.parametrize("name", CAS)
def test_a_ca_is_one_and_signs_itself(fork: Run, name: str) -> None:
    ca = certificate(fork, name)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.critical) == (True, True)
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    ca.verify_directly_issued_by(ca)
    with pytest.raises(x509.ExtensionNotFound):
        usages(ca)


@pytest.mark.parametrize(("name", "signer"), LEAVES.items())
def test_a_leaf_names_its_cas_key_so_that_a_renewed_ca_is_found(fork: Run, name: str, signer: str) -> None:
    key = certificate(fork, signer).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    authority = certificate(fork, name).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == key


def test_every_certificate_has_a_key_of_its_own_which_is_ecdsa_p256(fork: Run) -> None:
    keys: set[bytes] = set()
    for name in (*CAS, *LEAVES):
        key = certificate(fork, name).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        keys.add(key.public_bytes(serialization.Encoding.DER, form))
        private = text(fork.the("PrivateKey", name).outputs, "privateKeyPem").encode()
        assert serialization.load_pem_private_key(private, None).public_key() == key
    assert len(keys) == len(CAS) + len(LEAVES)


def test_there_are_certificates_for_karmadas_side_as_documented_alone(guarded_stack: Run, fork: Run) -> None:
    """A guard and its server speak by a socket in their pod, where TLS would guard nothing."""
    made = {each.name for each in guarded_stack.resources.values() if each.type.startswith("tls:")}
    assert [each for each in made if "frontend" in each] == []
    assert made >= {"agent-ca-1", "agent-server"}
    assert {each.name for each in fork.resources.values() if each.type.startswith("tls:")} == {*CAS, *LEAVES}


# names


def test_the_frontends_certificate_is_for_the_names_that_are_documented(fork: Run) -> None:
    assert names(certificate(fork, "frontend-server")) == (["kubernetes", "localhost"], ["127.0.0.1"])


def test_the_agents_sides_certificate_is_for_the_address_that_they_dial(dev: Run) -> None:
    (address,) = [each for each, what in dev.placeholders.items() if what == "kind node of karmada-host"]
    assert names(certificate(dev, "agent-server")) == (["kubernetes", "localhost"], [address])


def test_an_address_that_is_a_name_is_a_dns_name_in_the_certificate() -> None:
    addresses = ["kubernetes", "10.0.0.1", "proxy.example.org", "fd00::1"]
    assert dns_names(addresses) == ["kubernetes", "proxy.example.org"]
    assert ip_addresses(addresses) == ["10.0.0.1", "fd00::1"]


def test_every_member_has_its_own_subject(pair: Run) -> None:
    for name in ("member3", "member4"):
        subject = certificate(pair, f"{name}-agent").subject.rfc4514_string()
        assert subject == f"CN=proxy-agent-{name}"


# lifetimes


def test_leaves_live_for_8760_hours_and_cas_for_87600(fork: Run) -> None:
    assert {life(certificate(fork, name)) for name in LEAVES} == {timedelta(hours=8_760)}
    assert {life(certificate(fork, name)) for name in CAS} == {timedelta(hours=87_600)}


def test_up_renews_a_leaf_720_hours_before_its_end_and_a_ca_before_a_leaf_could_outlive_it(fork: Run) -> None:
    leaves = {number(fork.the("LocallySignedCert", name).inputs, "earlyRenewalHours") for name in LEAVES}
    cas = {number(fork.the("SelfSignedCert", name).inputs, "earlyRenewalHours") for name in CAS}
    assert (leaves, cas) == ({720}, {8_760 + 720})


@pytest.mark.parametrize(("leaf", "before", "ca"), [(8_760, 720, 87_600), (24, 1, 26), (2, 1, 4)])
def test_a_leaf_never_outlives_the_ca_that_signs_it(leaf: int, before: int, ca: int) -> None:
    hours: dict[str, Json] = {"validityHours": leaf, "renewBeforeHours": before, "caValidityHours": ca}
    lives = Certificates.model_validate(hours)
    # until the CA is renewed, what it signs ends before it does
    assert lives.ca_validity_hours - lives.ca_renew_before_hours + lives.validity_hours < lives.ca_validity_hours


def test_the_stack_exports_when_the_first_certificate_ends(pair: Run, fork: Run) -> None:
    for run, made in ((pair, (*AGENTS_LEAVES, "member4-agent", "agent-ca-1")), (fork, (*LEAVES, *CAS))):
        said = datetime.fromisoformat(text(run.stack.outputs, "firstCertificateEnds"))
        ends = [certificate(run, name).not_valid_after_utc for name in made]
        assert abs(said - min(ends)) < timedelta(seconds=1)


def test_the_first_end_is_told_from_others_in_another_time_zone() -> None:
    # pulumi-tls writes the zone of the machine that issued the certificate, and fractions of a second
    ends = ["2027-01-31T12:30:00.123456789+02:00", "2027-01-31T11:00:00.5Z", "2027-01-31T10:00:00-08:00"]
    assert first(ends) == ends[0]


# what rendering and tests make in pulumi-tls's stead


def test_an_input_that_is_not_known_is_refused_rather_than_left_out() -> None:
    with pytest.raises(ValueError, match="does not know the input maxPathLength"):
        issuing.self_signed({"privateKeyPem": issuing.private_key_pem(), "maxPathLength": 0})


def test_a_usage_that_is_not_known_is_refused() -> None:
    inputs: dict[str, Json] = {"privateKeyPem": issuing.private_key_pem(), "validityPeriodHours": 1}
    with pytest.raises(ValueError, match="does not know the usage any_extended"):
        issuing.self_signed({**inputs, "allowedUses": ["any_extended"]})


FILES = {"cluster-ca-cert.crt": "agent-ca-1", "cluster-cert.crt": "agent-server"}
FRONTEND_FILES = {"server-ca-cert.crt": "frontend-ca-1", "server-cert.crt": "frontend-server"}


def test_the_servers_secret_holds_these_certificates_and_their_keys_under_the_documented_names_and_no_other(
    dev: Run, fork: Run
) -> None:
    both = {**FILES, **FRONTEND_FILES}
    for run, held, keys in ((dev, FILES, ["cluster-key.key"]), (fork, both, ["cluster-key.key", "server-key.key"])):
        data = entries(run.the("Secret", "proxy-server-cert").inputs, "data")
        assert {file: base64.b64decode(str(data[file])).decode() for file in held} == {
            file: pem(run, name) for file, name in held.items()
        }
        assert data.keys() == {*held, *keys}
