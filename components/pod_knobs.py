"""PodSettings of the config as parts of a pod template: placement, labels, annotations, resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from pulumi import Input
from pulumi_kubernetes.core.v1 import AffinityArgsDict, ResourceRequirementsArgsDict, TolerationArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.secret_files import CHECKSUM_ANNOTATION
from config.pod_settings import PodSettings, Resources, Toleration


class Placement(TypedDict, total=False):
    """The part of a pod's spec that says where it is scheduled; only the fields that the config sets."""

    node_selector: dict[str, str]
    tolerations: list[TolerationArgsDict]
    affinity: AffinityArgsDict
    priority_class_name: str


def placement(of: PodSettings) -> Placement:
    """nodeSelector, tolerations, affinity and priorityClassName, as far as the config sets them."""
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


def metadata(own: Mapping[str, str], of: PodSettings, checksum: Input[str]) -> ObjectMetaArgsDict:
    """A pod's labels and annotations. The stack's `own` win: these labels select pods, the checksum rolls them."""
    return {
        "labels": {**of.labels, **own},
        "annotations": {**of.annotations, CHECKSUM_ANNOTATION: checksum},
    }


def resources(said: Resources | None, measured: ResourceRequirementsArgsDict) -> ResourceRequirementsArgsDict:
    """A container's requests and limits: the config's, or else the `measured` defaults."""
    if said is None:
        return measured
    return cast("ResourceRequirementsArgsDict", said.model_dump())


def _toleration(of: Toleration) -> TolerationArgsDict:
    """A toleration in a pod's spec, where an empty text means the same as none."""
    return {"key": of.key, "operator": of.operator, "value": of.value, "effect": of.effect}
