"""The guard with its own configuration in a real HAProxy, before a server that keeps all that reaches it."""

from __future__ import annotations

import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components import guard
from components.anp import FRONTEND_PORT, GUARD_METRICS_PORT
from components.guard import Rules
from tests.parts import haproxy
from tests.parts.caller import Connection, calling, statuses
from tests.parts.connect_server import UNREACHABLE, ConnectServer
from tests.parts.hostile import CURRENT, PREVIOUS, RIGHT, TARGETS
from tests.parts.issued import Issued, Pair


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A guard that runs, the server behind it, and the file that its log goes to."""

    port: int
    metrics_port: int
    server: ConnectServer
    log: Path

    def refused(self, request: bytes, answers: int = 1) -> Sequence[int]:
        """The statuses that a request gets, once it is sure that nothing of it came to the server."""
        before = self.server.connections
        got = statuses(self.port, request, answers)
        assert self.server.connections == before
        return got

    @contextmanager
    def tunnel(self, request: bytes = RIGHT) -> Generator[Connection]:
        """A connection whose request was let through."""
        with calling(self.port) as connection:
            connection.send(request)
            assert connection.answer().status == 200
            yield connection

    def works(self) -> bool:
        """Whether the right request gets a tunnel."""
        with self.tunnel() as connection:
            connection.send(b"still there?")
            return connection.read(12) == b"still there?"


def configuration(issued: Issued, port: int, server_port: int, metrics_port: int, sources: Sequence[str] = ()) -> str:
    """The program's own configuration of the guard, but on loopback alone and with other ports beside its own."""
    targets, credentials = [*TARGETS, UNREACHABLE], [CURRENT, PREVIOUS]
    rules = Rules(port=port, grace=3, sources=sources, targets=targets, credentials=credentials)
    text = guard.configuration(rules, str(issued.guard_files))
    for ours, here in [
        (f" :{port}\n", f" 127.0.0.1:{port}\n"),
        (f" :{GUARD_METRICS_PORT}\n", f" 127.0.0.1:{metrics_port}\n"),
        (f" 127.0.0.1:{FRONTEND_PORT} ", f" 127.0.0.1:{server_port} "),
    ]:
        assert text.count(ours) == 1, ours
        text = text.replace(ours, here)
    return text


@contextmanager
def started(
    program: haproxy.Program,
    issued: Issued,
    presents: Pair,
    *,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    sources: Sequence[str] = (),
) -> Generator[Guard]:
    """A guard before a server that presents some certificate, and speaks TLS up to some version."""
    server = ConnectServer(presents, issued.frontend_ca, newest)
    port, metrics_port = haproxy.free_ports(2)
    file = issued.guard_files / f"{port}.cfg"
    file.write_text(configuration(issued, port, server.port, metrics_port, sources))
    try:
        with haproxy.running(program, file, port) as log:
            yield Guard(port=port, metrics_port=metrics_port, server=server, log=log)
    finally:
        server.close()
