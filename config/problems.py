"""How the program says what is wrong: all of it at once, each with what mends it, and no traceback."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

PROJECT = "karmada-anp"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a config key or what it names, and the command or deed that mends it."""

    key: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{PROJECT}:{self.key}: {self.why}\n      {self.mend}"


def end_quietly() -> None:
    """Pulumi interrupts a program that still waits when a resource has failed: that is told, and needs no traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def refusal(headline: str, problems: Sequence[Problem]) -> pulumi.RunError:
    """All problems as one error, to be raised."""
    return pulumi.RunError("\n".join([f"{headline} ({len(problems)}):", *(f"  - {each}" for each in problems)]))


def config_set(key: str, value: str) -> str:
    """The command that sets a key, at any depth."""
    return f"pulumi config set --path '{PROJECT}:{key}' {value}"


def config_rm(key: str) -> str:
    """The command that takes a key out, at any depth."""
    return f"pulumi config rm --path '{PROJECT}:{key}'"
