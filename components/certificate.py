"""A certificate authority, and a leaf certificate signed by one, each with its own ECDSA P-256 key.

They write no Secrets; secret_files.py does. Private keys are secret Outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi_tls as tls
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.moved import moved_out_of
from config.certificate_settings import Certificates
from config.fields import ip

SERVER_USAGES = ("digital_signature", "server_auth")
CLIENT_USAGES = ("digital_signature", "client_auth")
CA_USAGES = ("digital_signature", "cert_signing", "crl_signing")


def private_key(name: str, opts: ResourceOptions) -> tls.PrivateKey:
    """An ECDSA P-256 key, which every release of ANP and HAProxy takes."""
    return tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve="P256", opts=opts)


@dataclass(frozen=True, kw_only=True)
class CertificateAuthorityArgs:
    """`common_name` is the CA's subject; with `protect_key` Pulumi refuses to delete its key."""

    common_name: str
    settings: Certificates
    protect_key: bool = False


class CertificateAuthority(ComponentResource):
    """A self-signed CA. Its renewal keeps the key, so that certificates it has signed stay valid.

    Only the key is protected: a protected certificate could not be renewed.
    """

    key_pem: Output[str]
    cert_pem: Output[str]
    ends: Output[str]
    """The end of the certificate, RFC 3339."""

    def __init__(self, name: str, args: CertificateAuthorityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:CertificateAuthority", name, None, opts)
        child = ResourceOptions(parent=self)
        key = private_key(name, ResourceOptions.merge(child, ResourceOptions(protect=args.protect_key)))
        certificate = tls.SelfSignedCert(
            name,
            private_key_pem=key.private_key_pem,
            subject={"common_name": args.common_name},
            is_ca_certificate=True,
            set_subject_key_id=True,
            allowed_uses=list(CA_USAGES),
            validity_period_hours=args.settings.ca_validity_hours,
            early_renewal_hours=args.settings.ca_renew_before_hours,
            opts=child,
        )
        self.key_pem = key.private_key_pem
        self.cert_pem = certificate.cert_pem
        self.ends = certificate.validity_end_time
        self.register_outputs({"certPem": self.cert_pem, "ends": self.ends})


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """`usages` is SERVER_USAGES or CLIENT_USAGES; `addresses` are a server's SANs, IP addresses or DNS names."""

    authority: CertificateAuthority
    common_name: str
    usages: Sequence[str]
    settings: Certificates
    addresses: Sequence[Input[str]] = ()


class Certificate:
    """A leaf certificate and its key, for a server or for a client, never both; it signs nothing.

    Not a component (moved.py says why): its resources are children of `opts.parent`.
    """

    key_pem: Output[str]
    cert_pem: Output[str]
    ends: Output[str]
    """The end of the certificate, RFC 3339."""

    def __init__(self, name: str, args: CertificateArgs, opts: ResourceOptions) -> None:
        child = moved_out_of("Certificate", name, opts)
        key = private_key(name, child)
        names = Output.all(*args.addresses)
        request = tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
            subject={"common_name": args.common_name},
            dns_names=names.apply(dns_names) if args.addresses else None,
            ip_addresses=names.apply(ip_addresses) if args.addresses else None,
            opts=child,
        )
        certificate = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=args.authority.key_pem,
            ca_cert_pem=args.authority.cert_pem,
            allowed_uses=list(args.usages),
            validity_period_hours=args.settings.validity_hours,
            early_renewal_hours=args.settings.renew_before_hours,
            opts=child,
        )
        self.key_pem = key.private_key_pem
        self.cert_pem = certificate.cert_pem
        self.ends = certificate.validity_end_time


def first(ends: Sequence[str]) -> str:
    """The earliest of some times, RFC 3339. Each has the time zone of the machine that issued its certificate."""
    return min(ends, key=datetime.fromisoformat)


def ip_addresses(names: Sequence[str]) -> list[str]:
    """Those of `names` that are IP addresses, in their order."""
    return [name for name in names if ip(name)]


def dns_names(names: Sequence[str]) -> list[str]:
    """Those of `names` that are not IP addresses, in their order."""
    return [name for name in names if not ip(name)]
