"""The member guard with its own configuration in a real HAProxy, before whatever stands for the API server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components import alerts, member_guard
from components.anp import GUARD_METRICS_PORT, MEMBER_GUARD_PORT
from components.member_guard import CHECK_SECONDS, Forwarding
from config.fields import bracketed
from tests.parts import haproxy
from tests.parts.caller import IPV4, served

OFTEN = {f" inter {CHECK_SECONDS}s fastinter 5s downinter 5s ": " inter 200ms fastinter 200ms downinter 200ms "}
"""How often it asks after the API server where a test waits for it."""

LONGEST = 20.0
"""Seconds that anything may take."""


@dataclass(frozen=True, kw_only=True)
class MemberGuard:
    """A guard that runs, and the file that its log goes to."""

    port: int
    metrics_port: int
    log: Path

    def healthy(self, address: str = IPV4) -> bool:
        """What a kubelet hears."""
        return served(self.metrics_port, "/healthz", address=address)[0] == 200

    def api_server_up(self) -> bool:
        """What its metrics say of the API server."""
        status, body = served(self.metrics_port, "/metrics")
        assert status == 200
        return alerts.API_SERVER_UP in body.decode().splitlines()

    def comes_to_say(self, up: bool) -> bool:
        """Whether its metrics say so within some time."""
        return comes_true(lambda: self.api_server_up() is up)


def comes_true(what: Callable[[], bool]) -> bool:
    """Whether it does within some time."""
    ends = time.monotonic() + LONGEST
    while time.monotonic() < ends:
        if what():
            return True
        time.sleep(0.05)
    return False


def own(port: int, address: str = IPV4) -> dict[str, str]:
    """What a pod is told of its cluster's API server."""
    return {"KUBERNETES_SERVICE_HOST": address, "KUBERNETES_SERVICE_PORT": str(port)}


def at(port: int, host: str = IPV4) -> str:
    """An apiAddress, as settings have it."""
    return f"{bracketed(host)}:{port}"


def forwarding(address: str = "", stall: int = 5) -> Forwarding:
    """Where it forwards, but for what a test is about."""
    return Forwarding(address=address, stall=stall, grace=3)


def configuration(of: Forwarding, port: int, metrics_port: int, changed: Mapping[str, str] | None = None) -> str:
    """The program's own configuration, but with other ports and its metrics on loopback alone.

    `changed` is what else of its text is another.
    """
    text = member_guard.configuration(of)
    here = {
        f" 127.0.0.1:{MEMBER_GUARD_PORT}\n": f" 127.0.0.1:{port}\n",
        f" :{GUARD_METRICS_PORT},:::{GUARD_METRICS_PORT} ": f" 127.0.0.1:{metrics_port},::1:{metrics_port} ",
    }
    return haproxy.replaced(text, {**here, **(changed or {})})


@contextmanager
def started(
    program: haproxy.Program,
    of: Forwarding,
    environment: Mapping[str, str] | None = None,
    changed: Mapping[str, str] | None = None,
) -> Generator[MemberGuard]:
    """A guard in a pod that is told something of its API server."""
    port, metrics_port = haproxy.free_ports(2)
    file = program.directory / f"{port}.cfg"
    file.write_text(configuration(of, port, metrics_port, changed))
    with haproxy.running(program, file, environment or own(1)) as log:
        yield MemberGuard(port=port, metrics_port=metrics_port, log=log)


def nobodys_port() -> int:
    """A port of this machine on which nobody listens."""
    return haproxy.free_ports(1)[0]


@contextmanager
def listening(address: str = IPV4, port: int = 0) -> Generator[socket.socket]:
    """A server's socket on an address of this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:
        yield server
