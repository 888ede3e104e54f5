"""What a team says of the pods of proxy-server and of proxy-agent alike: where they run, with what, and as what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from kubernetes.utils.quantity import parse_quantity  # pyright: ignore[reportUnknownVariableType]
from pydantic import AfterValidator, Field, model_validator

from config.fields import APP, Annotations, Labels, Model, ObjectName
from config.problems import Wrong, config_rm, set_to


class Toleration(Model):
    """A taint of nodes that pods may run on, as Kubernetes writes it."""

    key: str = Field("", description="The taint's key; without, every taint")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="`Equal`, or `Exists` for any value")
    value: str = Field("", description="The taint's value")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="The taint's effect; without, every effect"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Toleration:
        """What Kubernetes would refuse half-way."""
        if self.operator == "Equal" and not self.key:
            raise Wrong("it is missing: without a key every taint is tolerated, by `Exists`", set_to("KEY"), at="key")
        if self.operator == "Exists" and self.value:
            raise Wrong(f'"{self.value}" does not go with `Exists`, which is for any value', set_to("''"), at="value")
        return self


def quantity(text: str | int) -> Decimal:
    """How much a text of Kubernetes is (`100m`, `512Mi`). Raises ValueError where it is no quantity."""
    return parse_quantity(text)


def _quantity(given: str | int) -> str:
    try:
        amount = quantity(given)
    except ValueError:
        amount = Decimal(-1)
    if amount < 0:
        raise Wrong(f'"{given}" should be a quantity as Kubernetes has it, like 100m or 512Mi', set_to("512Mi"))
    return str(given)


Quantity = Annotated[str | int, AfterValidator(_quantity)]
Amounts = Mapping[Literal["cpu", "memory", "ephemeral-storage"], Quantity]


class Resources(Model):
    """What a container asks for and may have."""

    requests: Amounts = Field({}, description="What it is given: `cpu`, `memory`, `ephemeral-storage`")
    limits: Amounts = Field({}, description="What it may have at most, of the same")

    @model_validator(mode="after")
    def _may_have_what_it_is_given(self) -> Resources:
        for what, given in self.requests.items():
            most = self.limits.get(what)
            if most is not None and quantity(given) > quantity(most):
                why = f'"{most}" is below what requests.{what} asks for ("{given}")'
                raise Wrong(why, set_to(str(given)), at=f"limits.{what}")
        return self


class Affinity(Model):
    """Affinity as Kubernetes writes it. What is below its three kinds, the cluster itself checks."""

    node_affinity: Mapping[str, object] | None = Field(None, description="Towards nodes, as Kubernetes writes it")
    pod_affinity: Mapping[str, object] | None = Field(None, description="Towards pods")
    pod_anti_affinity: Mapping[str, object] | None = Field(None, description="Away from pods")


def _others(labels: Mapping[str, str]) -> Mapping[str, str]:
    if APP in labels:
        raise Wrong(f'"{APP}" is the label by which the stack itself finds its pods', config_rm, at=APP)
    return labels


class Rollout(Model):
    """How long a Deployment's pods may take."""

    rollout_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        10, description="How long `up` waits for its pods, and a minute more for each replica after the first"
    )


class PodSettings(Rollout):
    """Of pods of one Deployment. `resources` are the ANP container's own, `guard_resources` its guard's."""

    node_selector: Labels = Field({}, description="Labels of the nodes that its pods run on")
    tolerations: Sequence[Toleration] = Field((), description="Taints of nodes that its pods tolerate")
    affinity: Affinity | None = Field(None, description="Nodes and pods that its pods are drawn to or kept from")
    priority_class_name: ObjectName = Field("", description="PriorityClass of its pods, which must exist")
    labels: Annotated[Labels, AfterValidator(_others)] = Field({}, description="Labels of its pods, beside `app`")
    annotations: Annotations = Field({}, description="Annotations of its pods")
    resources: Resources | None = Field(
        None, description="What the ANP container asks for and may have; without, what was measured, with room"
    )
    guard_resources: Resources | None = Field(None, description="The same of the guard beside it")
