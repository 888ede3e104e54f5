"""What every pod of the program says of itself: what it needs, whether it is well, and how little it may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusters.objects import Json, at, entries, items, text
from policy.pod_security import violations
from policy.resources import Path, Resource

DEPLOYMENT = "kubernetes:apps/v1:Deployment"

TEMPLATES: Mapping[str, Path] = {
    DEPLOYMENT: ("spec", "template"),
    "kubernetes:apps/v1:DaemonSet": ("spec", "template"),
    "kubernetes:apps/v1:StatefulSet": ("spec", "template"),
    "kubernetes:batch/v1:Job": ("spec", "template"),
    "kubernetes:core/v1:Pod": (),
}
"""Where each kind has its pods. A patch is not among them: the pods are somebody else's."""

RESOURCES: Sequence[Path] = (
    ("resources", "requests", "cpu"),
    ("resources", "requests", "memory"),
    ("resources", "limits", "memory"),
)
PROBES: Sequence[Path] = (("livenessProbe",), ("readinessProbe",))


def containers_have_resources_and_probes(resource: Resource) -> Iterator[str]:
    """A limit of the CPU is none of them: it would slow a tunnel down."""
    if resource.type != DEPLOYMENT:
        return
    pod = at(resource.properties, "spec", "template", "spec")
    for kind, wanted in (("containers", (*RESOURCES, *PROBES)), ("initContainers", RESOURCES)):
        for container in items(pod, kind):
            lacks = [".".join(path) for path in wanted if not at(container, *path)]
            if lacks:
                yield f'{resource}: give container "{text(container, "name")}" {", ".join(lacks)}'


def pods_are_restricted(resource: Resource) -> Iterator[str]:
    """On the host network that is all they may have of the host."""
    if resource.type not in TEMPLATES:
        return
    broken = violations(_off_the_host_network(at(resource.properties, *TEMPLATES[resource.type])))
    if broken:
        yield f"{resource} does not keep: {', '.join(sorted(broken))} (components/security_context.py has what does)"


def _off_the_host_network(template: Json) -> Json:
    return {**entries(template), "spec": {**entries(template, "spec"), "hostNetwork": False}}
