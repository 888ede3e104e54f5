"""Facts: what preflight found by one API, and the checks that several APIs share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from checks.delivered import DeliveryFacts
from checks.preflight import rights
from checks.preflight.identity import NAMESPACE
from checks.preflight.rights import Right
from clusters.api import FORBIDDEN, NAMESPACES, NOT_FOUND, PRIORITY_CLASSES, SECRETS, UNAUTHORIZED, KubernetesApis
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, parse, text
from clusters.workstation import kubectl_line
from config.image_settings import Images
from config.pod_settings import PodSettings
from config.problems import Problem, config_set
from config.settings import Cluster

Version = tuple[int, int]
"""Kubernetes' major and minor version."""


@dataclass
class Facts:
    """What preflight found by one API: problems, warnings, `news` to log, the cluster's `uid` if its user may read it.

    Of the Karmada API: its Cluster objects (`clusters`), the members that `karmadactl register` joined (`registered`),
    and the user as whom its requests reach members, who needs rights in those that only Karmada reaches (`operator`).
    Of the host: whether it `has_server`. Of host or member: whether the stack `takes_over` objects made by hand. Of a
    member: its agents' `identifiers`; whether karmada-agent still has the flag that was set through the tunnel
    (`was_delivered`); why it does not answer (`away`); its `delivery`, if only Karmada reaches it.
    """

    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])
    news: list[str] = field(default_factory=list[str])
    uid: str = ""
    clusters: Sequence[Json] = ()
    registered: frozenset[str] = frozenset()
    has_server: bool = False
    takes_over: bool = False
    identifiers: Sequence[str] = ()
    operator: str = ""
    was_delivered: bool = False
    away: str = ""
    delivery: DeliveryFacts = field(default_factory=DeliveryFacts)


def facts(
    apis: KubernetesApis,
    key: str,
    of: Context,
    needed: Sequence[Right],
    for_members: Mapping[str, Sequence[Right]] = MappingProxyType({}),
) -> Facts:
    """A cluster's uid, and problems if its user lacks rights of those `needed`, or of those for members, which are by
    their keys. Raises Unavailable."""
    remedy = f"give that user a role with these rights, or {config_set(key, 'CONTEXT')}"
    lacking = rights.lacking_by(apis, of, {key: needed, **for_members})
    problems = [
        Problem(each, f'the user of "{of.name}" may not {what}', remedy) for each, what in lacking.items() if what
    ]
    return Facts(problems=problems, uid=_uid(apis, of))


def no_answer(key: str, of: Context, reason: Unavailable) -> Problem:
    """The problem of an API that does not answer, or refuses: its cause, and the remedy by that."""
    credentials = f"see to the credentials of that context in the kubeconfig, or {config_set(key, 'CONTEXT')}"
    if reason.status == UNAUTHORIZED:
        why = f'the API of "{of.name}" does not accept the credentials, which may have expired: {reason}'
        return Problem(key, why, credentials)
    if reason.status == FORBIDDEN:
        return Problem(key, f'the user of "{of.name}" may not even ask: {reason}', credentials)
    if reason.status == NOT_FOUND and key == "host.karmadaContext":
        why = f'"{of.name}" is no Karmada API: it has no Cluster objects (clusters.cluster.karmada.io)'
        return Problem(key, why, config_set(key, "CONTEXT"))
    return Problem(key, f'the API of "{of.name}" does not answer: {reason}', "see to the cluster or the credentials")


def no_namespace(apis: KubernetesApis, key: str, cluster: Cluster) -> Iterator[Problem]:
    """A problem if the proxies' namespace does not exist. Raises Unavailable."""
    if apis.get(cluster.api, NAMESPACES, cluster.namespace) is None:
        why = f'there is no namespace "{cluster.namespace}" in {cluster.context}'
        yield Problem(f"{key}.namespace", why, kubectl_line(cluster.api, "create", "namespace", cluster.namespace))


def too_old(apis: KubernetesApis, key: str, cluster: Cluster, least: Version, why: str) -> Iterator[Problem]:
    """A problem if a cluster's Kubernetes is older than `least`, which `why` needs. Raises Unavailable."""
    version = _version(apis, cluster.api)
    if version and version < least:
        found = f'"{cluster.context}" runs Kubernetes {dotted(version)}, and {why} needs {dotted(least)} or later'
        yield Problem(key, found, f"upgrade that cluster, or {config_set(key, 'CONTEXT')}")


def no_priority_class(apis: KubernetesApis, key: str, cluster: Cluster, pods: PodSettings) -> Iterator[Problem]:
    """A problem if the pods' PriorityClass does not exist: no pod would be created. None if the user may not read it.
    Raises Unavailable."""
    name = pods.priority_class_name
    try:
        missing = bool(name) and apis.get(cluster.api, PRIORITY_CLASSES, name) is None
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        missing = False
    if missing:
        why = f'there is no PriorityClass "{name}" in {cluster.context}: no pod would be made'
        yield Problem(f"{key}.priorityClassName", why, config_set(f"{key}.priorityClassName", "NAME"))


def pull_secrets(apis: KubernetesApis, cluster: Cluster, images: Images) -> Iterator[Problem]:
    """Problems of image pull Secrets that do not exist. Raises Unavailable."""
    for i, secret in enumerate(images.pull_secrets):
        if apis.get(cluster.api, SECRETS, secret, cluster.namespace) is None:
            why = f'there is no Secret "{secret}" in namespace "{cluster.namespace}" of {cluster.context}'
            create = ["create", "secret", "docker-registry", secret, f"--namespace={cluster.namespace}"]
            remedy = f"{kubectl_line(cluster.api, *create)}, with a token that may only pull"
            yield Problem(f"images.pullSecrets[{i}]", why, remedy)


def _version(apis: KubernetesApis, of: Context) -> Version | None:
    """A cluster's Kubernetes version; None, which counts as new enough, if the user may not read it."""
    try:
        said = parse(apis.raw(of, "/version"))
        # some clouds write `30+`
        return int(text(said, "major")), int(text(said, "minor").rstrip("+"))
    except ValueError:
        return None
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        return None


def dotted(version: Version) -> str:
    """A version as text: `1.27`."""
    return ".".join(map(str, version))


def _uid(apis: KubernetesApis, of: Context) -> str:
    """The uid that identifies a cluster; empty if the user may not read that namespace, and need not."""
    try:
        return text(apis.get(of, NAMESPACES, NAMESPACE), "metadata", "uid")
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        return ""
