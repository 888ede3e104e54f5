"""A resource as the rules see it. Secrets are open in it: no rule may say what is in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusters.objects import Json

UNKNOWN = "<not known yet>"
"""What stands for a value that only an `up` will know. It is judged then."""

Path = tuple[str, ...]
"""Keys from the top of a resource's properties; a list's index is a key too."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What the program asked for, with its options.

    `provider` is the name of its provider, `secret_outputs` are the properties that it keeps secret whatever is in
    them, and `dependencies` the URNs of what it needs.
    """

    type: str
    name: str
    urn: str
    properties: Json
    provider: str = ""
    protect: bool = False
    secret_outputs: frozenset[str] = frozenset()
    dependencies: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f'{self.type.rsplit(":", 1)[-1]} "{self.name}"'

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is an object in a cluster, or a patch of one."""
        return self.type.startswith("kubernetes:")

    def is_below(self, component: str) -> bool:
        """Whether it is part of a component of that type."""
        return component in self.urn.split("::")[2].split("$")[:-1]


def texts(value: Json, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in some properties, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from texts(each, (*path, key))
    elif isinstance(value, Sequence):
        for i, each in enumerate(value):
            yield from texts(each, (*path, str(i)))


def is_known(value: Json) -> bool:
    """Whether all of a value is known before the `up`."""
    return all(each != UNKNOWN for _, each in texts(value))
