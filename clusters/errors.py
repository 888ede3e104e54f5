"""Exceptions of failed requests. It imports nothing, so that code which needs no API does not load the client."""

from __future__ import annotations


class Unavailable(Exception):
    """A request to an API, or a local program, failed. The text is the reason; `status` is the HTTP status of the
    response, 0 without one."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Unanswered(Unavailable):
    """Nothing answered, or only a proxy in its place: the API server may be down, or cut off."""
