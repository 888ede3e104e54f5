"""Under which name a stack applies fields of objects that are not its own: what that name owns is the stack's, and goes
with its patch. Another stack has another name, so that neither overwrites what the other has set.

Two stacks of the same name on different backends are not told apart: the second fails where the first's objects exist.
"""

from __future__ import annotations

import pulumi

from config.problems import PROJECT

DELIVERING = ":delivery"
"""No stack's name has a colon."""

ANNOTATION = "pulumi.com/patchFieldManager"
"""By which pulumi-kubernetes takes the name of a server-side apply manager."""


def field_manager() -> str:
    """The name of the stack that runs."""
    return f"{PROJECT}-{pulumi.get_stack()}"


def delivering() -> str:
    """The name under which it applies what no provider applies for it, in members that Karmada alone gets at: another,
    so that a member that comes to be reached in the other way keeps what is set while the one gives it up."""
    return f"{field_manager()}{DELIVERING}"


def stack_of(manager: str) -> str:
    """The stack whose name that is, or nothing: it is somebody else's."""
    return manager.removeprefix(f"{PROJECT}-").removesuffix(DELIVERING) if manager.startswith(f"{PROJECT}-") else ""
