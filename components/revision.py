"""How a component says that what it runs is another than before, without naming what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi import CustomResource, Output

from clusters.objects import Json


def revision(of: CustomResource) -> Output[str]:
    """The object's identity and generation, as of the last change that this stack made.

    A preview of one that is yet to be made has neither.
    """
    # the SDK declares no metadata on Works and on patches of Clusters, whose value is then a dict; and no types on get
    metadata = cast("Output[Mapping[str, Json]]", pulumi.get(of, "metadata"))  # pyright: ignore[reportUnknownMemberType]
    return metadata.apply(lambda known: f"{known.get('uid')}/{known.get('generation')}")
