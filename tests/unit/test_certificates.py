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
from config.settings import Certificates
from tests import issuing
from tools.render.program import Run

CAS = ("frontend-ca-1", "agent-ca-1")
LEAVES = {
    "frontend-server": "frontend-ca-1",
    "frontend-client": "frontend-ca-1",
    "agent-server": "agent-ca-1",
    "member3-agent": "agent-ca-1",
}
"""Each leaf certificate and the CA that signs it."""


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
def test_a_ca_is_one_and_signs_itself(dev: Run, name: str) -> None:
    ca = certificate(dev, name)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.critical) == (True, True)
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    ca.verify_directly_issued_by(ca)
    with pytest.raises(x509.ExtensionNotFound):
        usages(ca)


@pytest.mark.parametrize(("name", "signer"), LEAVES.items())
def test_a_leaf_names_its_cas_key_so_that_a_renewed_ca_is_found(dev: Run, name: str, signer: str) -> None:
    key = certificate(dev, signer).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    authority = certificate(dev, name).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == key


def test_every_certificate_has_a_key_of_its_own_which_is_ecdsa_p256(dev: Run) -> None:
    keys: set[bytes] = set()
    for name in (*CAS, *LEAVES):
        key = certificate(dev, name).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        keys.add(key.public_bytes(serialization.Encoding.DER, form))
        private = text(dev.the("PrivateKey", name).outputs, "privateKeyPem").encode()
        assert serialization.load_pem_private_key(private, None).public_key() == key
    assert len(keys) == len(CAS) + len(LEAVES)


# names


def test_the_frontends_certificate_is_for_the_names_that_are_documented(dev: Run) -> None:
    assert names(certificate(dev, "frontend-server")) == (["kubernetes", "localhost"], ["127.0.0.1"])


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


def test_leaves_live_for_8760_hours_and_cas_for_87600(dev: Run) -> None:
    assert {life(certificate(dev, name)) for name in LEAVES} == {timedelta(hours=8_760)}
    assert {life(certificate(dev, name)) for name in CAS} == {timedelta(hours=87_600)}


def test_up_renews_a_leaf_720_hours_before_its_end_and_a_ca_before_a_leaf_could_outlive_it(dev: Run) -> None:
    leaves = {number(dev.the("LocallySignedCert", name).inputs, "earlyRenewalHours") for name in LEAVES}
    cas = {number(dev.the("SelfSignedCert", name).inputs, "earlyRenewalHours") for name in CAS}
    assert (leaves, cas) == ({720}, {8_760 + 720})


@pytest.mark.parametrize(("leaf", "before", "ca"), [(8_760, 720, 87_600), (24, 1, 26), (2, 1, 4)])
def test_a_leaf_never_outlives_the_ca_that_signs_it(leaf: int, before: int, ca: int) -> None:
    hours: dict[str, Json] = {"validityHours": leaf, "renewBeforeHours": before, "caValidityHours": ca}
    lives = Certificates.model_validate(hours)
    # until the CA is renewed, what it signs ends before it does
    assert lives.ca_validity_hours - lives.ca_renew_before_hours + lives.validity_hours < lives.ca_validity_hours


def test_the_stack_exports_when_the_first_certificate_ends(pair: Run) -> None:
    said = datetime.fromisoformat(text(pair.stack.outputs, "firstCertificateEnds"))
    ends = [certificate(pair, name).not_valid_after_utc for name in (*LEAVES, "member4-agent", *CAS)]
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


def test_the_secrets_of_the_cluster_hold_these_certificates_under_the_documented_names(dev: Run) -> None:
    held = {
        "server-ca-cert.crt": pem(dev, "frontend-ca-1"),
        "server-cert.crt": pem(dev, "frontend-server"),
        "cluster-ca-cert.crt": pem(dev, "agent-ca-1"),
        "cluster-cert.crt": pem(dev, "agent-server"),
    }
    data = entries(dev.the("Secret", "proxy-server-cert").inputs, "data")
    assert {file: base64.b64decode(str(data[file])).decode() for file in held} == held
