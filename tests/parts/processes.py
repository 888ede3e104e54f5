"""What HAProxy's process takes of the machine, and how many files it, and a test, may open."""

from __future__ import annotations

import re
import resource
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def pid(configuration: Path) -> int:
    """HAProxy's process, by its configuration."""
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (each / "cmdline").read_bytes().split(b"\0")
            if str(configuration).encode() in words and Path(words[0].decode()).name == "haproxy":
                return int(each.name)
    raise AssertionError("HAProxy is gone")


def resident(process: int) -> float:
    """Its memory, in MiB."""
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(kilobytes) / 1_024


@contextmanager
def raised_file_limit(files: int) -> Generator[None]:
    """As many open files as a test needs, and those that it starts; skips where they are not to be had."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, before[0]), max(files, before[1])))
    except (ValueError, OSError):
        pytest.skip(f"only {before[1]} open files are allowed here")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
