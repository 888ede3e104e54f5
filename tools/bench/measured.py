"""The measured values of the figures, one for each run, and the Markdown table made from them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from tools.bench.figures import CPU, FIGURES, Figure
from tools.bench.goals import ratio


class Side(StrEnum):
    """Whether a value is of this stack, or of what it is compared with."""

    THIS = "this"
    BESIDE = "beside it"


@dataclass(frozen=True)
class Measured:
    """Values in the order of the runs. A figure's two sides have values of the same run at the same index."""

    of: dict[tuple[Figure, Side], list[float]] = field(default_factory=dict[tuple[Figure, Side], list[float]])

    def add(self, figure: Figure, side: Side, value: float) -> None:
        """Adds the value of a run."""
        self.of.setdefault((figure, side), []).append(value)

    @contextmanager
    def timed(self, figure: Figure, side: Side) -> Generator[None]:
        """Adds the seconds that the block takes, unless it fails."""
        started = time.perf_counter()
        yield
        self.add(figure, side, time.perf_counter() - started)

    def table(self) -> Iterator[str]:
        """A line for each figure: medians of both sides, median of the runs' ratios, the goal, whether it is met."""
        yield "| | this | beside it | ratio | goal | |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for figure in FIGURES:
            if (figure, Side.THIS) in self.of:
                yield "|" + "".join(f" {each} |" if each else " |" for each in self._cells(figure))

    def notes(self) -> Iterator[str]:
        """Every single value, and what could not be measured."""
        for (figure, side), values in self.of.items():
            whose = figure.beside if side is Side.BESIDE else side
            yield f"{figure.what}, {whose}, {figure.unit}: {' '.join(f'{each:.2f}' for each in values)}"
        if not any((figure, Side.THIS) in self.of for figure in CPU.values()):
            yield "CPU: left out, the kind nodes do not show the processes"

    def _cells(self, figure: Figure) -> Iterator[str]:
        ours, beside = self.of[figure, Side.THIS], self.of.get((figure, Side.BESIDE))
        yield figure.what
        yield f"{statistics.median(ours):.2f} {figure.unit}"
        if not beside:
            yield from [""] * 4
            return
        yield f"{statistics.median(beside):.2f} {figure.unit} {figure.beside}"
        yield f"{statistics.median(map(ratio, ours, beside)):.2f}"
        yield figure.goal.words if figure.goal else ""
        yield ("met" if figure.goal.met(ours, beside) else "missed") if figure.goal else ""
