"""`make bench`: runs the benchmark and prints the report. The environment variable RUNS sets how often, by default 3.

It needs Karmada's local environment, as the dev stack names it, with no stack on it, the tools of `make up`, and
openssl. It works in throw-away checkouts with a throw-away state, and changes no other.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from clusters.errors import Unavailable
from tools.bench import by_hand, cpu
from tools.bench.figures import CPU, DESTROY, LARGE, LATENCY, SMALL, THROUGHPUT, UP, UP_AGAIN
from tools.bench.measured import Measured, Side
from tools.bench.requests import Probe
from tools.checkout import Checkout

RUNS = int(os.environ.get("RUNS", "3"))

WARM_UP, SMALL_REQUESTS, LARGE_REQUESTS = 5, 300, 50

EMPTY_PROGRAM = "name: empty\nruntime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n"


def main() -> None:
    """Measures, and prints the report. Ends the program with a message where it cannot measure."""
    missing = [each for each in ("pulumi", "docker", "kind", "kubectl", "openssl") if not shutil.which(each)]
    if missing:
        raise SystemExit(f"not on PATH: {', '.join(missing)}")
    measured = Measured()
    with TemporaryDirectory() as directory:
        try:
            measure(Path(directory), measured)
        except (Unavailable, OSError, HTTPException, subprocess.TimeoutExpired) as error:
            raise SystemExit(f"not measured: {error}") from None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {memory:.0f} GiB, medians of {RUNS}")
    print("", *measured.table(), "", *measured.notes(), sep="\n")


def measure(directory: Path, measured: Measured) -> None:
    """Makes all runs. Each run measures both sides of a figure soon after each other."""
    dev, fork, nothing = (checkout(directory, name) for name in ("dev", "fork", "empty"))
    (nothing.directory / "Pulumi.yaml").write_text(EMPTY_PROGRAM)
    (nothing.directory / "__main__.py").write_text("")
    for each in (dev, fork, nothing):
        each.select()
    for each in (dev, fork):  # builds the images
        try:
            pulumi(each, "up")
        finally:
            pulumi(each, "destroy")
    pulumi(nothing, "up")
    for number in range(1, RUNS + 1):
        print(f"run {number} of {RUNS}", file=sys.stderr)
        with undone(measured, Side.BESIDE, lambda: succeed(run(by_hand.DOWN))):
            with measured.timed(UP, Side.BESIDE):
                succeed(run(by_hand.UP))
            through_karmada(measured, Side.BESIDE)
        with undone(measured, Side.THIS, lambda: pulumi(dev, "destroy")):
            with measured.timed(UP, Side.THIS):
                pulumi(dev, "up")
            through_karmada(measured, Side.THIS)
            with measured.timed(UP_AGAIN, Side.THIS):
                pulumi(dev, "up")
        with measured.timed(UP_AGAIN, Side.BESIDE):
            pulumi(nothing, "up")


@contextmanager
def undone(measured: Measured, side: Side, undo: Callable[[], None]) -> Generator[None]:
    """Undoes what the block made, also when the block fails, and adds the seconds that this takes."""
    try:
        yield
    finally:
        with measured.timed(DESTROY, side):
            undo()


def through_karmada(measured: Measured, side: Side) -> None:
    """Adds the latency of small answers, the throughput of large ones, and the CPU time for each MB of these."""
    probe = Probe()
    probe.answers(SMALL, WARM_UP)
    measured.add(LATENCY, side, probe.answers(SMALL, SMALL_REQUESTS).p50)
    probe.answers(LARGE, WARM_UP)
    before = cpu.read()
    large = probe.answers(LARGE, LARGE_REQUESTS)
    measured.add(THROUGHPUT, side, large.rate)
    for process, seconds in cpu.spent(before, cpu.read()).items():
        measured.add(CPU[process], side, 1_000 * seconds / large.megabytes)


def checkout(directory: Path, name: str) -> Checkout:
    """A copy of the program with a state of its own, for the stack `name`."""
    (directory / name).mkdir()
    return Checkout(directory / name, directory / f"{name}-state", name)


def pulumi(of: Checkout, command: str) -> None:
    """Runs an `up` or a `destroy`, which must succeed."""
    succeed(of.run(command, "--yes", "--skip-preview"))


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)


def succeed(done: subprocess.CompletedProcess[str]) -> None:
    """Ends the program with a command's output if the command failed."""
    if done.returncode:
        raise SystemExit(f"{shlex.join(done.args)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
