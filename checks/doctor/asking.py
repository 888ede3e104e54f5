"""How the doctor asks: the clusters' APIs, and what a pod serves on a port of its own. Answers are kept."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPException
from queue import Empty, Queue
from threading import Lock, Thread
from typing import ParamSpec, Protocol, TypeVar
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from clusters.objects import Json, items
from clusters.workstation import Unavailable, ask, kubectl, objects

SECONDS = 5
"""How long an API or a pod may take to answer."""

Question = ParamSpec("Question")
Answer = TypeVar("Answer")

DIRECTLY = build_opener(ProxyHandler({}))
"""No proxy of the environment's between the doctor and its own port-forward."""


@dataclass(frozen=True)
class End:
    """A cluster's API: the kubeconfig and the context by which it is asked."""

    kubeconfig: str
    context: str


class Silent(Exception):
    """Something that runs does not answer, or says that it is not well."""


class Asking(Protocol):
    """What the doctor wants to know of clusters. Each raises Unavailable where the API does not tell."""

    def get(self, end: End, *what: str) -> tuple[Json, ...]:
        """The objects of a `kubectl get`; what is not there is left out."""
        ...

    def raw(self, end: End, path: str) -> str:
        """What an API answers to a GET."""
        ...

    def allowed(self, end: End, review: str) -> bool:
        """Whether an API allows what a SubjectAccessReview asks, as JSON. Nobody keeps one."""
        ...

    def served(self, end: End, namespace: str, pod: str, port: int, path: str) -> str:
        """What a pod answers on a port. Raises Silent where it does not, or with an error."""
        ...


class Clusters:
    """Asks by kubectl."""

    def __init__(self) -> None:
        # what several hops want to know, or all members of the host, is asked once
        self.get = once(self._get)
        self.raw = once(self._raw)
        self.served = once(self._served)

    def _get(self, end: End, *what: str) -> tuple[Json, ...]:
        return tuple(objects(kubectl(end.kubeconfig, end.context, "get", *what), SECONDS))

    def _raw(self, end: End, path: str) -> str:
        command = kubectl(end.kubeconfig, end.context, "get", "--raw", path, f"--request-timeout={SECONDS}s")
        return ask(command, SECONDS + 5)

    def allowed(self, end: End, review: str) -> bool:
        create = ["create", "--filename=-", "--validate=false", "--output=jsonpath={.status.allowed}"]
        command = kubectl(end.kubeconfig, end.context, *create, f"--request-timeout={SECONDS}s")
        return ask(command, SECONDS + 5, given=review) == "true"

    def _served(self, end: End, namespace: str, pod: str, port: int, path: str) -> str:
        # by the kubelet: a NetworkPolicy would not let the API server itself in
        command = kubectl(end.kubeconfig, end.context, "port-forward", f"--namespace={namespace}", f"pod/{pod}")
        forward = subprocess.Popen([*command, f":{port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            local = _forwarded(forward)
            return _http(f"http://127.0.0.1:{local}{path}")
        finally:
            forward.terminate()
            forward.wait()


def once(asks: Callable[Question, Answer]) -> Callable[Question, Answer]:
    """Asks each question once, however many want to know at the same time: all get the answer, or why there is none."""
    kept: dict[object, Future[Answer]] = {}
    lock = Lock()

    def ask_once(*args: Question.args, **kwargs: Question.kwargs) -> Answer:
        key = args, tuple(sorted(kwargs.items()))
        with lock:
            first = key not in kept
            future = kept.setdefault(key, Future())
        if first:
            try:
                future.set_result(asks(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future.result()

    return ask_once


def _forwarded(forward: subprocess.Popen[str]) -> int:
    """The local port of a port-forward, once it has one. Raises Unavailable with what kubectl says otherwise."""
    assert forward.stdout
    assert forward.stderr
    line = _within(SECONDS, forward.stdout.readline)
    if line is None:
        raise Unavailable(f"kubectl port-forward was not ready within {SECONDS} s")
    if line.startswith("Forwarding from "):
        return int(line.split(" -> ")[0].rpartition(":")[2])
    said = forward.stderr.read().strip().splitlines()
    raise Unavailable(said[-1] if said else "kubectl port-forward said nothing")


def _within(seconds: float, reading: Callable[[], str]) -> str | None:
    """What a call that may block gives; None when it takes longer."""
    given: Queue[str] = Queue()
    Thread(target=lambda: given.put(reading()), daemon=True).start()
    try:
        return given.get(timeout=seconds)
    except Empty:
        return None


def _http(url: str) -> str:
    try:
        with DIRECTLY.open(url, timeout=SECONDS) as answer:
            body: bytes = answer.read()
            return body.decode(errors="replace")
    except HTTPError as error:
        raise Silent(f"it answers {error.code}") from None
    except (OSError, HTTPException):
        raise Silent(f"it does not answer within {SECONDS} s") from None


def review(user: str, groups: list[str], verb: str, group: str, resource: str, name: str) -> str:
    """A SubjectAccessReview: whether a user may do something to one object of the whole cluster."""
    attributes = {"verb": verb, "group": group, "resource": resource, "name": name}
    return json.dumps(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
        }
    )


def statuses(pod: Json) -> tuple[Json, ...]:
    """What a pod's status says of its containers."""
    return tuple(items(pod, "status", "containerStatuses"))
