"""The watch through the tunnel that stays open while a stack stands."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

MEMBER = "member3"
"""The member whose agent nobody touches: through it the watch goes, and the load."""

WATCHED = "watched-long"
"""A ConfigMap that is not there."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """kubectl, watching MEMBER through the tunnel, and when it began to, on the monotonic clock."""

    process: subprocess.Popen[str]
    opened: float
