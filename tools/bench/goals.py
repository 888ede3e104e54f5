"""Goals of a figure: bounds on its value, or on its value compared with another one of the same run."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound on a figure, checked at the two decimals that the report shows."""

    words: str
    bound: float
    compared: Callable[[float, float], float]
    meets: Callable[[float, float], bool] = operator.le

    def met(self, ours: Sequence[float], beside: Sequence[float]) -> bool:
        """Whether the median of the runs' own comparisons meets the bound.

        Both values of one run are compared, since the machine's load at the time affects both.
        """
        return self.meets(round(statistics.median(map(self.compared, ours, beside)), 2), self.bound)


def ratio(ours: float, beside: float) -> float:
    return ours / beside if beside else math.inf


def at_most(bound: float, unit: str) -> Goal:
    return Goal(words=f"at most {bound:.1f} {unit}", bound=bound, compared=lambda ours, _: ours)


def at_most_above(bound: float, unit: str) -> Goal:
    return Goal(words=f"at most {bound:.1f} {unit} above", bound=bound, compared=operator.sub)


def at_most_times(bound: float) -> Goal:
    return Goal(words=f"at most {bound:.1f}x", bound=bound, compared=ratio)


def at_least_times(bound: float) -> Goal:
    return Goal(words=f"at least {bound:.1f}x", bound=bound, compared=ratio, meets=operator.ge)
