"""Requests to Kubernetes APIs, each named by a kubeconfig and a context, with the official Kubernetes client.

The client handles connections, proxies, TLS and port-forwards. Its models are not used: responses stay JSON. An error
response is raised as Unavailable, with its HTTP status.
"""

# the client declares no types
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Protocol
from urllib.parse import quote, urlencode

import websocket
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import PortForward, portforward_call
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as LateError

from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context, configuration
from clusters.objects import Json, at, items, parse, text

SLOW = 1.0
"""Seconds after which a context's failure is not tried again by those who waited for it."""

SECONDS = 10
"""The default timeout of a request to an API."""

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
"""Content types of PATCH requests."""

FORBIDDEN, UNAUTHORIZED, NOT_FOUND = 403, 401, 404

NO_API_SERVER = (502, 503, 504)
"""HTTP statuses of a proxy in front of an API server that is not there."""

UNVERIFIED = re.compile(r"CERTIFICATE_VERIFY_FAILED\] certificate verify failed: (.*) \(_ssl")
"""What Python's ssl says of a certificate that it refuses, with the reason."""

POD_SECONDS = 5
"""The timeout of a request to a pod's port."""

CONNECT_TARGET = "member:443"
"""The target of a CONNECT to a host guard, which replaces it by the host of the member that the credential names."""


class NotServing(Exception):
    """A running pod does not answer on one of its ports, or answers with an error."""


class ConnectionClosed(NotServing):
    """The pod closes the connection without an answer, or nothing listens on the port."""


@dataclass(frozen=True)
class Resource:
    """A resource type, by the path of its API and its plural name: `/apis/apps/v1` and `deployments`."""

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
SELF_SUBJECT_REVIEWS = Resource("/apis/authentication.k8s.io/v1", "selfsubjectreviews")
SELF_ACCESS_REVIEWS = Resource("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews")
ACCESS_REVIEWS = Resource("/apis/authorization.k8s.io/v1", "subjectaccessreviews")


class KubernetesApis(Protocol):
    """Requests to Kubernetes APIs. Each raises Unavailable on an error response, and its subclass Unanswered if no API
    server answers in time."""

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        """An object, or None if it does not exist."""
        ...

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        """The objects of a resource type, in a namespace or the cluster, optionally by a label selector (`app=x`)."""
        ...

    def raw(self, of: Context, path: str, seconds: float = SECONDS) -> str:
        """The body of the response to a GET; `seconds` is its timeout."""
        ...

    def create(self, of: Context, what: Resource, given: Json) -> Json:
        """POSTs a cluster-scoped object and returns the response. An access review is only answered, not stored."""
        ...

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        """PATCHes the object at a path and returns it; `kind` is the content type of the patch."""
        ...

    def delete(self, of: Context, path: str) -> None:
        """DELETEs the object at a path without waiting until it is gone. Does nothing if it does not exist."""
        ...

    def pod_get(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        """The body of a pod's response to a GET, by a port-forward. Raises NotServing, also on an error response."""
        ...

    def pod_connect(self, of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        """The HTTP status of a pod's response to a CONNECT with a Proxy-Authorization header, by a port-forward.
        Raises NotServing, or ConnectionClosed if the pod closes the connection."""
        ...


class OfficialClient:
    """KubernetesApis by the official client, which reads each context once, whatever its path. Threads may share it."""

    def __init__(self) -> None:
        self._clients: dict[Context, ApiClient] = {}
        self._locks: dict[Context, Lock] = {}
        self._failed: dict[Context, tuple[float, str]] = {}
        self._lock = Lock()

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        try:
            return json_of(self.raw(of, what.path(namespace, name)))
        except _NotFound:
            return None

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        selecting = f"?{urlencode({'labelSelector': labels})}" if labels else ""
        return items(json_of(self.raw(of, what.path(namespace) + selecting)), "items")

    def raw(self, of: Context, path: str, seconds: float = SECONDS) -> str:
        return self._request(of, "GET", path, seconds=seconds)

    def create(self, of: Context, what: Resource, given: Json) -> Json:
        return json_of(self._request(of, "POST", what.path(), "application/json", given))

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        return json_of(self._request(of, "PATCH", path, kind, patch))

    def delete(self, of: Context, path: str) -> None:
        with suppress(_NotFound):
            self._request(of, "DELETE", path)

    def pod_get(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        with self._port_forward(of, namespace, pod, port) as connection:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
        if response.status >= 400:
            raise NotServing(f"it answers {response.status}")
        return body

    def pod_connect(self, of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        with self._port_forward(of, namespace, pod, port) as connection:
            # HAProxy refuses a Host header other than the target; http.client would send 127.0.0.1
            headers = {"Host": CONNECT_TARGET, "Proxy-Authorization": credential}
            connection.request("CONNECT", CONNECT_TARGET, headers=headers)
            response = connection.getresponse()
            response.close()
        return response.status

    @contextmanager
    def _port_forward(self, of: Context, namespace: str, pod: str, port: int) -> Generator[HTTPConnection]:
        """A connection to a pod's port by a port-forward, made by the kubelet: NetworkPolicies do not block that."""
        client, path = self._client(of), f"{PODS.path(namespace, pod)}/portforward?ports={port}"
        websocket.setdefaulttimeout(SECONDS)
        with _as_unavailable(SECONDS):
            url, headers = _url_and_headers(client, f"{of.path}{path}", "GET")
            forward: PortForward = portforward_call(client.configuration, "GET", url, headers=headers)
        try:
            # no timeout on the websocket, which a thread of the library reads; POD_SECONDS limits the wait
            forward.websocket.sock.settimeout(None)
            connection = HTTPConnection("127.0.0.1")
            connection.sock = forward.socket(port)
            connection.sock.settimeout(POD_SECONDS)
            yield connection
        except TimeoutError:
            raise NotServing(f"it does not answer within {POD_SECONDS} s") from None
        except (OSError, HTTPException):
            raise ConnectionClosed("it closes the connection without an answer, or nothing listens") from None
        finally:
            forward.close()

    def _request(
        self, of: Context, method: str, path: str, kind: str = "", given: Json = None, seconds: float = SECONDS
    ) -> str:
        client = self._client(of)
        with _as_unavailable(seconds):
            url, headers = _url_and_headers(client, f"{of.path}{path}", method, kind)
            response = client.call_api(method, url, headers, given, _request_timeout=seconds)
            body: str = response.read().decode(errors="replace")
        if response.status >= 300:
            raise _error_of(response.status, body)
        return body

    def _client(self, of: Context) -> ApiClient:
        """A context's client. Each context has its own lock, so that a slow exec plugin delays no other context."""
        of = replace(of, path="")
        with self._lock:
            lock = self._locks.setdefault(of, Lock())
        with lock:
            if of not in self._clients:
                self._clients[of] = ApiClient(self._configuration(of))
            return self._clients[of]

    def _configuration(self, of: Context) -> Configuration:
        """A context's configuration. A failure that took more than SLOW is kept for as long as it took: of a hundred
        requests that waited for an exec plugin which hangs, each would wait for it once more."""
        until, reason = self._failed.get(of, (0.0, ""))
        began = time.monotonic()
        if began < until:
            raise Unavailable(reason)
        try:
            return configuration(of)
        except Unavailable as unavailable:
            took = time.monotonic() - began
            if took > SLOW:
                self._failed[of] = began + 2 * took, str(unavailable)
            raise


class _NotFound(Unavailable):
    """The API serves the resource type, and has no such object."""


def json_of(body: str) -> Json:
    """The JSON of a response. Raises Unavailable if it is none."""
    try:
        return parse(body)
    except ValueError:
        raise Unavailable("it answers something that is no JSON: it is no Kubernetes API, or a login page") from None


def _url_and_headers(client: ApiClient, path: str, method: str, kind: str = "") -> tuple[str, dict[str, str]]:
    """A request's URL and headers, with the token if the context has one."""
    url = f"{client.configuration.host}{path}"
    headers = {"Accept": "application/json, */*", **({"Content-Type": kind} if kind else {})}
    client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
    return url, headers


@contextmanager
def _as_unavailable(seconds: float) -> Generator[None]:
    """Raises the client's connection errors as Unavailable, or as Unanswered if the API server may be down."""
    try:
        yield
    except (HTTPError, ApiException, OSError) as error:
        handshake = error.__context__
        if isinstance(handshake, websocket.WebSocketBadStatusException):
            raise _error_of(handshake.status_code, (handshake.resp_body or b"").decode(errors="replace")) from None
        # urllib3 counts a refused connection among the timeouts too
        if isinstance(error, LateError) and not isinstance(error, NewConnectionError):
            raise Unanswered(f"no answer within {seconds:.0f} s") from None
        lines = str(error.reason if isinstance(error, ApiException) else error).strip().splitlines()
        # the client puts its own words before the reason
        why = (lines or ["no answer"])[-1].rpartition("connection: ")[2]
        unverified = UNVERIFIED.search(why)
        if unverified:
            why = f"its certificate is not the one that the kubeconfig expects ({unverified[1]}): another cluster's?"
        # a peer that presents a certificate does answer, whoever it is
        raise (Unavailable if "certificate" in why.lower() else Unanswered)(why) from None


def _error_of(status: int, body: str) -> Unavailable:
    """The exception for an error response: a Status object of the API server, or the text of a proxy before it."""
    kind = Unanswered if status in NO_API_SERVER else Unavailable
    try:
        status_object = parse(body)
    except ValueError:
        return kind(" ".join(body.split())[:200] or f"it answers {status}", status)
    if status == NOT_FOUND and at(status_object, "details", "name") is not None:
        return _NotFound(text(status_object, "message"), status)
    return kind(text(status_object, "message") or f"it answers {status}", status)
