"""The hop of the tunnel's certificates, from the Secrets: when each expires, and whether the other side trusts its CA.

It does not look at the keys in the same Secrets.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from checks.doctor.tunnel_path import TunnelPath
from checks.findings import REFRESH, Finding, right, wrong
from clusters.objects import Json, entries, items, text
from components import anp
from config.fields import ip

CERTIFICATES = "certificates"

RENEW = f"{REFRESH}  # and delete a pod that has begun with it: it keeps what it read"


@dataclass(frozen=True, kw_only=True)
class PresentedCertificate:
    """A certificate in PEM, its name, the CAs that the other side trusts, and the address if it is a server's."""

    name: str
    pem: str
    trusted: str
    address: str = ""


def certificates(path: TunnelPath) -> Finding:
    """Whether each certificate is valid now and signed by a CA that the other side trusts. Raises Unavailable."""
    namespace, inside = path.tunnel.host_namespace, path.tunnel.member_namespace
    secrets = {
        anp.SERVER_CERT_SECRET: (path.tunnel.host, namespace, anp.SERVER_CERT_SECRET),
        anp.AGENT_CERT_SECRET: (path.tunnel.inside, inside, _agents_secret(path)),
    }
    files: dict[str, Mapping[str, str]] = {}
    for whose, (api, where, name) in secrets.items():
        secret = path.secret(api, where, name)
        if secret is None:
            detail = f'there is no Secret "{name}" in namespace "{where}" of {api.name}'
            return wrong(CERTIFICATES, detail, REFRESH)
        files[whose] = _files(secret)
    now = datetime.now(UTC)
    ends: dict[str, datetime] = {}
    for each in _presented_certificates(path, files):
        try:
            leaf, *_ = x509.load_pem_x509_certificates(each.pem.encode())
            trusted = x509.load_pem_x509_certificates(each.trusted.encode())
        except ValueError:
            return wrong(CERTIFICATES, f"{each.name} is not there, or is no certificate", RENEW)
        objection = _objection(each, leaf, trusted, now)
        if objection:
            return wrong(CERTIFICATES, f"{each.name} {objection}", RENEW)
        ends[each.name] = leaf.not_valid_after_utc
    name = min(ends, key=lambda each: ends[each])
    return right(CERTIFICATES, f"{len(ends)} are trusted, the first ends {ends[name]:%Y-%m-%d} ({name})")


def _agents_secret(path: TunnelPath) -> str:
    """The Secret of the proxy-agents' pods. In a member that only Karmada reaches, each version has another name."""
    for each in items(path.agents() if path.tunnel.delivered else None, "spec", "template", "spec", "volumes"):
        if text(each, "secret", "secretName").startswith(anp.AGENT_CERT_SECRET):
            return text(each, "secret", "secretName")
    return anp.AGENT_CERT_SECRET


def _presented_certificates(
    path: TunnelPath, secrets: Mapping[str, Mapping[str, str]]
) -> Iterator[PresentedCertificate]:
    """The certificates in the Secrets. Only the documented frontend has the one of frontend-server."""
    server, agent = secrets[anp.SERVER_CERT_SECRET], secrets[anp.AGENT_CERT_SECRET]
    if not path.tunnel.guarded:
        trusted = server.get("server-ca-cert.crt", "")
        yield PresentedCertificate(name="frontend-server", pem=server.get("server-cert.crt", ""), trusted=trusted)
    yield PresentedCertificate(
        name="agent-server",
        pem=server.get("cluster-cert.crt", ""),
        trusted=agent.get("ca.crt", ""),
        address=path.tunnel.address,
    )
    trusted = server.get("cluster-ca-cert.crt", "")
    yield PresentedCertificate(
        name=f"{path.tunnel.member}-agent", pem=agent.get("proxy-agent.crt", ""), trusted=trusted
    )


def _objection(
    of: PresentedCertificate, leaf: x509.Certificate, trusted: Sequence[x509.Certificate], now: datetime
) -> str:
    """Why the other side would refuse a certificate, or an empty text."""
    signers = [each for each in trusted if _signed(leaf, each)]
    if not signers:
        return "is signed by no CA that the other side trusts"
    authority = max(signers, key=lambda each: each.not_valid_after_utc)
    for each, what in ((leaf, ""), (authority, "is signed by a CA that ")):
        if each.not_valid_after_utc < now:
            return f"{what}ended {each.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if each.not_valid_before_utc > now:
            return f"{what}begins {each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if of.address and _canonical(of.address) not in _names(leaf):
        return f"does not name {of.address}, which members dial"
    return ""


def _signed(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(certificate: x509.Certificate) -> Sequence[str]:
    """The DNS names and IP addresses (SANs) of a server's certificate."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _canonical(address: str) -> str:
    """An IP address in the one spelling that a certificate has, of several for IPv6; a name unchanged."""
    return str(ip(address) or address)


def _files(secret: Json) -> dict[str, str]:
    """A Secret's files as text, by name."""
    data = entries(secret, "data")
    return {name: base64.b64decode(text(data, name)).decode(errors="replace") for name in data}
