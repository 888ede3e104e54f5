"""Turns pydantic's errors about a section into Problems: the config's key, why it is wrong, and what mends it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.fields import Model
from config.problems import InvalidValue, Problem, config_key, config_rm, config_set

FORMER = {"caKey": "caKeys", "trustedCaKeys": "caKeys"}
"""Keys of earlier versions, and those that replaced them."""


def explained(
    path: Sequence[str], variant: type[Model], variants: Sequence[type[Model]], error: ErrorDetails
) -> Problem:
    """The Problem of an error in the value at a path in the config, a section or a member.

    `variant` is the model that it was read into, one of `variants`: the message says with which other one a key goes.
    """
    at = error["loc"]
    key = config_key(*path, *at)
    invalid = error.get("ctx", {}).get("error")
    if isinstance(invalid, InvalidValue):
        return invalid.problem(key)
    if error["type"] == "missing":
        return Problem(key, "it is missing", config_set(key, "VALUE"))
    elsewhere = [each.when for each in variants if _has(each, at)]
    # the frontend is named before the exposure: no exposure adds keys that the frontend does not have
    others = [each for each in elsewhere if each.split()[:1] == variant.when.split()[:1]]
    goes = f"; it goes with {' or '.join(others)}" if others else ""
    not_here = f"with {variant.when}: {variant.about}{goes}"
    if error["type"] == "extra_forbidden":
        if path[0] == "members" and at == ("name",):
            return Problem(key, "there is no such key: a member's name is its key below `members`", config_rm(key))
        if elsewhere:
            return Problem(key, f"there is no such key {not_here}", config_rm(key))
        return no_such_key(key, str(at[-1]), fields_of(_model_at(variant, at[:-1])))
    # a wrong password is not shown either
    found = "what it holds" if "credentials" in at else json.dumps(error["input"], default=str)
    if error["type"] == "literal_error" and len(at) == 1:
        every = {str(value): None for each in variants for value in _only(each, at)}
        if elsewhere or str(error["input"]) in every:
            return Problem(key, f"{found} does not go {not_here}", config_set(key, str(_only(variant, at)[0])))
        return Problem(key, f"{found} should be {' or '.join(every)}", config_set(key, "VALUE"))
    return Problem(key, f"{found} should be {_wanted(error)}", config_set(key, "VALUE"))


def no_such_key(key: str, name: str, known: Iterable[str]) -> Problem:
    """The Problem of an unknown key. It names the known key that was probably meant, or all known keys."""
    close = difflib.get_close_matches(FORMER.get(name, name), list(known), n=1)
    meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return Problem(key, f"there is no such key; {meant}", config_rm(key))


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields, by the config's keys."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is an object or a list of objects, or None for any other field."""
    candidates = [field.annotation, *get_args(field.annotation)]
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _has(model: type[Model], at: Sequence[int | str]) -> bool:
    """Whether a variant has a top-level key, and its value is not fixed (Literal)."""
    return len(at) == 1 and at[0] in fields_of(model) and not _only(model, at)


def _only(model: type[Model], at: Sequence[int | str]) -> Sequence[object]:
    """The values that a variant's key may have, if they are fixed (Literal); else none."""
    field = fields_of(model).get(str(at[0]))
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else []


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The model at the end of a path of keys and list indexes."""
    for part in [each for each in path if isinstance(each, str)]:
        model = model_of(fields_of(model)[part]) or model
    return model


def _wanted(error: ErrorDetails) -> str:
    """What a value should be: "an object" and "a list" instead of pydantic's words, else pydantic's."""
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "an object"
    if error["type"] in ("sequence_str", "is_instance_of"):
        return "a list"
    return error["msg"].removeprefix("Input should be ")
