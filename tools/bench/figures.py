"""The figures of the report: what is measured, what it is compared with, and its goal."""

from __future__ import annotations

from dataclasses import dataclass

from components.anp import AGENT, GUARD, MEMBER_GUARD, SERVER
from tools.bench.goals import Goal, at_least_times, at_most, at_most_above, at_most_times

BY_HAND, EMPTY, FORK = "by hand", "empty stack", "the fork"

SMALL, LARGE = "/readyz", "/openapi/v2"
"""Paths of the member's API: an answer of two bytes, and one of some megabytes that the API server has cached."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A line of the report. `beside` names what it is compared with; without that or a goal, it is only shown."""

    what: str
    unit: str
    beside: str = ""
    goal: Goal | None = None


UP = Figure(what="fresh `up` with check", unit="s", beside=BY_HAND, goal=at_most_times(1.0))
UP_AGAIN = Figure(what="`up` without changes", unit="s", beside=EMPTY, goal=at_most_above(1.5, "s"))
DESTROY = Figure(what="`destroy`", unit="s", beside=BY_HAND, goal=at_most(5.0, "s"))
LATENCY = Figure(what=f"p50 of `{SMALL}`", unit="ms", beside=FORK, goal=at_most_times(1.0))
THROUGHPUT = Figure(what=f"`{LARGE}`", unit="MB/s", beside=FORK, goal=at_least_times(1.0))

CPU = {
    SERVER: Figure(what=f"CPU of {SERVER}", unit="ms/MB", beside=FORK),
    AGENT: Figure(what=f"CPU of {AGENT}", unit="ms/MB", beside=FORK),
    GUARD: Figure(what="CPU of the host guard", unit="ms/MB"),
    MEMBER_GUARD: Figure(what="CPU of the member guard", unit="ms/MB"),
}
"""By process: milliseconds of CPU time for each megabyte of the large answers."""

FIGURES = (UP, UP_AGAIN, DESTROY, LATENCY, THROUGHPUT, *CPU.values())
