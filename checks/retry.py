"""Retries a call until it succeeds or its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from clusters.errors import Unavailable

PAUSE = 0.2
"""The default pause between two attempts, in seconds."""

Result = TypeVar("Result")


def retry(attempt: Callable[[], Result], seconds: float, pause: float = PAUSE) -> Result:
    """The result of the first attempt that does not raise Unavailable. After so many seconds raises the last one's."""
    end = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except Unavailable:
            if time.monotonic() + pause >= end:
                raise
        time.sleep(pause)
