"""TunnelPki: the tunnel's CA, as documented a second one, and the certificates that the host cluster holds.

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
from config.proxy_settings import Frontend
from config.settings import Certificates


@dataclass(frozen=True, kw_only=True)
class TunnelPkiArgs:
    """`address` is where agents dial the server: an IP address or a DNS name. As documented there is a frontend CA."""

    address: Input[str]
    settings: Certificates
    frontend: Frontend


@dataclass(frozen=True, kw_only=True)
class FrontendSide:
    """Karmada's side of a documented proxy-server: PEMs of the CAs that are trusted there, the one that signs first,
    the server's certificate, and a client's."""

    trust: Output[str]
    server: Certificate
    client: Certificate


class TunnelPki(ComponentResource):
    """The agent CA signs the certificate that agents dial (`agent_server`), and theirs. As documented there is a
    frontend CA for Karmada's side too, that knows nothing of it, so that no agent's certificate opens the frontend.

    While a CA's key is changed there are two of each, and both are trusted.
    """

    agent_ca: CertificateAuthority
    """What signs members' certificates."""
    agent_trust: Output[str]
    """PEMs of the CAs that are trusted on agents' side, the one that signs first."""
    agent_server: Certificate
    frontend: FrontendSide | None
    """None where a guard is the frontend's only client."""
    certificate_ends: Mapping[str, Output[str]]
    """When each of these certificates ends, RFC 3339, by its name."""
    ends: Output[str]
    """When the first of them ends."""

    def __init__(self, name: str, args: TunnelPkiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:TunnelPki", name, None, opts)
        child = ResourceOptions(parent=self)
        documented = args.frontend is Frontend.DOCUMENTED
        frontend = _authorities("frontend", args, child) if documented else {}
        agent = _authorities("agent", args, child)

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

        self.agent_trust, self.agent_ca = _trust(agent), next(iter(agent.values()))
        self.agent_server = certificate("agent-server", self.agent_ca, SERVER, *SERVER_NAMES, args.address)
        leaves = {"agent-server": self.agent_server}
        self.frontend = None
        if frontend:
            frontend_ca = next(iter(frontend.values()))
            server = certificate("frontend-server", frontend_ca, SERVER, *SERVER_NAMES, "127.0.0.1")
            client = certificate("frontend-client", frontend_ca, "karmada")
            self.frontend = FrontendSide(trust=_trust(frontend), server=server, client=client)
            leaves |= {"frontend-server": server, "frontend-client": client}
        self.certificate_ends = {name: each.ends for name, each in {**frontend, **agent, **leaves}.items()}
        self.ends = Output.all(*self.certificate_ends.values()).apply(first)
        self.register_outputs({"ends": self.ends})


def _trust(authorities: Mapping[str, CertificateAuthority]) -> Output[str]:
    return Output.concat("", *(each.cert_pem for each in authorities.values()))


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
