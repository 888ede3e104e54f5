"""For every tier: tests that take long are marked so, and a table at the end says what was tried."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.proof import LINES, table


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--proof", metavar="FILE", help="write the table of what was tried into FILE, as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: takes minutes or breaks things; `make prove` runs these, `make test` the others"
    )


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
