"""`python -m tools.render.config_table`: the README's table of config keys, from the settings themselves.

A row a key: its path (`host.context`, `members[].name`), its default, and what it means. An empty default is an empty
cell; a key that must be given says `required`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.stack_config import SECTIONS


@dataclass(frozen=True, kw_only=True)
class Row:
    """A config key. `default` is as the table's cell has it."""

    key: str
    default: str
    meaning: str

    def __str__(self) -> str:
        return f"| `{self.key}` |{f' {self.default}' if self.default else ''} | {self.meaning} |"


def rows() -> Iterator[Row]:
    """Every key of a stack's config, sections in their order."""
    for section, model in SECTIONS.items():
        yield from _rows(f"{section}[]" if section == "members" else section, model)


def table() -> str:
    """The whole table, as Markdown."""
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *map(str, rows())])


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that holds keys of its own."""
    candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _rows(path: str, model: type[BaseModel]) -> Iterator[Row]:
    """A model's keys, those that must be given first; a key with keys of its own before these."""
    for field in sorted(model.model_fields.values(), key=lambda each: not each.is_required()):
        key = f"{path}.{field.alias}"
        yield Row(key=key, default=_default(field), meaning=field.description or "")
        nested = model_of(field)
        if nested:
            yield from _rows(f"{key}[]" if get_origin(field.annotation) is Sequence else key, nested)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory or field.default in ("", None):
        return ""
    value = field.default.value if isinstance(field.default, Enum) else field.default
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    print(table())
