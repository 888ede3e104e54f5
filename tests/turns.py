"""Turns between the two processes in which tests run at the same time."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(file: Path) -> Generator[None]:
    """Waits until no other block is left to end that was entered with the same file."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
