"""TunnelCheck: real requests through Karmada to members, at the end of `pulumi up`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local

from checks.commands import check
from checks.doctor.tunnel import Tunnel
from components.entry import Entry
from components.local_command import local_command
from components.member import Member
from components.proxy_server import ProxyServer
from config.settings import MemberSettings, Settings

SECONDS = 60
"""How long a check tries before it fails and says what is wrong on the path."""


@dataclass(frozen=True, kw_only=True)
class TunnelCheckArgs:
    """The stack's settings, the members to check (`of`), and the components that make the paths to them.

    `reported` are texts that change whenever the delivery makes karmada-agents report the tunnel again, or a member
    becomes Ready or not. `away` are names of those that are not.
    """

    settings: Settings
    of: Sequence[MemberSettings]
    entry: Entry
    server: ProxyServer
    members: Sequence[Member]
    reported: Sequence[Input[str]] = field(default_factory=list[Input[str]])
    away: Sequence[str] = ()


class TunnelCheck(ComponentResource):
    """A Command that asks for `/readyz` and a list through Karmada; it runs again when anything on a path changes.

    Where no answer comes in time, `up` fails with the doctor's walk along the path. No credential is printed.
    """

    def __init__(self, name: str, args: TunnelCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:TunnelCheck", name, None, opts)
        after: Sequence[Resource] = [*args.members, args.server]

        def given(entry: Sequence[str]) -> str:
            address, port, proxy_url = entry
            tunnels = [Tunnel.of(args.settings, each, address, int(port), proxy_url) for each in args.of]
            return check.CheckInput(tunnels=tunnels, seconds=SECONDS, away=args.away).model_dump_json()

        entry, revisions = args.entry, [each.revision for each in args.members]
        local.Command(
            name,
            create=local_command("check"),
            stdin=Output.all(entry.address, entry.port.apply(str), entry.proxy_url).apply(given),
            triggers=[Output.all(args.server.revision, *revisions, *args.reported).apply(" ".join)],
            opts=ResourceOptions(parent=self, depends_on=after),
        )
        self.register_outputs({})
