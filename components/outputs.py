"""The stack's outputs: how to use the tunnel, what runs, and when the first certificate ends. No output is secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi import Output

from components.anp import PROXY_PATH
from components.certificate import first
from components.entry import Entry
from components.images import ProxyImages
from components.member import Member
from components.pki import TunnelPki
from components.proxy_server import ProxyServer
from config.settings import Settings


def export(
    settings: Settings,
    *,
    images: ProxyImages,
    entry: Entry,
    pki: TunnelPki,
    server: ProxyServer,
    members: Mapping[str, Member],
    reported: Mapping[str, Output[str]],
    behind: Sequence[str],
) -> None:
    """Exports `members` (each with its `proxyPath`), `firstCertificateEnds` (RFC 3339), `images` and three more:

    `entry` is where members dial proxy-server (`address`, `port`) and the URL that Karmada dials (`proxyUrl`).
    `caKeys` are the generations of CA keys that are trusted everywhere, the one that signs first; it waits for every
    rollout. `behind` are the names of members that were away: they may lack what this `up` has made.
    """
    ends = [pki.ends, *(members[each.name].certificate_ends for each in settings.active)]
    pulumi.export("members", {each.name: {"proxyPath": PROXY_PATH.format(each.name)} for each in settings.members})
    pulumi.export("firstCertificateEnds", Output.all(*ends).apply(first))
    rolled_out = Output.all(server.revision, *(each.revision for each in members.values()), *reported.values())
    pulumi.export("caKeys", rolled_out.apply(lambda _: list(settings.certificates.ca_keys)))
    pulumi.export("entry", {"address": entry.address, "port": entry.port, "proxyUrl": entry.proxy_url})
    pulumi.export("behind", list(behind))
    pulumi.export("images", {"server": images.server.reference, "agent": images.agent.reference})
