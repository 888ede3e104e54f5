"""What the host cluster says: whether proxy-server's place is there and free."""

from __future__ import annotations

from checks.preflight import adoption, rights
from checks.preflight.facts import Facts, facts, no_answer, no_namespace, no_priority_class, pull_secrets, too_old
from clusters.api import DEPLOYMENTS, Asking
from clusters.errors import Unavailable
from components.anp import GUARD, SERVER, SERVER_CERT_SECRET
from config.proxy_settings import Frontend
from config.settings import Settings

GUARDED = (1, 30)
"""A pause before a pod's signal to end needs no shell of an image that has none (`preStop.sleep`) since then."""


def facts_of_host(asking: Asking, settings: Settings) -> Facts:
    """Its problems, its identity, whether a proxy-server is there and whether it is one to be taken over."""
    of = settings.host
    try:
        found = facts(asking, "host.context", of.api, rights.of_host(settings))
        found.problems += no_namespace(asking, "host", of)
        found.problems += pull_secrets(asking, of, settings.images)
        if settings.proxy.frontend is Frontend.GUARDED:
            found.problems += too_old(asking, "host.context", of, GUARDED, "a guarded proxy-server")
            found.problems += no_priority_class(asking, "proxy", of, settings.proxy)
        found.has_server = asking.get(of.api, DEPLOYMENTS, SERVER, of.namespace) is not None
    except Unavailable as reason:
        return Facts([no_answer("host.context", of.api, reason)])
    standing = adoption.made_by_hand(asking, of, SERVER, [SERVER_CERT_SECRET])
    found.problems += adoption.problems(of, standing, [SERVER, GUARD], settings.proxy.adopt)
    found.adopts = bool(standing)
    return found
