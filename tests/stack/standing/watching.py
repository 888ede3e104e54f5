"""The watch through the tunnel that stays open while a stack stands, and one past it: an API server that has much to do
may end all of its watches, as when it reads its cache anew."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass

from components.anp import PROXY_PATH
from tests.stack.environment import KARMADA, member
from tests.stack.kubectl import kubectl

MEMBER = "member3"
"""The member whose agent nobody touches: through it the watch goes, and the load."""

WATCHED = "watched-long"
"""A ConfigMap that is not there."""

EVENTS = f"/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=10800&fieldSelector=metadata.name={WATCHED}"
"""Its watch. Of one that names no end the API server itself chooses one, between 30 and 60 minutes."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """kubectl, watching MEMBER through the tunnel and past it, and when it began to, on the monotonic clock."""

    process: subprocess.Popen[str]
    past: subprocess.Popen[str]
    opened: float

    @classmethod
    def begun(cls) -> Watch:
        """One that begins now."""
        through = kubectl(*KARMADA, "get", "--raw", PROXY_PATH.format(MEMBER) + EVENTS)
        process = subprocess.Popen(through, stdout=subprocess.PIPE, text=True)
        past = subprocess.Popen(kubectl(*member(MEMBER), "get", "--raw", EVENTS), stdout=subprocess.DEVNULL, text=True)
        return cls(process=process, past=past, opened=time.monotonic())

    def end(self) -> None:
        for each in (self.process, self.past):
            each.kill()
            each.wait(10)
