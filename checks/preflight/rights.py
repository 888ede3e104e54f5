"""What a stack will do in each cluster, and what of it a user may not. Asking changes nothing.

It asks for what every `up` and `destroy` of the stack needs, no more: another's admission may still refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clusters.api import NOT_FOUND, SELF_REVIEW, SELF_REVIEWS, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, items, text
from components import anp
from config.proxy_settings import Exposure, Frontend
from config.settings import Cluster, MemberSettings, Settings

LATER = ("patch", "delete")
"""What is done to an object that is there: a role may allow it for that one alone."""

ADMINS = "system:masters"
"""The group that may do everything, in every cluster."""

SELF: Json = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}

MAKE = ("create", "list", "watch")
"""What is done to a kind: Pulumi watches a namespace's until the one that it has deleted is gone, and where it may not,
waits ten minutes."""

WORK = ("create", "list", *LATER)


@dataclass(frozen=True, kw_only=True)
class Right:
    """A verb on a resource (`deployments.apps`), in a namespace or none, and of one object or of all.

    `ours` is whether that object is the stack's own, whose name tells a reader nothing; `below` is a subresource.
    """

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    ours: bool = False
    below: str = ""

    @property
    def where(self) -> str:
        """What the verb is for: `secrets in namespace "karmada-system"`."""
        named = f"{self.resource}/{self.name}" if self.name and not self.ours else self.resource
        named = f"{named}/{self.below}" if self.below else named
        return f'{named} in namespace "{self.namespace}"' if self.namespace else named


def of_host(settings: Settings) -> list[Right]:
    """What the stack does in the host cluster."""
    host, proxy = settings.host, settings.proxy
    guard = [anp.GUARD] if proxy.frontend is Frontend.GUARDED else []
    found = _workload(settings, host, anp.SERVER, anp.SERVER_CERT_SECRET, *guard)
    if proxy.exposure is not Exposure.HOST_NETWORK:
        found += _created(host.namespace, "services", "networkpolicies.networking.k8s.io")
    return found + _budget(host.namespace, proxy.replicas)


def of_karmada(settings: Settings) -> list[Right]:
    """What it does in the Karmada API."""
    found: list[Right] = []
    if settings.proxy.frontend is Frontend.GUARDED:
        found += [
            Right(verb="patch", resource="clusters.cluster.karmada.io", name=each.name) for each in settings.members
        ]
    if any(each.registered for each in settings.members):
        found += _created("", "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io")
    return found


def of_member(settings: Settings, member: MemberSettings) -> list[Right]:
    """What it does in a member."""
    agent = Right(
        verb="patch", resource="deployments.apps", namespace=member.agent.namespace, name=member.agent.deployment
    )
    found = [*_workload(settings, member, anp.AGENT, anp.AGENT_CERT_SECRET), agent]
    if settings.proxy.frontend is Frontend.GUARDED:
        found += _created(member.namespace, "networkpolicies.networking.k8s.io")
    return found + _budget(member.namespace, settings.agents(member))


def of_delivered(member: MemberSettings) -> list[Right]:
    """What it does in the Karmada API for a member that this alone gets at."""
    space, cluster = anp.EXECUTION_SPACE.format(member.name), "clusters.cluster.karmada.io"
    through = [Right(verb=verb, resource=cluster, name=member.name, below="proxy") for verb in ("get", "patch")]
    return [*(Right(verb=verb, resource="works.work.karmada.io", namespace=space) for verb in WORK), *through]


def operator(asking: Asking, karmada: Context) -> str:
    """The user as whom Karmada asks members for who runs this; nothing for one who may do all. Raises Unavailable, but
    not where nobody tells, as before Kubernetes 1.28."""
    try:
        user = at(asking.create(karmada, SELF_REVIEW, SELF), "status", "userInfo")
    except Unavailable as unavailable:
        if unavailable.status != NOT_FOUND:
            raise
        return ""
    return "" if ADMINS in items(user, "groups") else text(user, "username")


def lacking(asking: Asking, of: Context, rights: Sequence[Right]) -> str:
    """In words what the context's user may not of all that, or nothing. Raises Unavailable.

    A SelfSubjectAccessReview each, which any user may make and nobody keeps.
    """
    answers = [asking.create(of, SELF_REVIEWS, _review(each)) for each in rights]
    refused = [right for right, answer in zip(rights, answers, strict=True) if at(answer, "status", "allowed") is False]
    return "; ".join(_said(refused))


def _said(refused: Sequence[Right]) -> Iterator[str]:
    for where in dict.fromkeys(each.where for each in refused):
        verbs = dict.fromkeys(each.verb for each in refused if each.where == where)
        yield f"{', '.join(verbs)} {where}"


def _workload(settings: Settings, cluster: Cluster, deployment: str, *secrets: str) -> list[Right]:
    """A proxy's Deployment and its Secrets, and what monitors it."""
    namespace, found = cluster.namespace, list[Right]()
    for resource, names in (("secrets", secrets), ("deployments.apps", (deployment,))):
        found += _created(namespace, resource)
        for name in names:
            found += [Right(verb=verb, resource=resource, namespace=namespace, name=name, ours=True) for verb in LATER]
    if cluster in settings.monitored:
        found += _created(namespace, "podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com")
    return found


def _budget(namespace: str, replicas: int) -> list[Right]:
    return _created(namespace, "poddisruptionbudgets.policy") if replicas > 1 else []


def _created(namespace: str, *resources: str) -> list[Right]:
    return [Right(verb=verb, resource=each, namespace=namespace) for each in resources for verb in MAKE]


def _review(right: Right) -> Json:
    resource, _, group = right.resource.partition(".")
    attributes: Json = {
        "verb": right.verb,
        "group": group,
        "resource": resource,
        "subresource": right.below,
        "namespace": right.namespace,
        "name": right.name,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
