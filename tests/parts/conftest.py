"""The parts tier: real TLS and a real HAProxy, on loopback. It needs no cluster and no engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts import haproxy
from tests.parts.host_guarded import HostGuard, started
from tests.parts.issued import Documented, Issued, issue, issue_documented


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """The certificates of one stack."""
    return issue(tmp_path_factory.mktemp("issued"))


@pytest.fixture(scope="session")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Documented:
    """Those of a documented stack, which has a frontend with certificates."""
    return issue_documented(tmp_path_factory.mktemp("documented"))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> haproxy.Program:
    """HAProxy, however it is to be had here; skips without one."""
    found = haproxy.find(tmp_path_factory.mktemp("haproxy"))
    if not found:
        pytest.skip(haproxy.ABSENT)
    return found


@pytest.fixture(scope="module")
def guarded(program: haproxy.Program) -> Iterator[HostGuard]:
    """A host guard before the server that it is meant for."""
    with started(program) as running:
        yield running
