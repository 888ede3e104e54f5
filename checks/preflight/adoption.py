"""Adoption: objects of the stack's names that were made by hand, as by Karmada's documented steps.

With `proxy.adopt` the stack takes them over: its provider upserts, in clusters that have such objects and only as long
as they do. Objects of a Pulumi stack, this one or another, are not taken over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusters.api import DEPLOYMENTS, SECRETS, KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import Json, entries, items, text
from clusters.workstation import kubectl_line
from components.anp import ENDPOINT_FLAG, PROXY_FLAG
from config.problems import PROJECT, Problem, config_set
from config.settings import Cluster

KEY = "proxy.adopt"

STACKS = ("pulumi-kubernetes", f"{PROJECT}-")
"""The beginnings of the field managers of Pulumi stacks: as Pulumi's provider names them, and as this program does."""


def made_by_hand(apis: KubernetesApis, cluster: Cluster, deployment: str, secrets: Sequence[str]) -> Sequence[Json]:
    """The Deployment and Secrets of those names that exist and that no Pulumi stack made.

    None if they cannot be read: if one exists, the provider's create fails then.
    """
    try:
        found = [
            apis.get(cluster.api, what, name, cluster.namespace)
            for what, name in ((DEPLOYMENTS, deployment), *((SECRETS, each) for each in secrets))
        ]
    except Unavailable:
        return []
    there = [each for each in found if each is not None]
    return [each for each in there if not any(manager.startswith(STACKS) for manager in _managers(each))]


def problems(cluster: Cluster, found: Sequence[Json], containers: Sequence[str], adopt: bool) -> Iterator[Problem]:
    """Problems if objects made by hand were found without `adopt`, or cannot be taken over.

    `containers` are those of the stack's own Deployment: server-side apply would leave others beside them, which would
    have its ports.
    """
    if found and not adopt:
        named = ", ".join(f'{text(each, "kind")} "{text(each, "metadata", "name")}"' for each in found)
        makers = ", ".join(sorted({manager for each in found for manager in _managers(each)}))
        why = f'there already, in namespace "{cluster.namespace}" of {cluster.context}: {named} (by {makers})'
        yield Problem(KEY, why, f"to take its place: {config_set(KEY, 'true')}")
        return
    for each in [each for each in found if text(each, "kind") == "Deployment"]:
        name = text(each, "metadata", "name")
        theirs = [text(one, "name") for one in items(each, "spec", "template", "spec", "containers")]
        others = [one for one in theirs if one not in containers]
        differs = f"containers {', '.join(others)}" if others else ""
        if entries(each, "spec", "selector", "matchLabels") != {"app": name}:
            differs = "a selector other than the documented one"
        if differs:
            why = f'the Deployment "{name}" in namespace "{cluster.namespace}" of {cluster.context} has {differs}'
            where = [f"--namespace={cluster.namespace}", "delete", f"deployment/{name}"]
            yield Problem(KEY, f"{why}: its place cannot be taken", kubectl_line(cluster.api, *where))


def is_documented(args: Sequence[Json]) -> bool:
    """Whether karmada-agent's args are only the two documented flags, which the stack sets too."""
    return all(str(each).startswith((ENDPOINT_FLAG, PROXY_FLAG)) for each in args)


def names_a_proxy(command: Sequence[Json]) -> bool:
    """Whether karmada-agent's command has the proxy flag with a value; `karmadactl register` sets it without one."""
    return any(str(each).startswith(PROXY_FLAG) and each != PROXY_FLAG for each in command)


def _managers(found: Json) -> list[str]:
    """The field managers of an object, without those of its status, which the cluster's controllers write."""
    managed = items(found, "metadata", "managedFields")
    return [text(each, "manager") for each in managed if not text(each, "subresource")]
