"""What certificates may be used for, how long they live, and what becomes of their keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clusters.objects import at, items, number, text
from config.problems import config_set
from policy.resources import Resource, is_known

KEY = "tls:index/privateKey:PrivateKey"
CA = "tls:index/selfSignedCert:SelfSignedCert"
LEAF = "tls:index/locallySignedCert:LocallySignedCert"
AUTHORITY = "karmada-anp:index:CertificateAuthority"
"""The component that a CA's key and certificate belong to."""

LEAF_USES = (("digital_signature", "server_auth"), ("digital_signature", "client_auth"))
CA_USES = ("digital_signature", "cert_signing", "crl_signing")

LONGEST_LIFE = 397 * 24
"""Hours of a leaf certificate: a year and a month, as browsers ask of public ones. Nobody can take one back here."""

GENERATION = re.compile(r"-(\d+)$")
"""How the name of a CA's key ends (components/pki.py)."""


def certificates_have_one_use(resource: Resource) -> Iterator[str]:
    """A leaf serves or is a client; a CA signs. So no agent can pass for the server, and no leaf can sign another."""
    uses = at(resource.properties, "allowedUses")
    if resource.type not in (LEAF, CA) or not is_known(uses):
        return
    allowed = (CA_USES,) if resource.type == CA else LEAF_USES
    if set(items(uses)) not in [set(each) for each in allowed]:
        said = " or ".join(" and ".join(each) for each in allowed)
        yield f"{resource} may be used for {', '.join(map(str, items(uses))) or 'anything'}: allow {said}"
    if resource.type == LEAF and at(resource.properties, "isCaCertificate"):
        yield f"{resource} is a CA's: take is_ca_certificate away"


def certificates_are_renewed_in_time(resource: Resource) -> Iterator[str]:
    """The first `up` in the last hours of a certificate renews it; without them it would end unseen."""
    if resource.type not in (LEAF, CA):
        return
    life, before = _life(resource), _renewal(resource)
    if resource.type == LEAF and life > LONGEST_LIFE:
        yield f"{resource} lives for {life} hours, above {LONGEST_LIFE}: {_set('validityHours', 8_760)}"
    if not 0 < before < life:
        ca = resource.type == CA
        mend = _set("caValidityHours", 10 * before) if ca else _set("renewBeforeHours", max(1, life // 12))
        yield f"{resource} lives for {life} hours and is renewed {before} hours before its end: {mend}"


def leaves_end_before_their_ca(resources: Mapping[str, Resource]) -> Iterator[tuple[Resource, str]]:
    """A CA is renewed at least a leaf's life before its own end: whatever it signs until then ends before it."""
    for leaf in resources.values():
        needed = [resources[urn] for urn in leaf.dependencies if urn in resources] if leaf.type == LEAF else []
        for ca in needed:
            if ca.type == CA and _renewal(ca) < _life(leaf):
                why = f"lives for {_life(leaf)} hours and could outlive {ca}: renew that as many hours before its end"
                yield leaf, f"{leaf} {why}, not {_renewal(ca)} (Lifetime.ca_renewal)"


def keys_are_ecdsa_p256(resource: Resource) -> Iterator[str]:
    """Every release of ANP and HAProxy takes these, and they are quick."""
    made = [text(resource.properties, each) for each in ("algorithm", "ecdsaCurve")]
    if resource.type == KEY and made != ["ECDSA", "P256"]:
        yield f"{resource} is {' '.join(each for each in made if each)}: make it ECDSA with curve P256"


def ca_keys_are_protected(resource: Resource, signs: int) -> Iterator[str]:
    """The keys of the generation that signs, and of the next one. A former one is for the last step of
    `make rotate-ca` to delete, and may not be protected."""
    if resource.type != KEY or not resource.is_below(AUTHORITY) or resource.protect:
        return
    generation = GENERATION.search(resource.name)
    if generation is None or int(generation[1]) >= signs:
        yield f"{resource} is a CA's, and nothing keeps it from being deleted: {_set('protectCaKeys', 'true')}"


def _life(certificate: Resource) -> int:
    return number(certificate.properties, "validityPeriodHours")


def _renewal(certificate: Resource) -> int:
    return number(certificate.properties, "earlyRenewalHours")


def _set(key: str, value: object) -> str:
    return config_set(f"certificates.{key}", str(value))
