"""How the commands ask: whom, by the JSON that they are given, and again and again until they are told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from clusters.objects import Json, text
from clusters.workstation import Unavailable

PAUSE = 0.2
"""Seconds between two questions, if nothing else is said."""

T = TypeVar("T")


def api(what: Json, end: str) -> tuple[str, str]:
    """kubeconfig and context of one of the APIs that are described (`karmada`, `host`, `member`)."""
    return text(what, end, "kubeconfig"), text(what, end, "context")


def until(told: Callable[[], T], seconds: float, pause: float = PAUSE) -> T:
    """What is told, once it is. Raises Unavailable with the last reason when it is not within so many seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return told()
        except Unavailable:
            if time.monotonic() + pause >= end:
                raise
        time.sleep(pause)
