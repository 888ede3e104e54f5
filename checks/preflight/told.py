"""Asking a cluster's API in one go: who it is, what its user may not, what is there; and how a lack is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from checks.preflight import rights
from checks.preflight.identity import NAMESPACE
from checks.preflight.rights import Right
from clusters.objects import Json, text
from clusters.workstation import Unavailable, ask, kubectl, objects, typed
from config.image_settings import Images
from config.problems import Problem, config_set
from config.settings import Cluster


@dataclass
class Told:
    """What came of asking one API: its problems and what is to be warned of, its identity if it told that, the Cluster
    objects that it has, whether a proxy-server is there, and whether something made by hand is taken over there."""

    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])
    uid: str = ""
    clusters: Sequence[Json] = ()
    has_server: bool = False
    adopts: bool = False


def asked(
    key: str, cluster: Cluster, context: str, wanted: Sequence[str], needed: Sequence[Right]
) -> tuple[Told, Sequence[Json]]:
    """A cluster's identity, what its user lacks of the rights that are needed, and what is there of what is wanted.

    Raises Unavailable where it does not tell of them.
    """
    get = kubectl(cluster.kubeconfig, context, "get")
    with ThreadPoolExecutor(1) as beside:
        lacking = beside.submit(rights.lacking, cluster, context, needed)
        try:
            found = objects([*get, f"namespace/{NAMESPACE}", *wanted])
        except Unavailable as reason:
            if f'"{NAMESPACE}"' not in str(reason):
                raise
            # a user of some namespaces alone may not look into that one, and need not
            found = objects([*get, *wanted])
    uids = [text(each, "metadata", "uid") for each in of_kind(found, "Namespace", NAMESPACE)]
    return Told(problems=_no_right(key, context, lacking.result()), uid=next(iter(uids), "")), found


def of_kind(found: Iterable[Json], kind: str, name: str) -> list[Json]:
    """Those of some objects that are of a kind and have a name: one or none."""
    return [each for each in found if text(each, "kind") == kind and text(each, "metadata", "name") == name]


def no_answer(key: str, context: str, reason: Unavailable) -> Problem:
    """Why an API could not be asked, and whose business that is."""
    said = str(reason)
    credentials = f"see to the credentials of that context in the kubeconfig, or {config_set(key, 'CONTEXT')}"
    if "logged in to the server" in said or "Unauthorized" in said:
        why = f'the API of "{context}" does not accept the credentials, which may have expired: {said}'
        return Problem(key, why, credentials)
    if "forbidden" in said.lower():
        return Problem(key, f'the user of "{context}" may not even ask: {said}', credentials)
    if "doesn't have a resource type" in said and key == "host.karmadaContext":
        why = f'"{context}" is no Karmada API: it has no Cluster objects (clusters.cluster.karmada.io)'
        return Problem(key, why, config_set(key, "CONTEXT"))
    return Problem(key, f'the API of "{context}" does not answer: {said}', "see to the cluster or the credentials")


def no_namespace(key: str, cluster: Cluster) -> Problem:
    """That the proxies' namespace is not there."""
    why = f'there is no namespace "{cluster.namespace}" in {cluster.context}'
    create = typed(cluster.kubeconfig, cluster.context, "create", "namespace", cluster.namespace)
    return Problem(f"{key}.namespace", why, create)


def pull_secrets(cluster: Cluster, images: Images) -> Iterator[Problem]:
    """Secrets to pull with that are not there; their names alone are asked for. Raises Unavailable."""
    if not images.pull_secrets:
        return
    wanted = [f"secret/{each}" for each in images.pull_secrets]
    options = [f"--namespace={cluster.namespace}", "--output=name", "--ignore-not-found", "--request-timeout=10s"]
    there = ask(kubectl(cluster.kubeconfig, cluster.context, "get", *wanted, *options)).split()
    for i, secret in enumerate(wanted):
        if secret not in there:
            key = f"images.pullSecrets[{i}]"
            why = (
                f'there is no Secret "{images.pull_secrets[i]}" in namespace "{cluster.namespace}" of {cluster.context}'
            )
            create = ["create", "secret", "docker-registry", images.pull_secrets[i], f"--namespace={cluster.namespace}"]
            command = typed(cluster.kubeconfig, cluster.context, *create)
            yield Problem(key, why, f"{command}, with a token that may only pull")


def _no_right(key: str, context: str, lacking: str) -> list[Problem]:
    if not lacking:
        return []
    mend = f"give that user a role with these rights, or {config_set(key, 'CONTEXT')}"
    return [Problem(key, f'the user of "{context}" may not {lacking}', mend)]
