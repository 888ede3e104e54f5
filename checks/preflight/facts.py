"""What one API says before an `up`: who it is, what its user may not, what is there; and how a lack is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from checks.delivered import DeliveryFacts
from checks.preflight import rights
from checks.preflight.identity import NAMESPACE
from checks.preflight.rights import Right
from clusters.api import FORBIDDEN, NAMESPACES, NOT_FOUND, PRIORITY_CLASSES, SECRETS, UNAUTHORIZED, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, parse, text
from clusters.workstation import typed
from config.image_settings import Images
from config.pod_settings import PodSettings
from config.problems import Problem, config_set
from config.settings import Cluster

Version = tuple[int, int]
"""Kubernetes' major and minor."""


@dataclass
class Facts:
    """Of one API: its problems, what is to be warned of, its identity if it tells that, and of some what is there.

    `news` are lines to be told. `operator` is the user whom members that Karmada alone gets at must let do what the
    stack does there. `clusters` are the Cluster objects that it has, `registered` the members that
    `karmadactl register` joined, `has_server` is whether a proxy-server is there, `adopts` whether something made by
    hand is taken over, `identifiers` are the hosts by which a member's agents are to be found, `returns` is whether
    karmada-agent has the flag that was set through the tunnel, `delivery` what is known of a member that Karmada alone
    gets at, and `away` why nobody answers.
    """

    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])
    news: list[str] = field(default_factory=list[str])
    uid: str = ""
    clusters: Sequence[Json] = ()
    registered: frozenset[str] = frozenset()
    has_server: bool = False
    adopts: bool = False
    identifiers: Sequence[str] = ()
    operator: str = ""
    returns: bool = False
    away: str = ""
    delivery: DeliveryFacts = field(default_factory=DeliveryFacts)


def facts(asking: Asking, key: str, of: Context, needed: Sequence[Right]) -> Facts:
    """A cluster's identity, and what its user lacks of the rights that are needed. Raises Unavailable."""
    lacking = rights.lacking(asking, of, needed)
    mend = f"give that user a role with these rights, or {config_set(key, 'CONTEXT')}"
    problems = [Problem(key, f'the user of "{of.name}" may not {lacking}', mend)] if lacking else []
    return Facts(problems=problems, uid=_uid(asking, of))


def no_answer(key: str, of: Context, reason: Unavailable) -> Problem:
    """Why an API could not be asked, and whose business that is."""
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


def no_namespace(asking: Asking, key: str, cluster: Cluster) -> Iterator[Problem]:
    """That the proxies' namespace is not there. Raises Unavailable."""
    if asking.get(cluster.api, NAMESPACES, cluster.namespace) is None:
        why = f'there is no namespace "{cluster.namespace}" in {cluster.context}'
        yield Problem(f"{key}.namespace", why, typed(cluster.api, "create", "namespace", cluster.namespace))


def too_old(asking: Asking, key: str, cluster: Cluster, least: Version, why: str) -> Iterator[Problem]:
    """That a cluster's Kubernetes is older than what is deployed there. Raises Unavailable."""
    version = _version(asking, cluster.api)
    if version and version < least:
        found = f'"{cluster.context}" runs Kubernetes {dotted(version)}, and {why} needs {dotted(least)} or later'
        yield Problem(key, found, f"upgrade that cluster, or {config_set(key, 'CONTEXT')}")


def no_priority_class(asking: Asking, key: str, cluster: Cluster, pods: PodSettings) -> Iterator[Problem]:
    """That the PriorityClass of pods is not there: then no pod is made. Raises Unavailable, but not where the user may
    not look at what belongs to no namespace."""
    name = pods.priority_class_name
    try:
        missing = bool(name) and asking.get(cluster.api, PRIORITY_CLASSES, name) is None
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        missing = False
    if missing:
        why = f'there is no PriorityClass "{name}" in {cluster.context}: no pod would be made'
        yield Problem(f"{key}.priorityClassName", why, config_set(f"{key}.priorityClassName", "NAME"))


def pull_secrets(asking: Asking, cluster: Cluster, images: Images) -> Iterator[Problem]:
    """Secrets to pull with that are not there. Raises Unavailable."""
    for i, secret in enumerate(images.pull_secrets):
        if asking.get(cluster.api, SECRETS, secret, cluster.namespace) is None:
            why = f'there is no Secret "{secret}" in namespace "{cluster.namespace}" of {cluster.context}'
            create = ["create", "secret", "docker-registry", secret, f"--namespace={cluster.namespace}"]
            mend = f"{typed(cluster.api, *create)}, with a token that may only pull"
            yield Problem(f"images.pullSecrets[{i}]", why, mend)


def _version(asking: Asking, of: Context) -> Version | None:
    """What a cluster says that it is; one that does not say it to its users is taken for new enough."""
    try:
        said = parse(asking.raw(of, "/version"))
        # some clouds write `30+`
        return int(text(said, "major")), int(text(said, "minor").rstrip("+"))
    except ValueError:
        return None
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        return None


def dotted(version: Version) -> str:
    """A version as it is written: `1.27`."""
    return ".".join(map(str, version))


def _uid(asking: Asking, of: Context) -> str:
    """A cluster's identity; a user of some namespaces alone may not look into that one, and need not."""
    try:
        return text(asking.get(of, NAMESPACES, NAMESPACE), "metadata", "uid")
    except Unavailable as unavailable:
        if unavailable.status != FORBIDDEN:
            raise
        return ""
