"""The keys with which the host guard knows members' credentials, one a generation; nothing of a member is in them."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Output, ResourceOptions

from components.certificate import private_key
from components.host_guard import mac_key
from config.proxy_settings import Frontend, Proxy


def mac_keys(proxy: Proxy) -> Sequence[Output[str]]:
    """The current generation's key and, so that a change loses no request, the one before's. None as documented."""
    if proxy.frontend is Frontend.DOCUMENTED:
        return []
    generations = [each for each in (proxy.credential, proxy.credential - 1) if each > 0]
    keys = [private_key(f"credential-{each}", ResourceOptions()) for each in generations]
    return [Output.secret(key.private_key_pem.apply(mac_key)) for key in keys]
