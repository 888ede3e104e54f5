"""What the stack's local Commands type: a module of checks/commands, in the program's own interpreter.

A relative path, the same in every checkout: `destroy` runs what the state holds, on a colleague's machine too.
"""

from __future__ import annotations


def local_command(module: str) -> str:
    """The command that runs checks/commands/MODULE.py, which reads what it is given from stdin."""
    return f"sh checks/commands/run.sh {module}"
