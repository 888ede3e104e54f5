"""Requests through Karmada, one after the other from several clients, for as long as something else goes on.

Each is asked once: no client tries again. A request that fails or takes longer than SECONDS is lost.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from answers import at, items, parse, text
from tests.stack.environment import HOST_CONFIG, KARMADA, PROXY_PATH
from workstation import ask, kubectl

SECONDS = 10.0
"""How long an answer may take."""

LONGEST = 900.0
"""Seconds after which traffic ends by itself."""


@dataclass
class Traffic:
    """What has been asked so far: the number of requests that were answered with 200, and of each other what it was."""

    answered: int = 0
    lost: list[str] = field(default_factory=list[str])
    slowest: float = 0
    last_answer: float = field(default_factory=time.monotonic)
    longest_gap: float = 0
    """Seconds between two answers, of whichever client."""

    def __str__(self) -> str:
        said = f"{self.answered + len(self.lost)} requests, {len(self.lost)} lost, slowest {self.slowest:.2f} s"
        return "\n  ".join([said, *self.lost[:20]])


@dataclass(frozen=True, kw_only=True)
class Karmada:
    """The Karmada API as an administrator reaches it."""

    address: str
    context: ssl.SSLContext

    def get(self, path: str) -> int:
        """The status of one request, over a connection of its own. Raises OSError or HTTPException."""
        connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


def karmada(into: Path) -> Karmada:
    """From the kubeconfig, whose certificates are written into a directory for as long as it takes to read them."""
    config = parse(ask([*kubectl(HOST_CONFIG, KARMADA[1], "config", "view"), "--raw", "--minify", "--output=json"]))
    cluster, user = at(items(config, "clusters")[0], "cluster"), at(items(config, "users")[0], "user")
    files = {
        name: _file(into / name, text(of, key))
        for name, of, key in [
            ("ca", cluster, "certificate-authority-data"),
            ("certificate", user, "client-certificate-data"),
            ("key", user, "client-key-data"),
        ]
    }
    context = ssl.create_default_context(cafile=files["ca"])
    context.load_cert_chain(files["certificate"], files["key"])
    for each in files.values():
        each.unlink()
    return Karmada(address=urlsplit(text(cluster, "server")).netloc, context=context)


@contextmanager
def traffic(to: Karmada, members: Sequence[str], clients: int = 2, path: str = "/readyz") -> Generator[Traffic]:
    """Requests to the members in turn, from `clients` clients at once, until the block is left."""
    seen, over = Traffic(), Event()
    ends = time.monotonic() + LONGEST

    def client(paths: Sequence[str]) -> None:
        turn = 0
        while not over.is_set() and time.monotonic() < ends:
            _ask_once(to, paths[turn % len(paths)], seen)
            turn += 1

    paths = [PROXY_PATH.format(each) + path for each in members]
    threads = [
        Thread(target=client, args=([*paths[i % len(paths) :], *paths[: i % len(paths)]],)) for i in range(clients)
    ]
    for each in threads:
        each.start()
    try:
        yield seen
    finally:
        over.set()
        for each in threads:
            each.join()


def _ask_once(to: Karmada, path: str, seen: Traffic) -> None:
    started = time.monotonic()
    try:
        status = to.get(path)
        said = "" if status == 200 else f"status {status}"
    except (OSError, http.client.HTTPException) as error:
        said = f"{type(error).__name__}: {error}"
    took = time.monotonic() - started
    seen.slowest = max(seen.slowest, took)
    if said:
        seen.lost.append(f"{time.strftime('%H:%M:%S')} {path.split('/')[5]}: {said} after {took:.2f} s")
    else:
        now = time.monotonic()
        seen.longest_gap, seen.last_answer = max(seen.longest_gap, now - seen.last_answer), now
        seen.answered += 1


def _file(path: Path, content: str) -> Path:
    path.touch(0o600)
    path.write_bytes(base64.b64decode(content))
    return path
