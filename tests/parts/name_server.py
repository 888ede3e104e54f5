"""A DNS server for one name, on loopback by UDP: it answers A and AAAA queries (RFC 1035) as it is told to."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from tests.parts.caller import IPV4

A, AAAA = 1, 28
NO_SUCH_NAME = 3


class NameServer:
    """What it knows: the address of its name, or none."""

    def __init__(self) -> None:
        self.address = ""
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((IPV4, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stops answering."""
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                query, peer = self._socket.recvfrom(4_096)
                self.asked += 1
                self._socket.sendto(self._answer(query), peer)

    def _answer(self, query: bytes) -> bytes:
        """The answer's header, the question as it came, and the address if it is of the type that is asked for."""
        end = query.index(b"\0", 12) + 5
        (kind,) = struct.unpack("!H", query[end - 4 : end - 2])
        records = b""
        if self.address:
            address = ipaddress.ip_address(self.address)
            if kind == (A if address.version == 4 else AAAA):
                records = struct.pack("!HHHIH", 0xC00C, kind, 1, 1, len(address.packed)) + address.packed
        flags = 0x8180 | (0 if self.address else NO_SUCH_NAME)
        return query[:2] + struct.pack("!HHHHH", flags, 1, int(bool(records)), 0, 0) + query[12:end] + records


@contextmanager
def name_server() -> Generator[NameServer]:
    """One that answers until the block is left."""
    server = NameServer()
    try:
        yield server
    finally:
        server.close()
