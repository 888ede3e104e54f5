"""The tunnels of a stack that is up, from its config and its outputs, for the doctor and `make status`."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from checks.doctor.tunnel import Tunnel
from clusters.objects import Json, number, text
from config.problems import pulumi_command
from config.settings import Settings
from tools import stack


def of_stack() -> tuple[Settings, Sequence[Tunnel]]:
    """The settings and the tunnels of the stack STACK. Raises pulumi.RunError."""
    outputs = stack.outputs()
    settings = stack.settings()
    return settings, tunnels(settings, outputs)


def tunnels(settings: Settings, outputs: Json) -> Sequence[Tunnel]:
    """The tunnels to all members that are not paused. Raises pulumi.RunError if the stack has no output `entry`."""
    address, url = text(outputs, "entry", "address"), text(outputs, "entry", "proxyUrl")
    if not address or not url:
        why = f"the stack {stack.name()} is not up: no `up` of it has ended well, and left a tunnel to be looked at"
        raise pulumi.RunError(f"{why}\n  {pulumi_command('up')} says why")
    port = number(outputs, "entry", "port")
    return [Tunnel.of(settings, each, address, port, url) for each in settings.active]
