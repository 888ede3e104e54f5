"""The JSON Schema by which editors complete and check a stack's file: it is what the settings say, and takes what they
take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

import pytest
import yaml
from jsonschema import Draft202012Validator

from clusters.objects import Json
from tools.render.config_schema import schema
from tools.render.stackfile import ROOT

FILE = "docs/stack.schema.json"
STACKS = ("dev", "fork", "prod")


@cache
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())


def faults(config: Mapping[str, Json]) -> list[str]:
    """Where a config is not as the schema has it: the path of each fault."""
    # jsonschema declares not all of its types
    found = validator().iter_errors({"config": config})  # pyright: ignore[reportUnknownMemberType]
    return [".".join(map(str, each.absolute_path)) for each in found]


def content(stack: str) -> str:
    return (ROOT / f"Pulumi.{stack}.yaml").read_text()


def test_the_file_is_what_the_settings_say() -> None:
    """`python -m tools.render.config_schema > docs/stack.schema.json` writes it."""
    assert json.loads((ROOT / FILE).read_text()) == schema()


@pytest.mark.parametrize("stack", STACKS)
def test_each_stacks_file_names_it_and_is_as_it_says(stack: str) -> None:
    assert content(stack).splitlines()[0] == f"# yaml-language-server: $schema={FILE}"
    assert faults(yaml.safe_load(content(stack))["config"]) == []


HOST: Mapping[str, Json] = {"karmada-anp:host": {"context": "karmada-host"}}


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ({"proxy": {"exposure": "nodeport"}}, ["config.karmada-anp:proxy"]),
        ({"members": {"member3": {"pause": True}}}, ["config.karmada-anp:members.member3"]),
        ({"certificates": {"validityHours": "a year"}}, ["config.karmada-anp:certificates.validityHours"]),
        ({"cerificates": {}}, ["config"]),
        ({"members": {"member3": None}, "proxy": {"exposure": "loadBalancer", "replicas": 2}}, []),
        ({"images": {"push": True, "credentials": {"username": "u", "password": {"secure": "v1:x"}}}}, []),
    ],
    ids=["a value", "a key", "a type", "a section", "nothing below a name", "an encrypted password"],
)
def test_what_is_mistyped_is_shown_where_it_is(sections: Mapping[str, Json], found: list[str]) -> None:
    assert faults({**HOST, **{f"karmada-anp:{key}": each for key, each in sections.items()}}) == found


def test_a_config_of_other_providers_is_theirs() -> None:
    assert faults({**HOST, "kubernetes:context": "any"}) == []


def test_the_host_must_be_there() -> None:
    assert faults({}) == ["config"]
