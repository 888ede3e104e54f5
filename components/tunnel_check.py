"""TunnelCheck: a real request through Karmada to each member, at the end of `pulumi up`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_command import local

from components import anp
from components.member import Member
from components.proxy_server import ProxyServer
from config.settings import Host, MemberSettings

SECONDS = 60
"""How long a check tries before it fails with what each hop answered."""


@dataclass(frozen=True, kw_only=True)
class TunnelCheckArgs:
    """The member whose path is checked, the host, and the components that make the path."""

    settings: MemberSettings
    host: Host
    server: ProxyServer
    member: Member


def description(host: Host, member: MemberSettings) -> dict[str, object]:
    """What checks/commands/check.py takes: whom to ask, and what to look at when the tunnel does not answer."""
    return {
        "cluster": member.name,
        "seconds": SECONDS,
        "karmada": {"kubeconfig": host.kubeconfig, "context": host.karmada_context},
        "host": {"kubeconfig": host.kubeconfig, "context": host.context, "namespace": host.namespace},
        "member": {"kubeconfig": member.kubeconfig, "context": member.context, "namespace": member.namespace},
        "agent": {"namespace": member.agent.namespace, "deployment": member.agent.deployment},
        "server": anp.SERVER,
        "proxyAgent": anp.AGENT,
        "apiEndpoint": member.api_endpoint,
    }


class TunnelCheck(ComponentResource):
    """`/readyz` and a list through Karmada, tried for a bounded time. It runs again when anything on the path changed.

    `up` fails with what each hop answered when nothing arrives. No credential is printed.
    """

    def __init__(self, name: str, args: TunnelCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:TunnelCheck", name, None, opts)
        after: Sequence[Resource] = [args.member, args.server]
        local.Command(
            name,
            create="python3 -m checks.commands.check",
            stdin=json.dumps(description(args.host, args.settings)),
            triggers=[Output.format("{0} {1}", args.server.revision, args.member.revision)],
            opts=ResourceOptions(parent=self, depends_on=after),
        )
        self.register_outputs({})
