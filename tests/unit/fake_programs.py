"""Programs of ours that stand in for real ones, first on a PATH."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def executable(file: Path, content: str) -> Path:
    """A file that can be run."""
    file.write_text(content)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def path_with(directory: Path) -> str:
    """A PATH on which a directory's programs come first."""
    return os.pathsep.join([str(directory), os.environ.get("PATH", os.defpath)])
