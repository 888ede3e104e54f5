"""Certificates as pulumi-tls makes them, from the same inputs, and runs of the program that has been given such.

Inputs are the resources' own (those of `tls:index/selfSignedCert:SelfSignedCert` and so on), with their camelCase keys.
Only those that the program uses are known; any other is refused, so that nothing made here lacks what pulumi-tls would
put in.
Source: terraform-provider-tls, internal/provider/common_cert.go, and what Go's x509.CreateCertificate adds by itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clusters.objects import Json, at, items, text
from tools.render import program
from tools.render.recorded import Recorded

Inputs = Mapping[str, Json]

KEY_USAGES = {
    "digital_signature": "digital_signature",
    "key_encipherment": "key_encipherment",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
}
"""pulumi-tls's names of key usages, and `cryptography`'s."""

EXTENDED_USAGES = {
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
}


def private_key_pem() -> str:
    """A new ECDSA P-256 key, in SEC 1 PEM as pulumi-tls's `privateKeyPem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def request(inputs: Inputs) -> str:
    """A CertRequest's `certRequestPem`."""
    _refuse_unknown(inputs, {"privateKeyPem", "subject", "dnsNames", "ipAddresses"})
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(inputs))
    names = _names(inputs)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _pem(builder.sign(_key(text(inputs, "privateKeyPem")), hashes.SHA256()))


def self_signed(inputs: Inputs, now: datetime | None = None) -> tuple[str, str]:
    """A SelfSignedCert's `certPem` and `validityEndTime`, issued `now`."""
    _refuse_unknown(inputs, {"privateKeyPem", "subject", "dnsNames", "ipAddresses", *ISSUING})
    key, subject = _key(text(inputs, "privateKeyPem")), _subject(inputs)
    return _issue(inputs, subject, key.public_key(), _names(inputs), issuer=subject, signer=key, now=now)


def locally_signed(inputs: Inputs, now: datetime | None = None) -> tuple[str, str]:
    """A LocallySignedCert's `certPem` and `validityEndTime`, issued `now`."""
    _refuse_unknown(inputs, {"certRequestPem", "caPrivateKeyPem", "caCertPem", *ISSUING})
    asked = x509.load_pem_x509_csr(text(inputs, "certRequestPem").encode())
    authority = x509.load_pem_x509_certificate(text(inputs, "caCertPem").encode())
    alternative = [each.value for each in asked.extensions if isinstance(each.value, x509.SubjectAlternativeName)]
    return _issue(
        inputs,
        asked.subject,
        cast("ec.EllipticCurvePublicKey", asked.public_key()),
        [name for names in alternative for name in names],
        issuer=authority.subject,
        issuer_key=[each.value for each in authority.extensions if isinstance(each.value, x509.SubjectKeyIdentifier)],
        signer=_key(text(inputs, "caPrivateKeyPem")),
        now=now,
    )


ISSUING = ("allowedUses", "validityPeriodHours", "earlyRenewalHours", "isCaCertificate", "setSubjectKeyId")
"""Inputs of both kinds of certificate. `earlyRenewalHours` leaves no trace in one: it is pulumi-tls's own business."""


def _issue(
    inputs: Inputs,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    names: Sequence[x509.GeneralName],
    *,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    issuer_key: Sequence[x509.SubjectKeyIdentifier] = (),
    now: datetime | None,
) -> tuple[str, str]:
    begins = now or datetime.now().astimezone()
    hours = at(inputs, "validityPeriodHours")
    if not isinstance(hours, int | float):
        raise ValueError("a certificate needs validityPeriodHours")
    ends = begins + timedelta(hours=hours)
    is_ca = at(inputs, "isCaCertificate") is True
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .not_valid_before(begins.astimezone(UTC).replace(microsecond=0))
        .not_valid_after(ends.astimezone(UTC).replace(microsecond=0))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    for extension, critical in _usages([str(each) for each in items(inputs, "allowedUses")]):
        builder = builder.add_extension(extension, critical)
    if is_ca or at(inputs, "setSubjectKeyId") is True:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    for each in issuer_key:
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(each)
        builder = builder.add_extension(authority_key, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
    return _pem(builder.sign(signer, hashes.SHA256())), ends.isoformat().replace("+00:00", "Z")


def _usages(uses: Sequence[str]) -> Iterable[tuple[x509.ExtensionType, bool]]:
    """The extensions for pulumi-tls's `allowedUses`, each with whether it is critical."""
    every = ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    flags = dict.fromkeys([*KEY_USAGES.values(), *every], False)
    for use in uses:
        if use not in KEY_USAGES and use not in EXTENDED_USAGES:
            raise ValueError(f"tests/issuing.py does not know the usage {use}")
    flags |= {KEY_USAGES[use]: True for use in uses if use in KEY_USAGES}
    if any(flags.values()):
        yield x509.KeyUsage(**flags), True
    extended = [EXTENDED_USAGES[use] for use in uses if use in EXTENDED_USAGES]
    if extended:
        yield x509.ExtendedKeyUsage(extended), False


def _names(inputs: Inputs) -> list[x509.GeneralName]:
    names = [x509.DNSName(str(each)) for each in items(inputs, "dnsNames")]
    return [*names, *(x509.IPAddress(ipaddress.ip_address(str(each))) for each in items(inputs, "ipAddresses"))]


def _subject(inputs: Inputs) -> x509.Name:
    common_name = text(inputs, "subject", "commonName")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    return cast("ec.EllipticCurvePrivateKey", serialization.load_pem_private_key(pem.encode(), None))


def _pem(made: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _refuse_unknown(inputs: Inputs, known: Iterable[str]) -> None:
    unknown = sorted(set(inputs) - set(known))
    if unknown:
        raise ValueError(f"tests/issuing.py does not know the input {', '.join(unknown)}")


def run(
    stack: str,
    config: Mapping[str, Json],
    before: Iterable[Recorded] = (),
    now: datetime | None = None,
    preview: bool = False,
) -> program.Run:
    """A run of the program as tools/render/program.py has it, with real keys and certificates, issued `now`."""
    return program.run(stack, config, before, preview, partial(_made, now))


def _made(now: datetime | None, kind: str, inputs: Inputs) -> dict[str, Json]:
    """What pulumi-tls makes of a resource of a type."""
    if kind.endswith(":PrivateKey"):
        if inputs != {"algorithm": "ECDSA", "ecdsaCurve": "P256"}:
            raise ValueError(f"tests/issuing.py makes no such key: {inputs}")
        return {"privateKeyPem": private_key_pem()}
    if kind.endswith(":CertRequest"):
        return {"certRequestPem": request(inputs)}
    pem, ends = (self_signed if kind.endswith(":SelfSignedCert") else locally_signed)(inputs, now)
    return {"certPem": pem, "validityEndTime": ends}
