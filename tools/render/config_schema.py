"""`python -m tools.render.config_schema`: prints docs/stack.schema.json, the JSON Schema of a stack's file.

It is made from the settings' models, and editors complete and check Pulumi.STACK.yaml by it. It describes each key
alone: config/ checks what goes together, and keys that Pulumi writes beside `config` are not described.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic.json_schema import models_json_schema

from clusters.objects import Json
from config.problems import PROJECT
from config.stack_config import SECTIONS

DRAFT = "https://json-schema.org/draft/2020-12/schema"

ENCRYPTED: Json = {"type": "object", "required": ["secure"], "properties": {"secure": {"type": "string"}}}
"""The object that `pulumi config set --secret` writes in place of a text."""


def schema() -> Mapping[str, Json]:
    """The whole schema. A section with variants may match any of them."""
    models = [model for variants in SECTIONS.values() for model in variants]
    references, found = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions: dict[str, Json] = found["$defs"]
    sections: dict[str, Json] = {}
    for section, variants in SECTIONS.items():
        each: list[Json] = [references[(model, "validation")] for model in variants]
        one: Json = each[0] if len(each) == 1 else {"anyOf": each}
        whole: Json = {"type": "object", "additionalProperties": {"anyOf": [one, {"type": "null"}]}}
        sections[f"{PROJECT}:{section}"] = whole if section == "members" else one
    known = "|".join(SECTIONS)
    config: Json = {
        "type": "object",
        "properties": sections,
        "propertyNames": {"not": {"pattern": f"^{PROJECT}:(?!({known})$)"}},
        "required": [f"{PROJECT}:host"],
    }
    return {
        "$schema": DRAFT,
        "title": "A stack's file of karmada-anp",
        "type": "object",
        "properties": {"config": config},
        "$defs": {name: _untitled(each) for name, each in definitions.items()},
    }


def _untitled(of: Json, key: str = "") -> Json:
    """A schema without the titles that pydantic makes from names, and in which a password may be encrypted."""
    if isinstance(of, Mapping):
        left = {
            name: _untitled(each, name) for name, each in of.items() if name != "title" or not isinstance(each, str)
        }
        return {"anyOf": [left, ENCRYPTED]} if key == "password" else left
    return [_untitled(each) for each in of] if isinstance(of, list) else of


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2, sort_keys=True))
