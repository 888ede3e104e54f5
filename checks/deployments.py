"""What a Deployment says: what its containers are started with, and whether all its pods are of the latest template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusters.objects import Json, at, entries, items, number, text
from components import anp

ARGS = "f:args"


def arguments(deployment: Json, container: str) -> Sequence[str]:
    """A container's command and arguments."""
    for each in items(deployment, "spec", "template", "spec", "containers"):
        if text(each, "name") == container:
            return [str(word) for word in (*items(each, "command"), *items(each, "args"))]
    return []


def value_of(flag: str, words: Sequence[str]) -> str:
    """What a flag (`--flag=`) is given, by the last one if it is there twice; nothing where it is not there."""
    given = [word.removeprefix(flag) for word in words if word.startswith(flag)]
    return given[-1] if given else ""


def reports(deployment: Json, container: str, proxy_url: str, api_endpoint: str) -> bool:
    """Whether karmada-agent has the flag of that proxy, and of that endpoint if one is said."""
    words = arguments(deployment, container)
    wanted = {anp.PROXY_FLAG: proxy_url, **({anp.ENDPOINT_FLAG: api_endpoint} if api_endpoint else {})}
    return all(value_of(flag, words) == value for flag, value in wanted.items())


def selector(deployment: Json) -> str:
    """The labels by which a Deployment finds its pods, as an API takes them: `app=x`."""
    labels = entries(deployment, "spec", "selector", "matchLabels")
    return ",".join(f"{key}={value}" for key, value in labels.items())


def path_of(container: str) -> tuple[str, ...]:
    """Where an entry of a Deployment's managedFields has what a manager owns of a container; its args are at ARGS."""
    return ("fieldsV1", "f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}')


def args_owners(deployment: Json, container: str) -> Iterator[str]:
    """The field managers that own `args` of a container, from the Deployment's managedFields."""
    for entry in items(deployment, "metadata", "managedFields"):
        if at(entry, *path_of(container), ARGS) is not None:
            yield text(entry, "manager")


def identifiers(agents: Json) -> Sequence[str]:
    """The hosts by which the proxy-agents of a Deployment are to be found."""
    pairs = [each.partition("=") for each in value_of(anp.IDENTIFIERS_FLAG, arguments(agents, anp.AGENT)).split("&")]
    return [host for kind, _, host in pairs if kind == "host" and host]


def rolled_out(deployment: Json) -> bool:
    """Whether all pods of a Deployment are of its latest generation and available (`kubectl rollout status`)."""
    seen, wanted = number(deployment, "status", "observedGeneration"), number(deployment, "spec", "replicas")
    if seen < number(deployment, "metadata", "generation"):
        return False
    of_all = [number(deployment, "status", each) for each in ("updatedReplicas", "replicas", "availableReplicas")]
    return of_all == [wanted, wanted, wanted]
