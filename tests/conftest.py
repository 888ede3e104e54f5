"""For every tier: tests that take long are marked so, those that must not run at the same time are of one group, and a
table at the end says what was tried."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.proof import LINES, Line, table
from tests.stack import environment

STACK = Path(__file__).with_name("stack")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--proof", metavar="FILE", help="write the table of what was tried into FILE, as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: takes minutes or breaks things; `make prove` runs these, `make test` the others"
    )
    config.addinivalue_line("markers", "alone: restarts what all share, or measures closely; comes last")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A group for the tests of each site, and one for those that need no clusters."""
    item.add_marker(pytest.mark.xdist_group(_group(item)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that are alone last, the others as they were."""
    items.sort(key=_alone)


def _group(item: pytest.Item) -> str:
    if STACK / "beside" in item.path.parents and environment.beside() != environment.SITE:
        return "beside"
    return "stack" if STACK in item.path.parents or _alone(item) else "here"


def _alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@pytest.fixture(scope="session")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file by which tests/stack/beside and tests that are marked `alone` take turns."""
    return tmp_path_factory.getbasetemp().parent / "turns"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over its part of the table."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["lines"] = [asdict(each) for each in LINES]


def pytest_testnodedown(node: object) -> None:
    """Whoever it hands it over to; a worker that crashed has none."""
    output: dict[str, Sequence[dict[str, str]]] = getattr(node, "workeroutput", {})
    LINES.extend(Line(**each) for each in output.get("lines", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not LINES:
        return
    lines = list(table(LINES))
    terminalreporter.section("tried, expected, seen")
    terminalreporter.write_line("\n".join(lines))
    file: str | None = terminalreporter.config.getoption("--proof")
    if file:
        ran = {kind: len(terminalreporter.getreports(kind)) for kind in ("passed", "failed", "error", "skipped")}
        counts = ", ".join(f"{count} {kind}" for kind, count in ran.items() if count)
        heading = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: {counts}."
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_text("\n".join([heading, "", *lines, ""]))
