"""Reads Deployments: containers' arguments, their owners in managedFields, and whether a rollout is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusters.objects import Json, at, entries, items, number, text
from components import anp

ARGS = "f:args"


def arguments(deployment: Json, container: str) -> Sequence[str]:
    """The words of a container's `command` and `args`, empty if there is no such container."""
    for each in items(deployment, "spec", "template", "spec", "containers"):
        if text(each, "name") == container:
            return [str(word) for word in (*items(each, "command"), *items(each, "args"))]
    return []


def value_of(flag: str, words: Sequence[str]) -> str:
    """The value of a flag (`--flag=`), of the last one if there are several; an empty text if there is none."""
    given = [word.removeprefix(flag) for word in words if word.startswith(flag)]
    return given[-1] if given else ""


def has_flags(deployment: Json, container: str, proxy_url: str, api_endpoint: str) -> bool:
    """Whether karmada-agent has the flags for this proxy URL and, unless it is empty, this API endpoint."""
    words = arguments(deployment, container)
    expected = {anp.PROXY_FLAG: proxy_url, **({anp.ENDPOINT_FLAG: api_endpoint} if api_endpoint else {})}
    return all(value_of(flag, words) == value for flag, value in expected.items())


def selector(deployment: Json) -> str:
    """A Deployment's label selector in the form of an API's query: `app=x`."""
    labels = entries(deployment, "spec", "selector", "matchLabels")
    return ",".join(f"{key}={value}" for key, value in labels.items())


def managed_path(container: str) -> tuple[str, ...]:
    """The path in a Deployment's managedFields entry to the owned fields of a container, of which one is ARGS."""
    return ("fieldsV1", "f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}')


def args_owners(deployment: Json, container: str) -> Iterator[str]:
    """The field managers that own a container's `args`, from the Deployment's managedFields."""
    for entry in items(deployment, "metadata", "managedFields"):
        if at(entry, *managed_path(container), ARGS) is not None:
            yield text(entry, "manager")


def identifiers(agents: Json) -> Sequence[str]:
    """The `host` identifiers of proxy-agent (`--agent-identifiers`), by which proxy-server finds it."""
    pairs = [each.partition("=") for each in value_of(anp.IDENTIFIERS_FLAG, arguments(agents, anp.AGENT)).split("&")]
    return [host for kind, _, host in pairs if kind == "host" and host]


def unfinished(pods: Sequence[Json]) -> list[Json]:
    """Those of some pods that run, or are yet to. Others are over but still listed, as evicted ones; pods in their
    place are listed too."""
    return [each for each in pods if text(each, "status", "phase") not in ("Failed", "Succeeded")]


def rolled_out(deployment: Json) -> bool:
    """Whether all pods of a Deployment are of its latest generation and available (`kubectl rollout status`)."""
    seen, replicas = number(deployment, "status", "observedGeneration"), number(deployment, "spec", "replicas")
    if seen < number(deployment, "metadata", "generation"):
        return False
    of_all = [number(deployment, "status", each) for each in ("updatedReplicas", "replicas", "availableReplicas")]
    return of_all == [replicas, replicas, replicas]
