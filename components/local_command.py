"""The command line of the stack's local Commands: a module of checks/commands, run by the program's own interpreter.

Its paths are relative: `destroy` runs the command line that the state holds, on a colleague's machine too.
"""

from __future__ import annotations


def local_command(module: str) -> str:
    """The command line that runs checks/commands/MODULE.py; the module reads its input, JSON, from stdin."""
    return f"sh checks/commands/run.sh {module}"
