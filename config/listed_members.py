"""The commands that turn a stack's `members` from a list, as an earlier version had it, into a map by name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from config.problems import PROJECT, Problem, config_key, config_set, pulumi_command


def as_map(entries: Sequence[object], shown: bool) -> Problem:
    """The problem that `members` is a list, with the commands that make it a map.

    The commands hold values only if `shown`: the section may be secret.
    """
    commands = [pulumi_command(f"config rm {PROJECT}:members")]
    for entry in entries:
        keys = {**cast("Mapping[str, object]", entry)} if isinstance(entry, Mapping) else {}
        name = str(keys.pop("name", "NAME"))
        for path, value in list(_leaves(keys)) or [(["context"], name)]:
            commands.append(config_set(config_key("members", name, *path), _typed(value) if shown else "VALUE"))
    why = "it is a list, but members are a map by their names; these commands make it one"
    return Problem("members", why, "\n      ".join(commands))


def _leaves(keys: Mapping[str, object]) -> Iterator[tuple[Sequence[str], object]]:
    """Each value that is not an object, with its path of keys."""
    for key, value in keys.items():
        if isinstance(value, Mapping):
            yield from (([key, *path], each) for path, each in _leaves(cast("Mapping[str, object]", value)))
        else:
            yield [key], value


def _typed(value: object) -> str:
    """A value as typed for `pulumi config set --path`; with `--type` for a string that looks like a bool or number."""
    if not isinstance(value, str):
        return json.dumps(value)
    taken = value in ("true", "false") or (value.isdecimal() and str(int(value)) == value)
    return shlex.quote(value) + (" --type string" if taken else "")
