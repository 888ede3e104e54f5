"""TunnelPki: the two CAs of the tunnel, and the certificates that the host cluster holds.

A member's agent certificate is the member's own (member.py); it is signed by `agent_ca`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.anp import SERVER_NAMES
from components.certificate import (
    CLIENT_USAGES,
    SERVER_USAGES,
    Certificate,
    CertificateArgs,
    CertificateAuthority,
    CertificateAuthorityArgs,
    Lifetime,
    first,
)


@dataclass(frozen=True, kw_only=True)
class TunnelPkiArgs:
    """`address` is where agents dial the server: an IP address or a DNS name."""

    address: Input[str]
    lifetime: Lifetime
    protect_ca_keys: bool = False


class TunnelPki(ComponentResource):
    """Two CAs that know nothing of each other, so that no agent's certificate opens the frontend.

    The frontend CA signs proxy-server's certificate for Karmada's side (`frontend_server`) and the client
    certificate that may use it (`frontend_client`); the agent CA signs the certificate that agents dial
    (`agent_server`), and theirs.
    """

    frontend_ca: CertificateAuthority
    frontend_server: Certificate
    frontend_client: Certificate
    agent_ca: CertificateAuthority
    agent_server: Certificate
    ends: Output[str]
    """When the first of these certificates ends, RFC 3339."""

    def __init__(self, name: str, args: TunnelPkiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:TunnelPki", name, None, opts)
        child = ResourceOptions(parent=self)

        def authority(of: str) -> CertificateAuthority:
            return CertificateAuthority(
                f"{of}-ca",
                CertificateAuthorityArgs(
                    common_name=f"karmada-anp-{of}-ca", lifetime=args.lifetime, protect_key=args.protect_ca_keys
                ),
                child,
            )

        def server(of: str, signed_by: CertificateAuthority, address: Input[str]) -> Certificate:
            return Certificate(
                f"{of}-server",
                CertificateArgs(
                    authority=signed_by,
                    common_name="proxy-server",
                    usages=SERVER_USAGES,
                    addresses=[*SERVER_NAMES, address],
                    lifetime=args.lifetime,
                ),
                child,
            )

        self.frontend_ca, self.agent_ca = authority("frontend"), authority("agent")
        self.frontend_server = server("frontend", self.frontend_ca, "127.0.0.1")
        self.agent_server = server("agent", self.agent_ca, args.address)
        self.frontend_client = Certificate(
            "frontend-client",
            CertificateArgs(
                authority=self.frontend_ca, common_name="karmada", usages=CLIENT_USAGES, lifetime=args.lifetime
            ),
            child,
        )
        all_of_them = (
            self.frontend_ca,
            self.agent_ca,
            self.frontend_server,
            self.frontend_client,
            self.agent_server,
        )
        self.ends = Output.all(*(each.ends for each in all_of_them)).apply(first)
        self.register_outputs({"ends": self.ends})
