"""The host guard with its own configuration in a real HAProxy, before a server that keeps all that reaches it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components import host_guard
from components.anp import FRONTEND_SOCKET, GUARD_METRICS_PORT
from components.host_guard import Rules
from tests.parts import haproxy
from tests.parts.caller import IPV4, Connection, calling, statuses
from tests.parts.connect_server import ConnectServer, echo
from tests.parts.hostile import KEY, PREVIOUS_KEY, RIGHT

PORT = 8088


@dataclass(frozen=True, kw_only=True)
class HostGuard:
    """A guard that runs, the server behind it, and the file that its log goes to."""

    port: int
    metrics_port: int
    server: ConnectServer
    log: Path

    def refused(self, request: bytes) -> Sequence[int]:
        """The statuses that a request gets, once it is sure that nothing of it came to the server."""
        before = self.server.connections
        got = statuses(self.port, request)
        assert self.server.connections == before
        return got

    @contextmanager
    def tunnel(self, request: bytes = RIGHT, address: str = IPV4) -> Generator[Connection]:
        """A connection whose request was let through."""
        with calling(self.port, address) as connection:
            connection.send(request)
            assert connection.answer().status == 200
            yield connection

    def works(self, request: bytes = RIGHT, address: str = IPV4) -> bool:
        """Whether a request, the right one for example, gets a tunnel."""
        with self.tunnel(request, address) as connection:
            connection.send(b"still there?")
            return connection.read(12) == b"still there?"


def rules(sources: Sequence[str] = (), keys: Sequence[str] = (KEY, PREVIOUS_KEY), stall: int = 5) -> Rules:
    """The guard's rules, but for what a test is about."""
    return Rules(port=PORT, sources=sources, keys=keys, stall=stall, grace=3)


def configuration(of: Rules, at: Path, port: int, metrics_port: int, changed: Mapping[str, str] | None = None) -> str:
    """The program's own configuration, but on loopback alone, with other ports, and with a socket of the test's.

    `changed` is what else of its text is another.
    """
    text = host_guard.configuration(of)
    everywhere = {
        f" :{of.port},:::{of.port} ": f" 127.0.0.1:{port},::1:{port} ",
        f" :{GUARD_METRICS_PORT},:::{GUARD_METRICS_PORT} ": f" 127.0.0.1:{metrics_port},::1:{metrics_port} ",
        f" unix@{FRONTEND_SOCKET}\n": f" unix@{at}\n",
    }
    return haproxy.replaced(text, {**everywhere, **(changed or {})})


@contextmanager
def started(
    program: haproxy.Program,
    of: Rules | None = None,
    tunnelled: Callable[[socket.socket], None] = echo,
    changed: Mapping[str, str] | None = None,
) -> Generator[HostGuard]:
    """A guard with some rules, before a server that does something in its tunnels."""
    port, metrics_port = haproxy.free_ports(2)
    at, file = program.directory / f"{port}.sock", program.directory / f"{port}.cfg"
    file.write_text(configuration(of or rules(), at, port, metrics_port, changed))
    server = ConnectServer(at, tunnelled)
    try:
        with haproxy.running(program, file) as log:
            yield HostGuard(port=port, metrics_port=metrics_port, server=server, log=log)
    finally:
        server.close()
