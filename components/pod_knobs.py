"""What a team says of pods, in Kubernetes' terms: where they run, with what, and as what. Without a word, nothing."""

from __future__ import annotations

from typing import TypedDict, cast

from pulumi import Input
from pulumi_kubernetes.core.v1 import AffinityArgsDict, ResourceRequirementsArgsDict, TolerationArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.secret_files import CHECKSUM_ANNOTATION
from config.fields import APP
from config.pod_settings import PodSettings, Resources, Toleration


class Placement(TypedDict, total=False):
    """A part of a pod's spec."""

    node_selector: dict[str, str]
    tolerations: list[TolerationArgsDict]
    affinity: AffinityArgsDict
    priority_class_name: str


def placement(of: PodSettings) -> Placement:
    """On which nodes pods run, and before which others."""
    said: Placement = {}
    if of.node_selector:
        said["node_selector"] = dict(of.node_selector)
    if of.tolerations:
        said["tolerations"] = [_toleration(each) for each in of.tolerations]
    if of.affinity:
        said["affinity"] = cast("AffinityArgsDict", of.affinity.model_dump(exclude_none=True))
    if of.priority_class_name:
        said["priority_class_name"] = of.priority_class_name
    return said


def metadata(app: str, of: PodSettings, checksum: Input[str]) -> ObjectMetaArgsDict:
    """Labels and annotations of pods; those by which the stack finds and rolls them are its own."""
    return {
        "labels": {**of.labels, APP: app},
        "annotations": {**of.annotations, CHECKSUM_ANNOTATION: checksum},
    }


def resources(said: Resources | None, measured: ResourceRequirementsArgsDict) -> ResourceRequirementsArgsDict:
    """What a container asks for and may have: as it is said, or as it was measured."""
    if said is None:
        return measured
    return cast("ResourceRequirementsArgsDict", said.model_dump())


def _toleration(of: Toleration) -> TolerationArgsDict:
    """As Kubernetes has it, where an empty text is as good as none."""
    return {"key": of.key, "operator": of.operator, "value": of.value, "effect": of.effect}
