"""Facts of the host cluster: whether proxy-server can be deployed there."""

from __future__ import annotations

from collections.abc import Iterator

from checks.findings import REFRESH
from checks.preflight import adoption, rights
from checks.preflight.facts import Facts, facts, no_answer, no_namespace, no_priority_class, pull_secrets, too_old
from clusters.api import DEPLOYMENTS, SERVICES, KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import Json, at, items, text
from clusters.workstation import kubectl_line
from components.anp import AGENTS_SERVICE, GUARD, SERVER, SERVER_CERT_SECRET
from config.problems import Problem
from config.proxy_settings import Exposure, Frontend
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
            found.problems += _another_class(apis, settings)
        found.has_server = apis.get(of.api, DEPLOYMENTS, SERVER, of.namespace) is not None
    except Unavailable as reason:
        return Facts([no_answer("host.context", of.api, reason)])
    standing = adoption.made_by_hand(apis, of, SERVER, [SERVER_CERT_SECRET])
    found.problems += adoption.problems(of, standing, [SERVER, GUARD], settings.proxy.adopt)
    found.takes_over = bool(standing)
    return found


def _another_class(apis: KubernetesApis, settings: Settings) -> Iterator[Problem]:
    """A problem if the Service that agents dial has another loadBalancerClass, which Kubernetes lets nobody change.
    Raises Unavailable."""
    host, proxy = settings.host, settings.proxy
    if proxy.exposure is not Exposure.LOAD_BALANCER:
        return
    service = apis.get(host.api, SERVICES, AGENTS_SERVICE, host.namespace)
    has, wanted = text(service, "spec", "loadBalancerClass"), proxy.load_balancer_class or ""
    # a class that a cloud's webhook has filled in stays
    if text(service, "spec", "type") == "LoadBalancer" and has != wanted and (wanted or _applied_class(service)):
        why = f"the Service {AGENTS_SERVICE} has {_quoted(has)}, which cannot be changed to {_quoted(wanted)}"
        delete = kubectl_line(host.api, "delete", "service", AGENTS_SERVICE, f"--namespace={host.namespace}")
        remedy = f"set it back, or {delete} and then `{REFRESH}`: no member is reached in between"
        yield Problem("proxy.loadBalancerClass", why, remedy)


def _applied_class(service: Json) -> bool:
    """Whether the class was set by server-side apply, as Pulumi does."""
    return any(
        text(each, "operation") == "Apply" and at(each, "fieldsV1", "f:spec", "f:loadBalancerClass") is not None
        for each in items(service, "metadata", "managedFields")
    )


def _quoted(load_balancer_class: str) -> str:
    return f'class "{load_balancer_class}"' if load_balancer_class else "no class"
