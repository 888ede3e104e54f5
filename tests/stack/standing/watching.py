"""The watch through the tunnel that stays open while a stack stands."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

MEMBER = "member3"
"""The member whose agent nobody touches: through it the watch goes, and the load."""

WATCHED = "watched-long"
"""A ConfigMap that is not there."""

EVENTS = (
    "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=10800&resourceVersion=0"
    f"&fieldSelector=metadata.name={WATCHED}"
)
"""Its watch. Of one that names no end the API server itself chooses one, between 30 and 60 minutes; and one that does
not say from when on is ended after 3 s by an API server whose cache is behind: "Too large resource version"."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """kubectl, watching MEMBER through the tunnel, and when it began to, on the monotonic clock."""

    process: subprocess.Popen[str]
    opened: float
