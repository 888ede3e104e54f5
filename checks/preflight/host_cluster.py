"""Facts of the host cluster: whether proxy-server can be deployed there."""

from __future__ import annotations

from checks.preflight import adoption, rights
from checks.preflight.facts import Facts, facts, no_answer, no_namespace, no_priority_class, pull_secrets, too_old
from clusters.api import DEPLOYMENTS, KubernetesApis
from clusters.errors import Unavailable
from components.anp import GUARD, SERVER, SERVER_CERT_SECRET
from config.proxy_settings import Frontend
from config.settings import Settings

GUARDED = (1, 30)
"""The first Kubernetes with `preStop.sleep`, by which a container without a shell pauses before its SIGTERM."""


def facts_of_host(apis: KubernetesApis, settings: Settings) -> Facts:
    """Problems, `uid`, `has_server`, and whether the stack `takes_over` it."""
    of = settings.host
    try:
        found = facts(apis, "host.context", of.api, rights.of_host(settings))
        found.problems += no_namespace(apis, "host", of)
        found.problems += pull_secrets(apis, of, settings.images)
        if settings.proxy.frontend is Frontend.GUARDED:
            found.problems += too_old(apis, "host.context", of, GUARDED, "a guarded proxy-server")
            found.problems += no_priority_class(apis, "proxy", of, settings.proxy)
        found.has_server = apis.get(of.api, DEPLOYMENTS, SERVER, of.namespace) is not None
    except Unavailable as reason:
        return Facts([no_answer("host.context", of.api, reason)])
    standing = adoption.made_by_hand(apis, of, SERVER, [SERVER_CERT_SECRET])
    found.problems += adoption.problems(of, standing, [SERVER, GUARD], settings.proxy.adopt)
    found.takes_over = bool(standing)
    return found
