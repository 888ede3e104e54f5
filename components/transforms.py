"""Pulumi resource transforms: a team's own Python, which may change any resource where no config key does.

This file only finds that Python and names the resource at which it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from traceback import extract_tb
from typing import cast

from pulumi import ResourceTransformArgs, ResourceTransformResult, RunError
from pulumi.runtime import register_resource_transform

MODULE = "stack_transforms"

Transform = Callable[[ResourceTransformArgs], ResourceTransformResult | None]


def use_transforms() -> None:
    """Registers `transform` of stack_transforms.py, if there is that file beside __main__.py, for every resource.

    Raises pulumi.RunError where the file cannot be used.
    """
    if find_spec(MODULE) is None:
        return
    try:
        transform: object = getattr(import_module(MODULE), "transform", None)
    except Exception as error:
        raise RunError(
            f"{MODULE}.py cannot be used: {type(error).__name__}: {error}; mend it, or take it away"
        ) from None
    if not callable(transform):
        raise RunError(f"{MODULE}.py has no function `transform`; docs/{MODULE}.py is an example of one")
    register_resource_transform(_naming(cast("Transform", transform)))


def _naming(transform: Transform) -> Transform:
    """Wraps a transform, so that its error names the resource at which it failed."""

    def named(args: ResourceTransformArgs) -> ResourceTransformResult | None:
        try:
            return transform(args)
        except Exception as error:
            *_, last = extract_tb(error.__traceback__)
            why = f"{MODULE}.py failed at {args.type_} {args.name}, line {last.lineno}: {type(error).__name__}: {error}"
            raise RunError(f"{why}; mend it, or take it away") from None

    return named
