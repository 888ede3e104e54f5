"""What stands where a stack's objects belong and was made by hand, as Karmada's documented steps make it.

`proxy.adopt` lets the stack take its place: providers may then overwrite what is there, in those clusters alone and
only while something made by hand is. Where all was made by a Pulumi stack, this one or another, nothing is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusters.api import DEPLOYMENTS, SECRETS, Asking
from clusters.errors import Unavailable
from clusters.objects import Json, entries, items, text
from clusters.workstation import typed
from components.anp import ENDPOINT_FLAG, PROXY_FLAG
from config.problems import Problem, config_set
from config.settings import Cluster

KEY = "proxy.adopt"

PULUMI = "pulumi-kubernetes"
"""How the names begin under which Pulumi's provider makes objects."""


def made_by_hand(asking: Asking, cluster: Cluster, deployment: str, secrets: Sequence[str]) -> Sequence[Json]:
    """The Deployment and Secrets of those names that no Pulumi stack made.

    Where the user may not look at them none is known: then an `up` ends at one that is there.
    """
    try:
        found = [
            asking.get(cluster.api, what, name, cluster.namespace)
            for what, name in ((DEPLOYMENTS, deployment), *((SECRETS, each) for each in secrets))
        ]
    except Unavailable:
        return []
    there = [each for each in found if each is not None]
    return [each for each in there if not any(manager.startswith(PULUMI) for manager in _managers(each))]


def problems(cluster: Cluster, found: Sequence[Json], containers: Sequence[str], adopt: bool) -> Iterator[Problem]:
    """Why the stack does not take the place of what was found, or cannot.

    `containers` are those of the stack's own Deployment: it must not run beside others, which would have its ports.
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
            yield Problem(KEY, f"{why}: its place cannot be taken", typed(cluster.api, *where))


def is_documented(args: Sequence[Json]) -> bool:
    """Whether karmada-agent's args are the documented two flags alone, which a stack would set too."""
    return all(str(each).startswith((ENDPOINT_FLAG, PROXY_FLAG)) for each in args)


def names_a_proxy(command: Sequence[Json]) -> bool:
    """Whether karmada-agent's own command has the flag with an address; `karmadactl register` leaves it without one."""
    return any(str(each).startswith(PROXY_FLAG) and each != PROXY_FLAG for each in command)


def _managers(found: Json) -> list[str]:
    """Who has set something of an object, without the cluster's own controllers, which write its status."""
    managed = items(found, "metadata", "managedFields")
    return [text(each, "manager") for each in managed if not text(each, "subresource")]
