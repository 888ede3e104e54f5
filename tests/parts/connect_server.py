"""ANP's frontend, as far as the guard can tell: CONNECT over mTLS, on loopback. It keeps what reaches it.

It dials nobody: what a tunnel brings goes back as it came, and a farewell follows when the caller is done.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.parts.issued import Pair

UNREACHABLE = "unreachable.example:443"
"""A target for which the server has no agent: it refuses a CONNECT to it, and takes the next request."""

FAREWELL = b"the target has seen the end"
REFUSAL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 8\r\n\r\nno agent"

LONGEST = 20.0
"""Seconds after which a connection that does nothing is dropped."""

PATIENCE = 0.05
"""Seconds that the server leaves a request unanswered, for what may be sent early behind it."""


class ConnectServer:
    """It listens from the start; `close` ends it. A caller needs a certificate of `trusts`.

    `newest` is the newest TLS that it speaks.
    """

    def __init__(self, pair: Pair, trusts: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        self.heads: list[bytes] = []
        """The head of each request, as it came."""
        self.early: list[bytes] = []
        """What came behind each head before it was answered."""
        self.connections = 0
        self.versions: list[str | None] = []
        """The TLS of each connection that came about."""
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=trusts)
        self._tls.maximum_version = newest
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.load_cert_chain(pair.certificate, pair.key)
        self._tls.set_alpn_protocols(["h2", "http/1.1"])
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    @property
    def targets(self) -> Sequence[str]:
        """The target of each request."""
        return [head.split(b" ")[1].decode() for head in self.heads]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[plain], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(LONGEST)
        with suppress(OSError), plain, self._tls.wrap_socket(plain, server_side=True) as connection:
            self.versions.append(connection.version())
            while self._request(connection):
                pass

    def _request(self, connection: ssl.SSLSocket) -> bool:
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
        if head.split(b" ")[1] == UNREACHABLE.encode():
            connection.sendall(REFUSAL)
            return True
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + early)
        while chunk := connection.recv(65_536):
            connection.sendall(chunk)
        connection.sendall(FAREWELL)
        return False
