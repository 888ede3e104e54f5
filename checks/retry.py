"""Retries a call until its time is over; sends a read again that nothing answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from clusters.errors import Unanswered, Unavailable

PAUSE = 0.2
"""The default pause between two attempts, in seconds."""

READS = 3
"""How often a read is sent at most."""

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


def answered(read: Callable[[], Result]) -> Result:
    """The result of a read, which is sent again where nothing answers: of many members' requests, one may come while
    the API server is busy. After READS of them raises the last one's Unanswered; any other Unavailable at once."""
    for _ in range(READS - 1):
        try:
            return read()
        except Unanswered:
            time.sleep(PAUSE)
    return read()
