"""A resource as the program registers it with the engine, decoded from the wire, and which values in it are secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto.alias_pb2 import Alias

from clusters.objects import Json, text

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""The mark of a secret on the wire: an object in which SIGNATURE is a key and SECRET its value (pulumi's rpc.py)."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The wire's placeholder for a value that a preview does not know (pulumi's rpc.py)."""

Path = tuple[str, ...]
"""Keys from the top of a resource's properties; a list's index is a key too."""


@dataclass(kw_only=True)
class Recorded:
    """One resource. Properties have camelCase keys and no marks of secrets; `secrets` are the paths of secret inputs.

    `parent` and `dependencies` are URNs; dependencies include those by depends_on and those by inputs. `provider` is
    the name of an explicit provider, or "". `timeouts` are the custom timeouts that are set, by operation (`create`).
    A component's outputs are those that it registered.
    """

    urn: str
    type: str
    name: str
    parent: str = ""
    aliases: Sequence[Alias] = ()
    provider: str = ""
    dependencies: frozenset[str] = frozenset()
    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: Sequence[str] = ()
    replace_on_changes: Sequence[str] = ()
    delete_before_replace: bool = False
    timeouts: Mapping[str, str] = field(default_factory=dict[str, str])
    inputs: Mapping[str, Json] = field(default_factory=dict[str, Json])
    secrets: frozenset[Path] = frozenset()
    outputs: Mapping[str, Json] = field(default_factory=dict[str, Json])
    secret_outputs: frozenset[Path] = frozenset()

    @property
    def is_component(self) -> bool:
        """Whether it is one of this program's component resources, which no provider makes."""
        return self.type.startswith("karmada-anp:")

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is a Kubernetes object, or a patch of one."""
        return self.type.startswith("kubernetes:")

    @property
    def label(self) -> str:
        """Kind and Kubernetes name (`Deployment-proxy-server`), or the resource's own name."""
        name = text(self.inputs, "metadata", "name") if self.is_kubernetes else self.name
        return f"{self.type.rsplit(':', 1)[-1]}-{name}"


def decoded(properties: Struct) -> tuple[dict[str, Json], frozenset[Path]]:
    """Decodes properties from the wire. Returns them without marks, and the paths that are secret."""
    marked: dict[str, Json] = MessageToDict(properties)
    secrets: set[Path] = set()
    _plain(marked, (), secrets)
    return plain(marked), frozenset(secrets)


def plain(marked: Mapping[str, Json]) -> dict[str, Json]:
    """Properties without the marks of secrets. Whole numbers become ints; the wire has only floats."""
    return {key: _plain(value, (key,), set()) for key, value in sorted(marked.items())}


def _plain(value: Json, path: Path, secrets: set[Path]) -> Json:
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            secrets.add(path)
            return _plain(value.get("value"), path, secrets)
        return {key: _plain(each, (*path, key), secrets) for key, each in sorted(value.items())}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each, (*path, str(i)), secrets) for i, each in enumerate(value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def marked_secret(properties: Struct, keys: set[str]) -> None:
    """Marks the top-level properties in `keys` as secret, as the engine does for additional_secret_outputs."""
    for key in keys & set(properties.fields):
        if SIGNATURE not in properties.fields[key].struct_value.fields:
            marked = Struct()
            marked.fields[SIGNATURE].string_value = SECRET
            marked.fields["value"].CopyFrom(properties.fields[key])
            properties.fields[key].struct_value.CopyFrom(marked)


def leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Every scalar in a value, with its path."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for i, each in enumerate(value):
            yield from leaves(each, (*path, str(i)))
    else:
        yield path, value


def within(path: Path, secrets: frozenset[Path]) -> bool:
    """Whether a path, or one that it is below, is among the secret paths."""
    return any(path[:length] in secrets for length in range(len(path) + 1))
