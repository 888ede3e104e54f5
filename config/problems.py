"""How the program says what is wrong: all of it at once, each with what mends it, and no traceback."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

PROJECT = "karmada-anp"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a config key or what it names, and the command or deed that mends it."""

    key: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{PROJECT}:{self.key}: {self.why}\n      {self.mend}"


class Wrong(ValueError):
    """What a validator finds: why, and what mends it, said of the key. `at` is the one of a model's keys that it is."""

    def __init__(self, why: str, mend: Callable[[str], str], at: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.mend = mend
        self.at = at

    def problem(self, key: str) -> Problem:
        """It, of a key or of a model's key."""
        key = f"{key}.{self.at}" if self.at else key
        return Problem(key, self.why, self.mend(key))


def end_quietly() -> None:
    """Pulumi interrupts a program that still waits when a resource has failed: that is told, and needs no traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_with_the_reader() -> None:
    """What prints to a reader that has read enough (`| head`) ends, without a traceback."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def config_key(section: str, *path: int | str) -> str:
    """A key as `pulumi config set --path` has it: `members.edge-berlin.paused`, `proxy.tolerations[0]`,
    `monitoring.labels["a.b/c"]`. Any text may go unquoted there that has no dot and no bracket."""
    return section + "".join(map(_part, path))


TYPED = "KARMADA_ANP_TYPED"
"""By which make says how pulumi is typed in a checkout whose CLI and backend it alone may know."""


def pulumi_command(command: str) -> str:
    """A pulumi command as a person types it, `pulumi up` if nothing else is said."""
    return f"{os.environ.get(TYPED, 'pulumi')} {command}"


def config_set(key: str, value: str) -> str:
    """The command that sets a key, at any depth."""
    return pulumi_command(f"config set --path '{PROJECT}:{key}' {value}")


def config_rm(key: str) -> str:
    """The command that takes a key out, at any depth."""
    return pulumi_command(f"config rm --path '{PROJECT}:{key}'")


def set_to(value: str) -> Callable[[str], str]:
    """What mends a key by another value."""
    return lambda key: config_set(key, value)


def _part(of: int | str) -> str:
    if isinstance(of, int):
        return f"[{of}]"
    if re.fullmatch(r"[\w$-]+", of, re.ASCII):
        return f".{of}"
    return '["' + of.replace('"', r"\"") + '"]'
