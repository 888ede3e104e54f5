"""How long up, a second up and destroy take, and how fast requests are, beside the manual steps as one script.

It needs the clusters of the dev stack with nothing on them, and $LAB/../bench (by default ../shared/bench) with
`by-hand`, the manual steps, and `through-karmada.py`, which times requests. It reports medians and says where a goal is
missed; it is no test.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.checkout import ROOT, Checkout

RUNS = int(os.environ.get("RUNS", "3"))
BENCH = Path(os.environ.get("LAB", ROOT.parent / "shared" / "lab")).resolve().parent / "bench"
FORK_IMAGES = [f"swr.ap-southeast-1.myhuaweicloud.com/karmada/proxy-{each}:0.0.24" for each in ("server", "agent")]
SMALL = ("/readyz", 300)
LARGE = ("/openapi/v2", 20)
"""Path and number of the requests: p50 of the first, MB/s of the second."""

EMPTY_PROGRAM = "name: empty\nruntime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n"


@dataclass
class Figures:
    """Seconds, milliseconds or MB/s, by what they are of."""

    of: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def time(self, what: str, command: Callable[[], object]) -> None:
        """Adds the seconds that a call takes."""
        started = time.perf_counter()
        command()
        self.of.setdefault(what, []).append(time.perf_counter() - started)

    def requests(self, what: str) -> None:
        """Adds the latency of small answers and the throughput of large ones, through Karmada to member3."""
        for (path, count), figure in ((SMALL, "p50=([0-9.]+)ms"), (LARGE, "MB/s=([0-9.]+)")):
            printed = run([sys.executable, str(BENCH / "through-karmada.py"), path, str(count)])
            found = re.search(figure, printed)
            if not found:
                raise SystemExit(f"through-karmada.py printed no {figure}: {printed}")
            self.of.setdefault(f"{what} {path}", []).append(float(found[1]))

    def median(self, what: str) -> float:
        """The middle one."""
        return statistics.median(self.of[what])


def run(command: Sequence[str]) -> str:
    """What a command prints; ends the report with what it said if it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def pulumi(checkout: Checkout, *command: str) -> None:
    """A pulumi command that must succeed."""
    done = checkout.run(*command)
    if done.returncode:
        raise SystemExit(f"pulumi {' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def empty(into: Path) -> Checkout:
    """A checkout whose program makes nothing."""
    other = Checkout(into, into / "backend", "dev")
    (into / "Pulumi.yaml").write_text(EMPTY_PROGRAM)
    (into / "__main__.py").write_text("")
    (into / "Pulumi.dev.yaml").unlink()
    return other


def measure(directory: Path, figures: Figures) -> None:
    """All runs, side by side."""
    checkouts = {name: Checkout(directory / name, directory / f"{name}-state", name) for name in ("dev", "fork")}
    nothing = empty(directory / "empty")
    for checkout in (*checkouts.values(), nothing):
        checkout.select()
    for checkout in checkouts.values():  # builds the images
        pulumi(checkout, "up", "--yes", "--skip-preview")
        pulumi(checkout, "destroy", "--yes", "--skip-preview")
    pulumi(nothing, "up", "--yes", "--skip-preview")
    dev = checkouts["dev"]
    for number in range(1, RUNS + 1):
        print(f"run {number} of {RUNS}", file=sys.stderr)
        figures.time("by hand up", lambda: run([str(BENCH / "by-hand"), "up", *FORK_IMAGES]))
        figures.requests("fork")
        figures.time("by hand down", lambda: run([str(BENCH / "by-hand"), "down"]))
        figures.time("up", lambda: pulumi(dev, "up", "--yes", "--skip-preview"))
        figures.requests("guard")
        figures.time("no-op up", lambda: pulumi(dev, "up", "--yes", "--skip-preview"))
        figures.time("destroy", lambda: pulumi(dev, "destroy", "--yes", "--skip-preview"))
        figures.time("empty no-op up", lambda: pulumi(nothing, "up", "--yes", "--skip-preview"))


def report(figures: Figures) -> None:
    """A line a goal: both sides' medians, and whether it is met; then every figure."""
    median = figures.median
    small, large = SMALL[0], LARGE[0]
    lines = [
        at_most("fresh up with check, s", median("up"), 1.0 * median("by hand up"), "by hand", median("by hand up")),
        at_most("no-op up, s", median("no-op up"), 3 + median("empty no-op up"), "empty", median("empty no-op up")),
        at_most("destroy, s", median("destroy"), 8, "by hand", median("by hand down")),
        at_most(
            f"{small} p50, ms", median(f"guard {small}"), 1.1 * median(f"fork {small}"), "fork", median(f"fork {small}")
        ),
        at_least(
            f"{large}, MB/s", median(f"guard {large}"), 0.9 * median(f"fork {large}"), "fork", median(f"fork {large}")
        ),
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {memory:.0f} GiB, medians of {RUNS}")
    print("\n".join(lines))
    for what, values in figures.of.items():
        print(f"  {what}: " + " ".join(f"{each:.1f}" for each in values))


def at_most(what: str, ours: float, goal: float, other: str, theirs: float) -> str:
    """A line for a figure that should not be above its goal."""
    return f"{what:24} {ours:6.1f}   {other:8} {theirs:6.1f}   goal {goal:6.1f}: {'met' if ours <= goal else 'missed'}"


def at_least(what: str, ours: float, goal: float, other: str, theirs: float) -> str:
    """A line for a figure that should not be below its goal."""
    return f"{what:24} {ours:6.1f}   {other:8} {theirs:6.1f}   goal {goal:6.1f}: {'met' if ours >= goal else 'missed'}"


def main() -> None:
    """Measures and reports."""
    if not (BENCH / "by-hand").exists():
        raise SystemExit(f"there is no {BENCH.name}/by-hand beside the lab: set LAB to the lab's directory")
    figures = Figures()
    with tempfile.TemporaryDirectory() as directory:
        for name in ("dev", "fork", "empty"):
            (Path(directory) / name).mkdir()
        measure(Path(directory), figures)
    report(figures)


if __name__ == "__main__":
    main()
