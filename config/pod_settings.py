"""Config keys that the pods of proxy-server and of proxy-agent share: scheduling, labels, resources, rollout time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from kubernetes.utils.quantity import parse_quantity  # pyright: ignore[reportUnknownVariableType]
from pydantic import AfterValidator, Field, model_validator

from config.fields import APP, Annotations, Labels, Model, ObjectName, TaintKey, TaintValue
from config.problems import InvalidValue, config_rm, set_to


class Toleration(Model):
    """A toleration, as Kubernetes writes it."""

    key: TaintKey = Field("", description="Key of the taint; leave it out, with `Exists`, for any key")
    operator: Literal["Equal", "Exists"] = Field(
        "Equal", description="Match the taint's value with `Equal`, or any value with `Exists`"
    )
    value: TaintValue = Field("", description="Value of the taint")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="Effect of the taint; by default any effect"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Toleration:
        """Refuses, before anything is made, what Kubernetes would refuse in the middle of an `up`."""
        if self.operator == "Equal" and not self.key:
            raise InvalidValue(
                "it is missing: without a key every taint is tolerated, by `Exists`", set_to("KEY"), at="key"
            )
        if self.operator == "Exists" and self.value:
            raise InvalidValue(
                f'"{self.value}" does not go with `Exists`, which is for any value', set_to("''"), at="value"
            )
        return self


QUANTITY = r"(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?\d+)?"


def quantity(text: str | int) -> Decimal:
    """The number that a Kubernetes quantity (`100m`, `512Mi`) stands for. Raises ValueError for any other text: the
    client's parser takes more than Kubernetes does, such as `512K` and `1_000`."""
    if not re.fullmatch(QUANTITY, str(text), re.ASCII):
        raise ValueError(text)
    return parse_quantity(text)


def _quantity(given: str | int) -> str:
    try:
        quantity(given)
    except ValueError:
        why = f'"{given}" should be a quantity as Kubernetes has it, like 100m or 512Mi'
        raise InvalidValue(why, set_to("512Mi")) from None
    return str(given)


Quantity = Annotated[str | int, AfterValidator(_quantity)]
Amounts = Mapping[Literal["cpu", "memory", "ephemeral-storage"], Quantity]


class Resources(Model):
    """Requests and limits of a container."""

    requests: Amounts = Field({}, description="Requests for `cpu`, `memory`, `ephemeral-storage`")
    limits: Amounts = Field({}, description="Limits of `cpu`, `memory`, `ephemeral-storage`")

    @model_validator(mode="after")
    def _may_have_what_it_is_given(self) -> Resources:
        for what, given in self.requests.items():
            most = self.limits.get(what)
            if most is not None and quantity(given) > quantity(most):
                why = f'"{most}" is below what requests.{what} asks for ("{given}")'
                raise InvalidValue(why, set_to(str(given)), at=f"limits.{what}")
        return self


class Affinity(Model):
    """Affinity as Kubernetes writes it. Only the cluster checks what is below these three keys."""

    node_affinity: Mapping[str, object] | None = Field(None, description="Affinity to nodes, as Kubernetes writes it")
    pod_affinity: Mapping[str, object] | None = Field(None, description="Affinity to other pods, likewise")
    pod_anti_affinity: Mapping[str, object] | None = Field(None, description="Anti-affinity to other pods, likewise")


def _others(labels: Mapping[str, str]) -> Mapping[str, str]:
    if APP in labels:
        raise InvalidValue(f'"{APP}" is the label by which the stack itself finds its pods', config_rm, at=APP)
    return labels


class Rollout(Model):
    """How long a Deployment's rollout may take."""

    rollout_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        10, description="Minutes that `up` waits for the pods, plus one for each replica after the first"
    )


class PodSettings(Rollout):
    """Settings of the pods of one Deployment: an ANP container (`resources`) and its guard (`guard_resources`)."""

    node_selector: Labels = Field({}, description="Run the pods only on nodes with these labels")
    tolerations: Sequence[Toleration] = Field((), description="Let the pods run on nodes with these taints")
    affinity: Affinity | None = Field(None, description="Draw the pods to, or keep them from, nodes and other pods")
    priority_class_name: ObjectName = Field("", description="PriorityClass of the pods; it must exist")
    labels: Annotated[Labels, AfterValidator(_others)] = Field(
        {}, description="Labels to add to the pods, beside `app`"
    )
    annotations: Annotations = Field({}, description="Annotations to add to the pods")
    resources: Resources | None = Field(
        None, description="Requests and limits of the ANP container; by default as measured, with room to spare"
    )
    guard_resources: Resources | None = Field(
        None, description="Requests and limits of the guard beside it; by default as measured, with room to spare"
    )
