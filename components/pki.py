"""TunnelPki: the two CAs of the tunnel, and the certificates that the host cluster holds.

A member's agent certificate is the member's own (member.py); it is signed by `agent_ca`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.anp import SERVER, SERVER_NAMES
from components.certificate import (
    CLIENT_USAGES,
    SERVER_USAGES,
    Certificate,
    CertificateArgs,
    CertificateAuthority,
    CertificateAuthorityArgs,
    first,
)
from config.settings import Certificates


@dataclass(frozen=True, kw_only=True)
class TunnelPkiArgs:
    """`address` is where agents dial the server: an IP address or a DNS name."""

    address: Input[str]
    settings: Certificates


class TunnelPki(ComponentResource):
    """Two CAs that know nothing of each other, so that no agent's certificate opens the frontend.

    The frontend CA signs proxy-server's certificate for Karmada's side (`frontend_server`) and the client
    certificate that may use it (`frontend_client`); the agent CA signs the certificate that agents dial
    (`agent_server`), and theirs. While a CA's key is changed there are two of each, and both are trusted.
    """

    agent_ca: CertificateAuthority
    """What signs members' certificates."""
    frontend_trust: Output[str]
    agent_trust: Output[str]
    """PEMs of the CAs that are trusted on a side, the one that signs first."""
    frontend_server: Certificate
    frontend_client: Certificate
    agent_server: Certificate
    certificate_ends: Mapping[str, Output[str]]
    """When each of these certificates ends, RFC 3339, by its name."""
    ends: Output[str]
    """When the first of them ends."""

    def __init__(self, name: str, args: TunnelPkiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:TunnelPki", name, None, opts)
        child = ResourceOptions(parent=self)
        frontend, agent = _authorities("frontend", args, child), _authorities("agent", args, child)

        def certificate(
            of: str, authority: CertificateAuthority, common_name: str, *addresses: Input[str]
        ) -> Certificate:
            return Certificate(
                of,
                CertificateArgs(
                    authority=authority,
                    common_name=common_name,
                    usages=SERVER_USAGES if addresses else CLIENT_USAGES,
                    addresses=addresses,
                    settings=args.settings,
                ),
                child,
            )

        self.frontend_trust, self.agent_trust = (
            Output.concat("", *(each.cert_pem for each in side.values())) for side in (frontend, agent)
        )
        frontend_ca, self.agent_ca = next(iter(frontend.values())), next(iter(agent.values()))
        self.frontend_server = certificate("frontend-server", frontend_ca, SERVER, *SERVER_NAMES, "127.0.0.1")
        self.frontend_client = certificate("frontend-client", frontend_ca, "karmada")
        self.agent_server = certificate("agent-server", self.agent_ca, SERVER, *SERVER_NAMES, args.address)
        self.certificate_ends = {
            **{name: authority.ends for name, authority in (frontend | agent).items()},
            "frontend-server": self.frontend_server.ends,
            "frontend-client": self.frontend_client.ends,
            "agent-server": self.agent_server.ends,
        }
        self.ends = Output.all(*self.certificate_ends.values()).apply(first)
        self.register_outputs({"ends": self.ends})


def _authorities(of: str, args: TunnelPkiArgs, opts: ResourceOptions) -> dict[str, CertificateAuthority]:
    """A CA a generation of its key, by name. A key that signs no longer is not protected: the next step deletes it."""
    return {
        name: CertificateAuthority(
            name,
            CertificateAuthorityArgs(
                common_name=f"karmada-anp-{name}",
                settings=args.settings,
                protect_key=args.settings.protect_ca_keys and generation >= args.settings.ca_keys[0],
            ),
            opts,
        )
        for generation in args.settings.ca_keys
        for name in [f"{of}-ca-{generation}"]
    }
