"""A caller of a guard that writes its requests byte by byte, as no library would, and reads what comes back."""

from __future__ import annotations

import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

LONGEST = 20.0
"""Seconds that a caller waits for anything."""

HEADER = "Proxy-Authorization"

IPV4, IPV6 = "127.0.0.1", "::1"
"""Addresses of this machine."""


def connect(
    target: str,
    credential: str | None,
    *headers: str,
    host: str | None = None,
    method: str = "CONNECT",
    version: str = "HTTP/1.1",
) -> bytes:
    """A request's head as Karmada would send it, or with a part of it changed. `headers` are further whole lines."""
    shown = [] if credential is None else [f"{HEADER}: {credential}"]
    lines = [f"{method} {target} {version}", f"Host: {target if host is None else host}", *shown, *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def connect_by_http2(target: str, credential: str) -> bytes:
    """A whole HTTP/2 connection with prior knowledge (RFC 9113): the preface, settings, and a CONNECT."""

    def text(value: str) -> bytes:
        """As HPACK has it, without Huffman's code (RFC 7541, 5.2)."""
        length = bytes([len(value)]) if len(value) < 127 else bytes([127, len(value) - 127])
        return length + value.encode()

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    fields = [(":method", "CONNECT"), (":authority", target), (HEADER.lower(), credential)]
    block = b"".join(b"\0" + text(name) + text(value) for name, value in fields)
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, block)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response: its status, 0 where the connection was closed without one, and its head."""

    status: int
    head: bytes


class Connection:
    """A connection to a guard."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self._incoming = plain.makefile("rb")

    def send(self, data: bytes) -> None:
        self.plain.sendall(data)

    def answer(self) -> Answer:
        """The next response, its body with it if it says how long that is."""
        head = b"".join(iter(self._line, b""))
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        for line in lengths:
            self._incoming.read(int(line.split(b":")[1]))
        return Answer(status=int(head.split(b" ")[1]) if head else 0, head=head)

    def _line(self) -> bytes:
        try:
            line = self._incoming.readline()
        except ConnectionResetError:
            return b""
        return b"" if line == b"\r\n" else line

    def read(self, length: int) -> bytes:
        """So many bytes of a tunnel, or what there are before it is closed."""
        return self._incoming.read(length)

    def rest(self) -> bytes:
        """All that comes until the other side closes."""
        return self._incoming.read()

    def done_sending(self) -> None:
        """Closes this side's half."""
        self.plain.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._incoming.close()
        self.plain.close()


@contextmanager
def calling(port: int, address: str = IPV4) -> Generator[Connection]:
    """A connection to a port of this machine, closed in the end."""
    connection = Connection(socket.create_connection((address, port), LONGEST))
    try:
        yield connection
    finally:
        connection.close()


def statuses(port: int, request: bytes, answers: int = 1) -> Sequence[int]:
    """Sends something, and takes so many responses."""
    with calling(port) as connection:
        connection.send(request)
        return [connection.answer().status for _ in range(answers)]


def served(port: int, path: str, method: str = "GET", address: str = IPV4) -> tuple[int, bytes]:
    """Status and body of what a guard's metrics port answers, on a connection of its own."""
    with calling(port, address) as connection:
        connection.send(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = connection.rest().partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body
