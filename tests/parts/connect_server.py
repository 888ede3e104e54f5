"""ANP's frontend, as far as the host guard can tell: CONNECT on a unix socket. It keeps what reaches it.

It dials nobody: what a tunnel brings goes back as it came, and a farewell follows when the caller is done.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

UNREACHABLE = "unreachable"
"""A member for which the server has no agent: it refuses a CONNECT to it, and takes the next request."""

FAREWELL = b"the target has seen the end"
REFUSAL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 8\r\n\r\nno agent"

LONGEST = 20.0
"""Seconds after which a connection that does nothing is dropped."""

PATIENCE = 0.05
"""Seconds that the server leaves a request unanswered, for what may be sent early behind it."""


def echo(connection: socket.socket) -> None:
    """Sends back what comes, and at its end the farewell."""
    while chunk := connection.recv(65_536):
        connection.sendall(chunk)
    connection.sendall(FAREWELL)


class ConnectServer:
    """It listens from the start; `close` ends it. `tunnelled` is what is done inside a tunnel."""

    def __init__(self, at: Path, tunnelled: Callable[[socket.socket], None] = echo) -> None:
        self.heads: list[bytes] = []
        """The head of each request, as it came."""
        self.early: list[bytes] = []
        """What came behind each head before it was answered."""
        self.connections = 0
        self._tunnelled = tunnelled
        self._listening = socket.socket(socket.AF_UNIX)
        # of one that has ended: its file is named by a port, which may be given again
        at.unlink(missing_ok=True)
        self._listening.bind(str(at))
        self._listening.listen(1_024)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    @property
    def targets(self) -> Sequence[str]:
        """The target of each request."""
        return [head.split(b" ")[1].decode("latin-1") for head in self.heads]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(LONGEST)
        with suppress(OSError), connection:
            while self._request(connection):
                pass

    def _request(self, connection: socket.socket) -> bool:
        """One request; whether another one may follow on the same connection."""
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(65_536)
            if not more:
                return False
            received += more
        head, _, early = received.partition(b"\r\n\r\n")
        connection.settimeout(PATIENCE)
        with suppress(TimeoutError):
            early += connection.recv(65_536)
        connection.settimeout(LONGEST)
        self.early.append(early)
        self.heads.append(head)
        if head.startswith(f"CONNECT {UNREACHABLE}.".encode()):
            connection.sendall(REFUSAL)
            return True
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + early)
        self._tunnelled(connection)
        return False
