"""Requests to member3 through Karmada, one after the other over one connection to the Karmada API.

Karmada itself opens a connection through the tunnel for each. No two requests run at once, and none is retried.
"""

# the Kubernetes client declares no types
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ssl
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPSConnection
from urllib.parse import urlsplit

from clusters.kubeconfig import Context, configuration
from components.anp import PROXY_PATH

KARMADA = Context("~/.kube/karmada.config", "karmada-apiserver")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Requests for the same path: the seconds that each took, and the bytes of all answers together."""

    seconds: Sequence[float]
    size: int

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return 1_000 * statistics.median(self.seconds)

    @property
    def megabytes(self) -> float:
        return self.size / 1e6

    @property
    def rate(self) -> float:
        """Throughput in MB/s."""
        return self.megabytes / sum(self.seconds)


class Probe:
    """A kept-alive connection to the Karmada API. Raises Unavailable where the kubeconfig does not lead to it."""

    def __init__(self, karmada: Context = KARMADA, member: str = "member3") -> None:
        found = configuration(karmada)
        context = ssl.create_default_context(cafile=found.ssl_ca_cert)
        if found.cert_file:
            context.load_cert_chain(found.cert_file, found.key_file)
        self._connection = HTTPSConnection(urlsplit(found.host).netloc, context=context, timeout=60)
        self._below = PROXY_PATH.format(member)

    def answers(self, path: str, count: int) -> Answers:
        """Makes `count` GETs of a path of the member's API. Raises OSError or HTTPException; ends the program where an
        answer is not 200."""
        asked = [self._ask(path) for _ in range(count)]
        return Answers(seconds=[seconds for seconds, _ in asked], size=sum(size for _, size in asked))

    def _ask(self, path: str) -> tuple[float, int]:
        """The seconds until the whole answer had arrived, and its bytes."""
        started = time.perf_counter()
        self._connection.request("GET", self._below + path)
        answer = self._connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - started
        if answer.status != 200:
            raise SystemExit(f"{path} of the member answers {answer.status}: {body[:200].decode(errors='replace')}")
        return took, len(body)
