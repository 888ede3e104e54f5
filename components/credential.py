"""The credential that Karmada shows to the guard: a generated Proxy-Authorization, one a generation."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Output, ResourceOptions

from components.certificate import private_key
from components.guard import credential
from config.proxy_settings import Frontend, Proxy


def credentials(proxy: Proxy) -> Sequence[Output[str]]:
    """The current credential and, so that a change loses no request, the one before. None as documented."""
    if proxy.frontend is Frontend.DOCUMENTED:
        return []
    generations = [each for each in (proxy.credential, proxy.credential - 1) if each > 0]
    keys = [private_key(f"credential-{each}", ResourceOptions()) for each in generations]
    return [Output.secret(key.private_key_pem.apply(credential)) for key in keys]
