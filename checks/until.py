"""Asks again and again until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from clusters.errors import Unavailable

PAUSE = 0.2
"""Seconds between two questions, if nothing else is said."""

Answer = TypeVar("Answer")


def until(answers: Callable[[], Answer], seconds: float, pause: float = PAUSE) -> Answer:
    """The answer, once there is one. Raises Unavailable with the last reason when there is none in so many seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return answers()
        except Unavailable:
            if time.monotonic() + pause >= end:
                raise
        time.sleep(pause)
