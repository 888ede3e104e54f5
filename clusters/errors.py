"""What it is called when something cannot be asked. It imports nothing, so that what needs no API loads no client."""

from __future__ import annotations


class Unavailable(Exception):
    """An API, or a tool, could not be asked, or its answer is an error. The text says why; `status` is the HTTP status
    of an answer, 0 where none came."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Unanswered(Unavailable):
    """Nobody answered, or something in the place of what was asked: it may be away, and nothing is known of it."""
