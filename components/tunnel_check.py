"""TunnelCheck: real requests through Karmada to a member, at the end of `pulumi up`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """The stack's settings, the member to check (`of`), and the components that make the path to it.

    `reported` changes whenever the delivery makes karmada-agent report the tunnel again; only with `access: karmada`.
    """

    settings: Settings
    of: MemberSettings
    entry: Entry
    server: ProxyServer
    member: Member
    reported: Input[str] = ""


class TunnelCheck(ComponentResource):
    """A Command that asks for `/readyz` and a list through Karmada; it runs again when anything on the path changes.

    Where no answer comes in time, `up` fails with the doctor's walk along the path. No credential is printed.
    """

    def __init__(self, name: str, args: TunnelCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:TunnelCheck", name, None, opts)
        after: Sequence[Resource] = [args.member, args.server]

        def given(entry: Sequence[str]) -> str:
            address, port, proxy_url = entry
            tunnel = Tunnel.of(args.settings, args.of, address, int(port), proxy_url)
            return check.CheckInput(tunnel=tunnel, seconds=SECONDS).model_dump_json()

        entry = args.entry
        local.Command(
            name,
            create=local_command("check"),
            stdin=Output.all(entry.address, entry.port.apply(str), entry.proxy_url).apply(given),
            triggers=[Output.format("{0} {1} {2}", args.server.revision, args.member.revision, args.reported)],
            opts=ResourceOptions(parent=self, depends_on=after),
        )
        self.register_outputs({})
