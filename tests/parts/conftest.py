"""The parts tier: real TLS and a real HAProxy, on loopback. It needs no cluster and no engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts import haproxy
from tests.parts.guarded import Guard, started
from tests.parts.issued import Issued, issue


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """The certificates of one stack."""
    return issue(tmp_path_factory.mktemp("issued"))


@pytest.fixture(scope="session")
def program(issued: Issued) -> haproxy.Program:
    """HAProxy, however it is to be had here; skips without one."""
    found = haproxy.find(issued.guard_files)
    if not found:
        pytest.skip(haproxy.ABSENT)
    return found


@pytest.fixture(scope="module")
def guarded(program: haproxy.Program, issued: Issued) -> Iterator[Guard]:
    """A guard before the server that it is meant for."""
    with started(program, issued, issued.frontend_server) as running:
        yield running
