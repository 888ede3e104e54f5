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
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from clusters.objects import at, items, parse, text
from clusters.programs import output_of
from components.anp import PROXY_PATH
from tests.stack.environment import HOST_CONFIG, KARMADA
from tests.stack.kubectl import kubectl

SECONDS = 10.0
"""How long an answer may take."""

LONGEST = 900.0
"""Seconds after which traffic ends by itself."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """When a request to a member began and ended (on the monotonic clock), and what was wrong, if anything; its status
    is 0 where it had none."""

    member: str
    began: float
    ended: float
    status: int
    wrong: str
    at: str
    """What the clock showed when it ended."""

    def __str__(self) -> str:
        return f"{self.at} {self.member}: {self.wrong} after {self.ended - self.began:.2f} s"


@dataclass
class Traffic:
    """What has been asked so far: every request, in the order in which they ended."""

    since: float = field(default_factory=time.monotonic)
    requests: list[Request] = field(default_factory=list[Request])

    @property
    def answered(self) -> int:
        """How many were answered with 200."""
        return sum(not each.wrong for each in list(self.requests))

    @property
    def lost(self) -> list[str]:
        """All others, a line each."""
        return [str(each) for each in list(self.requests) if each.wrong]

    @property
    def slowest(self) -> float:
        """Seconds that the slowest took."""
        return max((each.ended - each.began for each in list(self.requests)), default=0)

    @property
    def longest_gap(self) -> float:
        """Seconds between two answers, of whichever client."""
        answers = [self.since, *(each.ended for each in list(self.requests) if not each.wrong)]
        return max((later - earlier for earlier, later in pairwise(answers)), default=0)

    @property
    def summary(self) -> str:
        """How many ran, how many were lost, and how long the slowest took."""
        return f"{len(self.requests)} requests, {len(self.lost)} lost, slowest {self.slowest:.2f} s"

    def __str__(self) -> str:
        return "\n  ".join([self.summary, *self.lost[:20]])

    def slowest_from(self, since: float) -> float:
        """Seconds that the slowest took of those that began after that."""
        return max((each.ended - each.began for each in list(self.requests) if each.began > since), default=0)

    def back(self, since: float, row: int = 10) -> float | None:
        """When `row` requests in a row had been answered that began after `since`, if none was lost from then on."""
        found, answers = None, 0
        for each in [each for each in list(self.requests) if each.ended > since]:
            if each.wrong:
                found, answers = None, 0
            elif each.began > since:
                answers += 1
                found = each.ended if answers == row else found
        return found


@dataclass(frozen=True, kw_only=True)
class Karmada:
    """The Karmada API as an administrator reaches it."""

    address: str
    context: ssl.SSLContext

    def get(self, path: str, seconds: float = SECONDS) -> int:
        """The status of one request, over a connection of its own. Raises OSError or HTTPException."""
        connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def tried(self, path: str, seconds: float = SECONDS) -> tuple[int, str]:
        """The status of one request, 0 where it had none, and what was wrong with it, or nothing."""
        try:
            status = self.get(path, seconds)
        except (OSError, http.client.HTTPException) as error:
            return 0, f"{type(error).__name__}: {error}"
        return status, "" if status == 200 else f"status {status}"


def karmada(into: Path) -> Karmada:
    """From the kubeconfig, whose certificates are written into a directory for as long as it takes to read them."""
    config = parse(
        output_of([*kubectl(HOST_CONFIG, KARMADA[1], "config", "view"), "--raw", "--minify", "--output=json"])
    )
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
def traffic(
    to: Karmada,
    members: Sequence[str],
    clients: int = 2,
    path: str = "/readyz",
    seconds: float = SECONDS,
    pause: float = 0,
    every: float = 0,
) -> Generator[Traffic]:
    """Requests to the members in turn, from `clients` clients at once, until the block is left.

    An answer may take `seconds`. Between two requests of a client are `every` seconds at least, and whose request was
    lost waits for `pause` seconds before the next.
    """
    seen, over = Traffic(), Event()
    ends = time.monotonic() + LONGEST

    def client(paths: Sequence[str]) -> None:
        turn = 0
        while not over.is_set() and time.monotonic() < ends:
            begins = time.monotonic()
            if not _ask_once(to, paths[turn % len(paths)], seen, seconds):
                over.wait(pause)
            over.wait(max(0.0, begins + every - time.monotonic()))
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


def _ask_once(to: Karmada, path: str, seen: Traffic, seconds: float) -> bool:
    """Whether it was answered."""
    started = time.monotonic()
    status, said = to.tried(path, seconds)
    asked = Request(
        member=path.split("/")[5],
        began=started,
        ended=time.monotonic(),
        status=status,
        wrong=said,
        at=time.strftime("%H:%M:%S"),
    )
    seen.requests.append(asked)
    return not said


def _file(path: Path, content: str) -> Path:
    path.touch(0o600)
    path.write_bytes(base64.b64decode(content))
    return path
