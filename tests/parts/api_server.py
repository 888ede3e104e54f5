"""An API server, as far as the member guard can tell: TLS, and an answer to whoever asks whether it is well."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.parts.caller import IPV4
from tests.parts.issued import Pair
from tests.parts.member_guarded import listening

LONGEST = 20.0
"""Seconds after which a connection that does nothing is dropped."""


@contextmanager
def serving(does: Callable[[socket.socket], None], address: str = IPV4, port: int = 0) -> Generator[int]:
    """A server on a port of this machine, any or a certain one, that does something with each connection."""

    def serve(connection: socket.socket) -> None:
        connection.settimeout(LONGEST)
        with suppress(OSError), connection:
            does(connection)

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=serve, args=[connection], daemon=True).start()

    with listening(address, port) as server:
        threading.Thread(target=accept, args=[server], daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@dataclass(kw_only=True)
class ApiServer:
    """How it answers: with a status, and by TLS with a certificate that nobody need trust."""

    status: int
    asked: list[bytes] = field(default_factory=list[bytes])
    """The head of each request."""


@contextmanager
def api_server(pair: Pair, of: ApiServer, address: str = IPV4) -> Generator[int]:
    """Its port; it answers as `of` says at that time."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certificate, pair.key)

    def answer(plain: socket.socket) -> None:
        with tls.wrap_socket(plain, server_side=True) as connection:
            of.asked.append(connection.recv(65_536))
            connection.sendall(f"HTTP/1.1 {of.status} X\r\nContent-Length: 2\r\n\r\nok".encode())

    with serving(answer, address) as port:
        yield port


def lines(of: ApiServer) -> Sequence[str]:
    """The request lines that it was asked with."""
    return [each.decode().partition("\r\n")[0] for each in list(of.asked)]
