"""Revisions: texts that change when a Kubernetes object changes, by which Commands know that they must run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi import CustomResource, Output

from clusters.objects import Json


def revision(of: CustomResource) -> Output[str]:
    """`UID/GENERATION` of the object, as of the last change that this stack made or a refresh has seen.

    In a preview of an object that does not exist yet, neither is known.
    """
    # for Works and patches of Clusters the SDK declares no `metadata`, whose value is then a dict; get has no types
    metadata = cast("Output[Mapping[str, Json]]", pulumi.get(of, "metadata"))  # pyright: ignore[reportUnknownMemberType]
    return metadata.apply(lambda known: f"{known.get('uid')}/{known.get('generation')}")
