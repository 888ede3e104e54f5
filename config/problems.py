"""Problems: what is wrong with a config key, and what mends it. All are reported together, without a traceback."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

PROJECT = "karmada-anp"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a config key, or with what it names, and the command or action that mends it."""

    key: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{PROJECT}:{self.key}: {self.why}\n      {self.remedy}"


class InvalidValue(ValueError):
    """A validator's error: what is wrong, and a function that says what mends it, given the key's full path.

    `at` is the key that is wrong, relative to the model, where a model's validator raises it.
    """

    def __init__(self, why: str, remedy: Callable[[str], str], at: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy
        self.at = at

    def problem(self, key: str) -> Problem:
        """This error as a Problem of the key, or of `at` below it."""
        key = f"{key}.{self.at}" if self.at else key
        return Problem(key, self.why, self.remedy(key))


def end_quietly() -> None:
    """Ends the program on SIGINT without a traceback: Pulumi sends it when a resource has failed, and reports that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_with_the_reader() -> None:
    """Ends the program on SIGPIPE without a traceback, when the reader of its output has stopped (`| head`)."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def config_key(section: str, *path: int | str) -> str:
    """A key's path for `pulumi config set --path`: `members.edge-berlin.paused`, `proxy.tolerations[0]`,
    `monitoring.labels["a.b/c"]`. Pulumi needs quotes only for a part with a dot or a bracket."""
    return section + "".join(map(_part, path))


TYPED = "KARMADA_ANP_TYPED"
"""Environment variable in which make puts the command to type for pulumi: it may use a CLI and backend of its own."""


def pulumi_command(command: str) -> str:
    """A pulumi command line as a person types it; it begins with `pulumi`, or what TYPED says instead."""
    return f"{os.environ.get(TYPED, 'pulumi')} {command}"


def config_set(key: str, value: str) -> str:
    """The command line that sets a key, at any depth."""
    return pulumi_command(f"config set --path '{PROJECT}:{key}' {value}")


def config_rm(key: str) -> str:
    """The command line that removes a key, at any depth."""
    return pulumi_command(f"config rm --path '{PROJECT}:{key}'")


def set_to(value: str) -> Callable[[str], str]:
    """Returns a function that, given a key, says the command line that sets it to another value."""
    return lambda key: config_set(key, value)


def _part(of: int | str) -> str:
    if isinstance(of, int):
        return f"[{of}]"
    if re.fullmatch(r"[\w$-]+", of, re.ASCII):
        return f".{of}"
    return '["' + of.replace('"', r"\"") + '"]'
