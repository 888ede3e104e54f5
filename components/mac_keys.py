"""The keys of the message authentication codes (MACs) in members' credentials for the host guard, one per generation.

They are the same for all members.
"""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Output, ResourceOptions

from components.certificate import private_key
from components.host_guard import mac_key
from config.proxy_settings import Frontend, Proxy


def mac_keys(proxy: Proxy) -> Sequence[Output[str]]:
    """The current generation's key first, then the previous one's, so that a new key loses no request.

    Empty with `frontend: documented`, which has no guard.
    """
    if proxy.frontend is Frontend.DOCUMENTED:
        return []
    generations = [each for each in (proxy.credential, proxy.credential - 1) if each > 0]
    keys = [private_key(f"credential-{each}", ResourceOptions()) for each in generations]
    return [Output.secret(key.private_key_pem.apply(mac_key)) for key in keys]
