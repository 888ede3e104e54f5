"""The stack's outputs: how to use the tunnel, what runs, and when a certificate ends. No secrets."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi import Output

from components.certificate import first
from components.images import ProxyImages
from components.member import Member
from components.pki import TunnelPki
from settings import Settings

PROXY_PATH = "/apis/cluster.karmada.io/v1alpha1/clusters/{0}/proxy"
"""Where Karmada serves a member's API; `kubectl --server` takes the Karmada API's URL with this behind it."""


def export(settings: Settings, *, images: ProxyImages, pki: TunnelPki, members: Mapping[str, Member]) -> None:
    """Exports `members` (each with its proxyPath), `firstCertificateEnds` (RFC 3339) and `images`."""
    ends = [pki.ends, *(members[each.name].certificate_ends for each in settings.active)]
    pulumi.export("members", {each.name: {"proxyPath": PROXY_PATH.format(each.name)} for each in settings.members})
    pulumi.export("firstCertificateEnds", Output.all(*ends).apply(first))
    pulumi.export("images", {"server": images.server.reference, "agent": images.agent.reference})
