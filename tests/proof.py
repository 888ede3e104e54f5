"""What a run of the tests tried, what it expected and what it saw: a line each, for the table at its end.

A test notes what it saw before it judges it, so that the table tells of a failure too.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the table. `part` is what it belongs to: Faults, Load."""

    part: str
    tried: str
    expected: str
    seen: str


LINES: list[Line] = []
"""Of this run, in the order in which they were noted."""


def note(part: str, *, tried: str, expected: str, seen: str) -> None:
    """Adds a line to the table."""
    LINES.append(Line(part=part, tried=tried, expected=expected, seen=seen))


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Some lines as Markdown, part by part; those that are alike are one, with their number."""
    yield "| part | tried | expected | seen |"
    yield "| --- | --- | --- | --- |"
    for line in dict.fromkeys(sorted(lines, key=lambda each: each.part)):
        times = lines.count(line)
        tried = f"{line.tried} ({times} of them)" if times > 1 else line.tried
        yield "| " + " | ".join(_cell(each) for each in (line.part, tried, line.expected, line.seen)) + " |"


def _cell(text: str) -> str:
    """In one line, and without the path of a test's own directory, which is another in each run."""
    shown = re.sub(rf"{re.escape(tempfile.gettempdir())}/\S*/", "…/", " ".join(text.split()))
    return shown.replace("|", "\\|")
