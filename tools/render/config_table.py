"""`python -m tools.render.config_table`: prints the table of config keys in docs/config.md, from the settings' models.

Each row has a key's path (`host.context`, `members.NAME.kind`), its default, and its meaning. An empty default is an
empty cell; the default of a required key is `required`. A key of several variants of a section is one row. Keys of
`memberDefaults` are not repeated below `members.NAME`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.explanations import model_of
from config.settings import MemberDefaults
from config.stack_config import SECTIONS


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table. `default` is the text of its cell."""

    key: str
    default: str
    meaning: str

    def __str__(self) -> str:
        return f"| `{self.key}` |{f' {self.default}' if self.default else ''} | {self.meaning} |"


def rows() -> Iterator[Row]:
    """A row for every key of a stack's config, in the order of the sections."""
    for section, variants in SECTIONS.items():
        path, common = section, set[str]()
        if section == "members":
            path, common = "members.NAME", set(MemberDefaults.model_fields)
            yield Row(key=f"{path}.KEY", default="", meaning="Every key of `memberDefaults`, for this member alone")
        tables = [{row.key: row for row in _rows(path, model, common)} for model in variants]
        for key, row in {key: row for table in reversed(tables) for key, row in table.items()}.items():
            # a key that only some variants require is not required of a config
            everywhere = all(key.rpartition(".")[0] != path or key in table for table in tables)
            yield row if everywhere else replace(row, default=row.default.replace("required", ""))


def table() -> str:
    """The whole table, as Markdown."""
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *map(str, rows())])


def _rows(path: str, model: type[BaseModel], but: Collection[str] = ()) -> Iterator[Row]:
    """A row for each key of a model except those in `but`, required ones first; an object's own keys follow it."""
    fields = [field for name, field in model.model_fields.items() if name not in but]
    for field in sorted(fields, key=lambda each: not each.is_required()):
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
