"""What pulumi_policy hands to a policy, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from pulumi_policy import PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError

from clusters.objects import Json
from policy.resources import UNKNOWN, Resource


def seen(given: ResourceValidationArgs | PolicyResource) -> Resource:
    """A resource before it is made, or in the stack as it will be."""
    needed = given.dependencies if isinstance(given, PolicyResource) else []
    return Resource(
        type=given.resource_type,
        name=given.name,
        urn=given.urn,
        properties=opened(given.props),
        provider=given.provider.name if given.provider else "",
        protect=given.opts.protect,
        secret_outputs=frozenset(given.opts.additional_secret_outputs),
        dependencies=frozenset(each.urn for each in needed),
    )


def opened(value: object) -> Json:
    """Properties as plain values: pulumi_policy's own raise an error where one is not known yet, and know only floats.

    Nothing is left out for that one: a rule that looks at something else can still be checked in a preview.
    """
    if isinstance(value, Mapping):
        keys = cast("Mapping[str, object]", value)
        return {key: _known(partial(keys.__getitem__, key)) for key in keys}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[object]", value)
        return [_known(partial(items.__getitem__, i)) for i in range(len(items))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int | float | bool) else None


def _known(value: Callable[[], object]) -> Json:
    try:
        return opened(value())
    except UnknownValueError:
        return UNKNOWN
