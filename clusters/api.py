"""Asks the APIs of clusters, each known by a kubeconfig and a context, with the official Kubernetes client.

The client keeps connections, and knows proxies, TLS and port-forwards. Its models are not used: what an API answers
stays JSON. An answer that is an error is Unavailable, with its HTTP status.
"""

# the client declares no types
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Protocol
from urllib.parse import quote, urlencode

import websocket
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import PortForward, portforward_call
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as LateError

from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context, configuration
from clusters.objects import Json, at, items, parse, text

SECONDS = 10
"""How long an API may take to answer, if nothing else is said."""

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
"""Content types of the patches that are sent."""

FORBIDDEN, UNAUTHORIZED, NOT_FOUND = 403, 401, 404

AWAY = (502, 503, 504)
"""What answers in the place of an API server that is not there."""

POD_SECONDS = 5
"""How long a pod may take to answer on a port of its own."""


CONNECT_TARGET = "member:443"
"""What is asked of a host guard, which makes it the member's whose name is in the credential."""


class NotServing(Exception):
    """A pod that runs does not answer on a port of its own, or says that it is not well."""


class Closed(NotServing):
    """It closes the connection instead, or nothing listens there."""


@dataclass(frozen=True)
class Resource:
    """A kind of objects as its API serves it: `/apis/apps/v1` and `deployments`."""

    api: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; the core's is empty."""
        return self.api.split("/")[2] if self.api.startswith("/apis/") else ""

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of one object or, without a name, of all in a namespace or in the cluster."""
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{self.api}{within}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


NAMESPACES = Resource("/api/v1", "namespaces")
NODES = Resource("/api/v1", "nodes")
PODS = Resource("/api/v1", "pods")
SECRETS = Resource("/api/v1", "secrets")
SERVICES = Resource("/api/v1", "services")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments")
PRIORITY_CLASSES = Resource("/apis/scheduling.k8s.io/v1", "priorityclasses")
CLUSTER_ROLE_BINDINGS = Resource("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings")
CLUSTERS = Resource("/apis/cluster.karmada.io/v1alpha1", "clusters")
SELF_REVIEW = Resource("/apis/authentication.k8s.io/v1", "selfsubjectreviews")
SELF_REVIEWS = Resource("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews")
REVIEWS = Resource("/apis/authorization.k8s.io/v1", "subjectaccessreviews")


class Asking(Protocol):
    """What is asked of APIs. Each call raises Unavailable where the API does not tell, within `seconds`: Unanswered
    where nobody answers."""

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        """An object, or None where it is not there."""
        ...

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        """The objects of a kind, in a namespace or in the cluster, with some labels (`app=x`) or with any."""
        ...

    def raw(self, of: Context, path: str, seconds: float = SECONDS) -> str:
        """What the API answers to a GET."""
        ...

    def create(self, of: Context, what: Resource, given: Json) -> Json:
        """What the API makes of an object; of an access review, its answer: nobody keeps one."""
        ...

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        """The object at a path after a patch, of one of the content types."""
        ...

    def delete(self, of: Context, path: str) -> None:
        """Asks that what is at a path goes, and does not wait until it has; where it is not there, all is well."""
        ...

    def served(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        """What a pod answers on a port, by a port-forward. Raises NotServing where it does not, or with an error."""
        ...

    def connected(self, of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        """The HTTP status with which a pod's plain port answers a CONNECT with that Proxy-Authorization, by a
        port-forward. Raises NotServing where it does not, Closed where it closes the connection."""
        ...


class Apis:
    """Asks by the official client; a context is read and connected once. Threads may share it."""

    def __init__(self) -> None:
        self._clients: dict[Context, ApiClient] = {}
        self._locks: dict[Context, Lock] = {}
        self._lock = Lock()

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        try:
            return parse(self.raw(of, what.path(namespace, name)))
        except _Absent:
            return None

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        selecting = f"?{urlencode({'labelSelector': labels})}" if labels else ""
        return items(parse(self.raw(of, what.path(namespace) + selecting)), "items")

    def raw(self, of: Context, path: str, seconds: float = SECONDS) -> str:
        return self._request(of, "GET", path, seconds=seconds)

    def create(self, of: Context, what: Resource, given: Json) -> Json:
        return parse(self._request(of, "POST", what.path(), "application/json", given))

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        return parse(self._request(of, "PATCH", path, kind, patch))

    def delete(self, of: Context, path: str) -> None:
        with suppress(_Absent):
            self._request(of, "DELETE", path)

    def served(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        with self._forwarded(of, namespace, pod, port) as connection:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        if answer.status >= 400:
            raise NotServing(f"it answers {answer.status}")
        return body

    def connected(self, of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        with self._forwarded(of, namespace, pod, port) as connection:
            # HAProxy refuses a Host that differs from the target, as the client's own would
            headers = {"Host": CONNECT_TARGET, "Proxy-Authorization": credential}
            connection.request("CONNECT", CONNECT_TARGET, headers=headers)
            answer = connection.getresponse()
            answer.close()
        return answer.status

    @contextmanager
    def _forwarded(self, of: Context, namespace: str, pod: str, port: int) -> Generator[HTTPConnection]:
        """A connection to a port of a pod, by its kubelet: a NetworkPolicy would not let the API server itself in."""
        client, path = self._client(of), f"{PODS.path(namespace, pod)}/portforward?ports={port}"
        websocket.setdefaulttimeout(SECONDS)
        with _explained(SECONDS):
            url, headers = _addressed(client, path, "GET")
            forward: PortForward = portforward_call(client.configuration, "GET", url, headers=headers)
        try:
            # from here on it is the pod that may be slow, and the library's own thread that reads
            forward.websocket.sock.settimeout(None)
            connection = HTTPConnection("127.0.0.1")
            connection.sock = forward.socket(port)
            connection.sock.settimeout(POD_SECONDS)
            yield connection
        except TimeoutError:
            raise NotServing(f"it does not answer within {POD_SECONDS} s") from None
        except (OSError, HTTPException):
            raise Closed("it closes the connection without an answer") from None
        finally:
            forward.close()

    def _request(
        self, of: Context, method: str, path: str, kind: str = "", given: Json = None, seconds: float = SECONDS
    ) -> str:
        client = self._client(of)
        with _explained(seconds):
            url, headers = _addressed(client, path, method, kind)
            answer = client.call_api(method, url, headers, given, _request_timeout=seconds)
            said: str = answer.read().decode(errors="replace")
        if answer.status >= 300:
            raise _refused(answer.status, said)
        return said

    def _client(self, of: Context) -> ApiClient:
        """A context's client. An exec plugin may take its time: who asks of another context does not wait for it."""
        with self._lock:
            lock = self._locks.setdefault(of, Lock())
        with lock:
            # where it fails, whoever asks next tries again
            if of not in self._clients:
                self._clients[of] = ApiClient(configuration(of))
            return self._clients[of]


class _Absent(Unavailable):
    """The API knows the kind, and has no such object."""


def _addressed(client: ApiClient, path: str, method: str, kind: str = "") -> tuple[str, dict[str, str]]:
    """A request's URL and headers, with the token if the context has one."""
    url = f"{client.configuration.host}{path}"
    headers = {"Accept": "application/json, */*", **({"Content-Type": kind} if kind else {})}
    client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
    return url, headers


@contextmanager
def _explained(seconds: float) -> Generator[None]:
    """What went wrong before there was an answer, as Unavailable."""
    try:
        yield
    except (HTTPError, ApiException, OSError) as error:
        refused = error.__context__
        if isinstance(refused, websocket.WebSocketBadStatusException):
            raise _refused(refused.status_code, (refused.resp_body or b"").decode(errors="replace")) from None
        # urllib3 counts a refused connection among the timeouts too
        if isinstance(error, LateError) and not isinstance(error, NewConnectionError):
            raise Unanswered(f"no answer within {seconds:.0f} s") from None
        said = str(error.reason if isinstance(error, ApiException) else error).strip().splitlines()
        # the client's own words stand before the reason
        why = (said or ["no answer"])[-1].rpartition("connection: ")[2]
        # what shows a certificate is there, whoever it is
        raise (Unavailable if "certificate" in why.lower() else Unanswered)(why) from None


def _refused(status: int, said: str) -> Unavailable:
    """An answer that is an error: a Status of the API server's, or the text of what stands before it."""
    kind = Unanswered if status in AWAY else Unavailable
    try:
        answer = parse(said)
    except ValueError:
        return kind(" ".join(said.split())[:200] or f"it answers {status}", status)
    if status == NOT_FOUND and at(answer, "details", "name") is not None:
        return _Absent(text(answer, "message"), status)
    return kind(text(answer, "message") or f"it answers {status}", status)
