"""Field managers: the names under which a stack applies fields of objects (server-side apply).

Kubernetes records the manager of each field. A deleted patch gives up the fields of its own manager alone, and each
stack has a name of its own, so that neither overwrites what the other has set. A stack whose state is lost has the
same name again: the names that Pulumi draws by itself would differ, and whatever it took over and then changes would be
a conflict with its own former name.

Two stacks of the same name on different backends are not told apart: the second fails where the first's objects exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi.runtime import register_stack_transformation

from clusters.objects import Json, entries
from config.problems import PROJECT

DELIVERING = ":delivery"
"""Ends the name of the second field manager. No stack's name has a colon, so the two cannot be confused."""

ANNOTATION = "pulumi.com/patchFieldManager"
"""The annotation from which pulumi-kubernetes takes the field manager of a resource."""


def field_manager() -> str:
    """The field manager of the running stack, `karmada-anp-STACK`: Pulumi's provider applies with it."""
    return f"{PROJECT}-{pulumi.get_stack()}"


def use_field_manager() -> None:
    """Lets Pulumi's provider apply every Kubernetes resource of the running stack with field_manager()."""
    register_stack_transformation(_annotated)


def _annotated(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A Pulumi transformation. What is only read has no metadata here."""
    props = cast("Mapping[str, Json]", args.props)
    if not args.type_.startswith("kubernetes:") or not props.get("metadata"):
        return None
    metadata = entries(props["metadata"])
    annotations = {**entries(metadata, "annotations"), ANNOTATION: field_manager()}
    return pulumi.ResourceTransformationResult(
        {**props, "metadata": {**metadata, "annotations": annotations}}, args.opts
    )


def delivering() -> str:
    """The field manager of what the stack's own Commands apply in members with `access: karmada`.

    It differs from field_manager(), so that a member whose `access` changes keeps a field that one of them gives up.
    """
    return f"{field_manager()}{DELIVERING}"


def stack_of(manager: str) -> str:
    """The name of the stack that a field manager belongs to, or "" where it is not a manager of this program."""
    return manager.removeprefix(f"{PROJECT}-").removesuffix(DELIVERING) if manager.startswith(f"{PROJECT}-") else ""
