"""JSON of APIs, docker and pulumi, read by paths of keys without trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


def parse(text: str) -> Json:
    """Any JSON text. Raises ValueError."""
    return cast("Json", json.loads(text))


def at(value: Json, *path: str) -> Json:
    """What is at the end of a path of keys, or None."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(value: Json, *path: str) -> str:
    """The string at the end of a path, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def number(value: Json, *path: str) -> int:
    """The whole number at the end of a path, or 0."""
    found = at(value, *path)
    return found if isinstance(found, int) else 0


def items(value: Json, *path: str) -> Sequence[Json]:
    """The list at the end of a path, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, Sequence) and not isinstance(found, str) else []


def is_terminating(found: Json) -> bool:
    """Whether an object is terminating (deletionTimestamp): deleted, and waiting for a finalizer or a grace period."""
    return at(found, "metadata", "deletionTimestamp") is not None


def entries(value: Json, *path: str) -> Mapping[str, Json]:
    """The object at the end of a path, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}
