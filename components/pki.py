"""TunnelPki: the tunnel's CA, with `frontend: documented` a second one, and the certificates in the host cluster.

It does not make agents' certificates: member.py does, and `agent_ca` signs them.
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
from config.certificate_settings import Certificates
from config.proxy_settings import Frontend


@dataclass(frozen=True, kw_only=True)
class TunnelPkiArgs:
    """`address` is where agents dial the server: an IP address or a DNS name, a SAN of the server's certificate."""

    address: Input[str]
    settings: Certificates
    frontend: Frontend


@dataclass(frozen=True, kw_only=True)
class FrontendSide:
    """Karmada's side of a documented proxy-server: the server's certificate and a client's.

    `trust` is the PEMs of the CAs that are trusted there, the one that signs first.
    """

    trust: Output[str]
    server: Certificate
    client: Certificate


class TunnelPki(ComponentResource):
    """The agent CA signs proxy-server's certificate for agents (`agent_server`) and the agents' client certificates.

    With `frontend: documented` a separate frontend CA signs Karmada's side, so that no agent's certificate opens the
    frontend. While the CAs' keys are being replaced there are two of each CA, and both are trusted.
    """

    agent_ca: CertificateAuthority
    """The CA that signs members' certificates."""
    agent_trust: Output[str]
    """PEMs of the CAs that are trusted on the agents' side, the one that signs first."""
    agent_server: Certificate
    frontend: FrontendSide | None
    """None in a guarded stack, where the guard is the frontend's only client."""
    certificate_ends: Mapping[str, Output[str]]
    """The end of each of these certificates, RFC 3339, by the certificate's name."""
    ends: Output[str]
    """The earliest of these ends."""

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
    """One CA for each generation of its key, by name.

    The key of a generation that no longer signs is not protected: the next step of `make rotate-ca` deletes it.
    """
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
