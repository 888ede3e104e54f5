"""A stack's config as the engine would hand it to the program: the stack's own file, over the defaults in Pulumi.yaml.

An encrypted value is replaced by ENCRYPTED: it cannot be read without the stack's key, and no manifest contains it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pulumi
import yaml

from clusters.objects import Json, at, entries
from config.problems import PROJECT

ROOT = Path(__file__).resolve().parents[2]
"""The directory of the program and its stacks' files."""

ENCRYPTED = "<encrypted>"
"""Placeholder for an encrypted value."""


def stacks(root: Path = ROOT) -> list[str]:
    """The names of the stacks that have a file."""
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in root.glob("Pulumi.*.yaml"))


def config_of(stack: str, root: Path = ROOT) -> dict[str, Json]:
    """The stack's config by full key (`karmada-anp:host`), defaults filled in. Raises pulumi.RunError."""
    known = stacks(root)
    if stack not in known:
        raise pulumi.RunError(f"there is no stack file Pulumi.{stack}.yaml; there are stacks {', '.join(known)}")
    declared = entries(_read(root / "Pulumi.yaml"), "config")
    defaults = {key: at(each, "default") for key, each in declared.items() if at(each, "default") is not None}
    own = entries(_read(root / f"Pulumi.{stack}.yaml"), "config")
    return {_full(key): _readable(value) for key, value in {**defaults, **own}.items()}


def environment(config: Mapping[str, Json]) -> dict[str, str]:
    """The environment variables in which the engine hands config to a program: values are strings, objects are JSON."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    secret = [key for key, value in texts.items() if ENCRYPTED in value]
    return {"PULUMI_CONFIG": json.dumps(texts), "PULUMI_CONFIG_SECRET_KEYS": json.dumps(secret)}


def _read(file: Path) -> Json:
    try:
        return cast("Json", yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise pulumi.RunError(f"{file.name} cannot be read: {error}") from None


def _full(key: str) -> str:
    return key if ":" in key else f"{PROJECT}:{key}"


def _readable(value: Json) -> Json:
    """A value in which encrypted values are replaced by ENCRYPTED."""
    if isinstance(value, Mapping):
        if list(value) == ["secure"]:
            return ENCRYPTED
        return {key: _readable(each) for key, each in value.items()}
    return [_readable(each) for each in value] if isinstance(value, list) else value
