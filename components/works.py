"""Works: the Kubernetes objects of a member with `access: karmada`, which only Karmada can reach.

The member's karmada-agent fetches Works from the Karmada API, applies their manifests, reverts changes to these in the
member, and reports the outcome in their status. Each Work here has one manifest: Karmada keeps the status of one.

Nothing here waits for a Work to be applied, or deletes one: that depends on whether the member is Ready, and is done by
delivery.py's Commands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

from pulumi import CustomResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes import apiextensions
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Namespace, Secret
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from clusters.objects import Json, entries
from components.anp import EXECUTION_SPACE, OF_STACK, work_name

KINDS: Mapping[object, tuple[str, str]] = {
    Deployment: ("apps/v1", "Deployment"),
    Namespace: ("v1", "Namespace"),
    NetworkPolicy: ("networking.k8s.io/v1", "NetworkPolicy"),
    PodDisruptionBudget: ("policy/v1", "PodDisruptionBudget"),
    Role: ("rbac.authorization.k8s.io/v1", "Role"),
    RoleBinding: ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    Secret: ("v1", "Secret"),
}
"""apiVersion and kind of the SDK classes that can be made as Works."""

FINALIZER = "karmada.io/execution-controller"
"""Finalizer of a Work. Without it, nobody deletes in the member what a deleted Work has applied there."""

OVERWRITE = {"work.karmada.io/conflict-resolution": "overwrite"}
"""The annotation with which karmada-agent takes over an existing object that is not Karmada's."""

KEYS_OF_OTHERS = {"annotations", "data", "labels", "limits", "matchLabels", "nodeSelector", "requests", "stringData"}
"""Fields that are maps: their keys are the user's, and are not turned into camelCase."""

Made = TypeVar("Made", bound=CustomResource)


class Makes(Protocol):
    """Creates a Kubernetes object from the SDK's class and arguments: directly (made) or as a Work (Works)."""

    def __call__(
        self, kind: Callable[..., CustomResource], name: str, /, *, opts: ResourceOptions, **parts: object
    ) -> CustomResource: ...


def made(kind: Callable[..., Made], name: str, /, *, opts: ResourceOptions, **parts: object) -> Made:
    """Creates the object in the cluster of the options' provider."""
    return kind(name, opts=opts, **parts)


class Works:
    """Creates each object as a Work for a member. The options' provider is the Karmada API's.

    `resources` are the member's Works; `expected` describes each as a dict of checks.delivered.Expected. With `adopt`
    they overwrite objects that were made by hand. Pulumi does not delete Works (retain_on_delete); `after` does, the
    Command that must exist before them.
    """

    after: Resource
    resources: list[CustomResource]
    expected: list[Output[dict[str, Json]]]

    def __init__(self, member: str, stack: str, *, adopt: bool, after: Resource) -> None:
        self._member, self._stack, self._adopt, self.after = member, stack, adopt, after
        self.resources, self.expected = [], []

    def __call__(
        self, kind: Callable[..., CustomResource], name: str, /, *, opts: ResourceOptions, **parts: object
    ) -> CustomResource:
        api_version, kind_name = KINDS[kind]
        manifest = cast("Mapping[str, Json]", camel_case(parts))
        metadata, space = entries(manifest, "metadata"), EXECUTION_SPACE.format(self._member)
        named: Output[Sequence[str]] = Output.all(metadata["name"], metadata.get("namespace", ""))
        work = named.apply(lambda of: work_name(kind_name, *of))
        generation = Output.from_input(0)
        marks: dict[str, Input[str]] = {"work.karmada.io/name": work, "work.karmada.io/namespace": space}
        if self._adopt and kind is not Namespace:
            marks |= OVERWRITE
        if kind is Deployment:
            generation = _generation(manifest)
            marks["resourcetemplate.karmada.io/generation"] = Output.format("{0}", generation)
        marked = {
            **metadata,
            "annotations": {**entries(metadata, "annotations"), **marks},
            "labels": {**entries(metadata, "labels"), "karmada.io/managed": "true"},
        }
        self.expected.append(Output.all(work=work, generation=generation))
        whole = {"apiVersion": api_version, "kind": kind_name, **manifest, "metadata": marked}
        own = ResourceOptions(
            depends_on=[self.after],
            retain_on_delete=True,
            additional_secret_outputs=["spec"] if kind is Secret else None,
        )
        resource = apiextensions.CustomResource(
            f"{name}-{kind_name.lower()}",  # all Works have one Pulumi type, so names must differ by kind
            api_version="work.karmada.io/v1alpha1",
            kind="Work",
            metadata={
                "name": work,
                "namespace": space,
                "labels": {OF_STACK: self._stack},
                "annotations": {"pulumi.com/patchForce": "true"},  # Karmada's webhook has changed what was created
                "finalizers": [FINALIZER],
            },
            spec={"workload": {"manifests": [whole]}},
            opts=ResourceOptions.merge(opts, own),
        )
        self.resources.append(resource)
        return resource


def camel_case(value: object) -> object:
    """Turns the SDK's arguments, whose fields are snake_case, into a manifest's camelCase; leaves out what is None."""
    if isinstance(value, Mapping):
        fields = {_camel(key): each for key, each in cast("Mapping[str, object]", value).items() if each is not None}
        return {key: each if key in KEYS_OF_OTHERS else camel_case(each) for key, each in fields.items()}
    if isinstance(value, list | tuple):
        return [camel_case(each) for each in cast("list[object]", value)]
    return value


def _camel(field: str) -> str:
    first, *others = field.rstrip("_").split("_")
    return first + "".join(each.capitalize() for each in others)


def _generation(manifest: Mapping[str, Json]) -> Output[int]:
    """A manifest's generation, made from its hash. Karmada stores it in a status, which so names its manifest.

    Output.json_dumps would make an Output of each field, known or not: with a hundred members that took 13 s.
    """
    outputs: list[object] = []

    def taken_out(of: object) -> int:
        outputs.append(of)
        return len(outputs)

    fields = json.dumps(manifest, default=taken_out)
    return Output.all(*outputs).apply(lambda found: _number(fields + json.dumps(found)))


def _number(manifest: str) -> int:
    return int(hashlib.sha256(manifest.encode()).hexdigest()[:12], 16)
