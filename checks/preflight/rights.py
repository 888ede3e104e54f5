"""RBAC: the rights that a stack needs in each cluster, and which of them a user lacks, by access reviews.

The rights are those that every `up` and `destroy` of the stack needs; admission may still refuse a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from clusters.api import NOT_FOUND, SELF_ACCESS_REVIEWS, SELF_SUBJECT_REVIEWS, KubernetesApis
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, items, text
from clusters.pool import in_parallel
from components import anp
from config.proxy_settings import Exposure, Frontend
from config.settings import Cluster, MemberSettings, Settings

LATER = ("patch", "delete")
"""Verbs on an existing object, which a role may allow for that one alone."""

ADMINS = "system:masters"
"""The group that has all rights in every cluster."""

SELF: Json = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}

MAKE = ("create", "list", "watch")
"""Verbs on a resource type: Pulumi watches a namespace's objects until a deleted one is gone, and if it may not, waits
ten minutes."""

MANY = 3
"""From so many on, rights that are alike are first asked for together. A role may allow them for some objects alone."""

WORK = ("create", "list", *LATER)


@dataclass(frozen=True, kw_only=True)
class Right:
    """A verb on a resource (`deployments.apps`), in a namespace or none, and of one object or of all.

    `ours` is whether that object is the stack's own, whose name is not printed; `below` is a subresource.
    """

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    ours: bool = False
    below: str = ""

    @property
    def everywhere(self) -> Right:
        """The same right in all namespaces, and for all objects."""
        return replace(self, namespace="", name="", ours=False)

    @property
    def where(self) -> str:
        """The resource in words: `secrets in namespace "karmada-system"`."""
        named = f"{self.resource}/{self.name}" if self.name and not self.ours else self.resource
        named = f"{named}/{self.below}" if self.below else named
        return f'{named} in namespace "{self.namespace}"' if self.namespace else named


def of_host(settings: Settings) -> list[Right]:
    """The rights that the stack needs in the host cluster."""
    host, proxy = settings.host, settings.proxy
    guard = [anp.GUARD] if proxy.frontend is Frontend.GUARDED else []
    found = _workload(settings, host, anp.SERVER, anp.SERVER_CERT_SECRET, *guard)
    if proxy.exposure is not Exposure.HOST_NETWORK:
        found += _created(host.namespace, "services", "networkpolicies.networking.k8s.io")
    if host in settings.monitored and settings.monitoring.probes:
        found += _created(host.namespace, "probes.monitoring.coreos.com")
    return found + _budget(host.namespace, proxy.replicas)


def of_karmada(settings: Settings) -> list[Right]:
    """The rights that the stack needs in the Karmada API."""
    found: list[Right] = []
    if settings.proxy.frontend is Frontend.GUARDED:
        found += [
            Right(verb="patch", resource="clusters.cluster.karmada.io", name=each.name) for each in settings.members
        ]
    if any(each.registered for each in settings.members):
        found += _created("", "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io")
    return found


def of_member(settings: Settings, member: MemberSettings) -> list[Right]:
    """The rights that the stack needs in a member."""
    agent = Right(
        verb="patch", resource="deployments.apps", namespace=member.agent.namespace, name=member.agent.deployment
    )
    found = [*_workload(settings, member, anp.AGENT, anp.AGENT_CERT_SECRET), agent]
    if settings.proxy.frontend is Frontend.GUARDED:
        found += _created(member.namespace, "networkpolicies.networking.k8s.io")
    return found + _budget(member.namespace, settings.agents(member))


def of_delivered(member: MemberSettings) -> list[Right]:
    """The rights that the stack needs in the Karmada API for a member that only Karmada reaches."""
    space, cluster = anp.EXECUTION_SPACE.format(member.name), "clusters.cluster.karmada.io"
    through = [Right(verb=verb, resource=cluster, name=member.name, below="proxy") for verb in ("get", "patch")]
    return [*(Right(verb=verb, resource="works.work.karmada.io", namespace=space) for verb in WORK), *through]


def operator(apis: KubernetesApis, karmada: Context) -> str:
    """The user as whom Karmada's requests reach members, by a SelfSubjectReview; empty for a user of system:masters,
    or if the API has no such reviews, as before Kubernetes 1.28. Raises Unavailable."""
    try:
        user = at(apis.create(karmada, SELF_SUBJECT_REVIEWS, SELF), "status", "userInfo")
    except Unavailable as unavailable:
        if unavailable.status != NOT_FOUND:
            raise
        return ""
    return "" if ADMINS in items(user, "groups") else text(user, "username")


def lacking_by(apis: KubernetesApis, of: Context, needed: Mapping[str, Sequence[Right]]) -> dict[str, str]:
    """The rights that the context's user lacks for each of several purposes, in words, or empty texts. Raises
    Unavailable.

    It creates SelfSubjectAccessReviews, which any user may do and the API does not store. Of MANY rights that are
    alike but for namespace or name, it first asks whether the user has them everywhere: for a hundred members that
    takes 7 reviews instead of 700.
    """
    rights = [right for each in needed.values() for right in each]
    alike = [right for right, count in Counter(each.everywhere for each in rights).items() if count >= MANY]
    everywhere = {right for right, allowed in _allowed(apis, of, alike).items() if allowed}
    allowed = _allowed(apis, of, [each for each in rights if each.everywhere not in everywhere])
    return {
        key: "; ".join(_in_words([right for right in each if not allowed.get(right, True)]))
        for key, each in needed.items()
    }


def _allowed(apis: KubernetesApis, of: Context, rights: Sequence[Right]) -> dict[Right, bool]:
    reviews = in_parallel({right: partial(apis.create, of, SELF_ACCESS_REVIEWS, _review(right)) for right in rights})
    return {right: at(answer, "status", "allowed") is not False for right, answer in reviews.items()}


def _in_words(refused: Sequence[Right]) -> Iterator[str]:
    for where in dict.fromkeys(each.where for each in refused):
        verbs = dict.fromkeys(each.verb for each in refused if each.where == where)
        yield f"{', '.join(verbs)} {where}"


def _workload(settings: Settings, cluster: Cluster, deployment: str, *secrets: str) -> list[Right]:
    """The rights for a proxy's Deployment, its Secrets and its monitoring."""
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
