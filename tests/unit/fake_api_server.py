"""An API server for tests of what asks one: real HTTP, and a kubeconfig whose contexts are paths of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import yaml

from clusters.kubeconfig import Context
from clusters.objects import Json, parse

CONTEXTS = ("karmada-host", "karmada-apiserver", "member3")


@dataclass(frozen=True)
class ApiRequest:
    """What was asked: `patch` is the content type of one."""

    method: str
    context: str
    path: str
    headers: dict[str, str]
    given: Json


class ApiServer:
    """`has` is what there is by context and path; all else is not found. A context in `away` does not answer.

    `answers_with` is the status of what is found, `refuses` the status and the message with which each request but a
    GET is answered. `pods` are those whose ports can be forwarded, by context and the path of that, and what they
    answer there: None for nothing, and an empty text where they close the connection. `heads` is what they were asked.
    What is patched is then what `becomes` has, or stays.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self.has: dict[str, Json] = {}
        self.becomes: dict[str, Json] = {}
        self.pods: dict[str, str | None] = {}
        self.heads: list[str] = []
        self.away: set[str] = set()
        self.refuses: tuple[int, str] | None = None
        self.answers_with = 200
        self.asked: list[ApiRequest] = []
        self.kubeconfig = kubeconfig

    def context(self, name: str) -> Context:
        return Context(str(self.kubeconfig), name)

    def write_kubeconfig(self, url: str, **user: Json) -> None:
        """A kubeconfig with every context, and a user."""
        config: dict[str, Json] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": each, "cluster": {"server": f"{url}/{each}"}} for each in CONTEXTS],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": each, "context": {"cluster": each, "user": "user"}} for each in CONTEXTS],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def answer(self, request: ApiRequest) -> tuple[int, Json] | None:
        """Status and content, or None for no answer at all."""
        self.asked.append(request)
        if request.context in self.away:
            return None
        if request.method != "GET" and self.refuses:
            status, message = self.refuses
            return status, {"kind": "Status", "message": message}
        path, _, query = request.path.partition("?")
        if "fieldManager=" in query:
            self.has |= {key: each for key, each in self.becomes.items() if key == f"{request.context} {path}"}
            found = self.has.get(f"{request.context} {path}")
        else:
            found = self.has.get(f"{request.context} {request.path}")
        if found is None:
            name = request.path.rpartition("/")[2]
            return 404, {"kind": "Status", "message": f'"{name}" not found', "details": {"name": name}}
        return self.answers_with, found


@contextmanager
def serving(directory: Path) -> Generator[ApiServer]:
    """One that runs on loopback, until the block ends."""
    api = ApiServer(directory / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            _, context, path = self.path.split("/", 2)
            if self.headers.get("Upgrade") == "websocket" and f"{context} /{path}" in api.pods:
                forward(self, api, f"{context} /{path}")
                self.close_connection = True
                return
            size = int(self.headers.get("Content-Length") or 0)
            given = parse(self.rfile.read(size).decode()) if size else None
            answer = api.answer(ApiRequest(self.command, context, f"/{path}", dict(self.headers), given))
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
            body = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: pytest shows what is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    api.write_kubeconfig(f"http://127.0.0.1:{server.server_port}")
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def forward(asked: BaseHTTPRequestHandler, api: ApiServer, pod: str) -> None:
    """A port-forward as an API server has it: a WebSocket with a channel of data, 0, and one of errors, 1."""
    key = hashlib.sha1(f"{asked.headers['Sec-WebSocket-Key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    accepted = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Protocol": "v4.channel.k8s.io"}
    head = {**accepted, "Sec-WebSocket-Accept": base64.b64encode(key).decode()}
    lines = ["HTTP/1.1 101 Switching Protocols", *(f"{name}: {value}" for name, value in head.items())]
    asked.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    port = int(parse_qs(urlsplit(asked.path).query)["ports"][0]).to_bytes(2, "little")
    asked.wfile.write(frame(b"\0" + port) + frame(b"\1" + port))
    given, received = b"", b"first"
    while received and b"\r\n\r\n" not in given:
        received = payload(asked.rfile)
        given += received[1:]
    api.heads.append(given.decode())
    answer = api.pods[pod]
    if answer:
        asked.wfile.write(frame(b"\0" + answer.encode()))
    while answer != "" and received:
        received = payload(asked.rfile)


def frame(data: bytes) -> bytes:
    """A WebSocket's binary frame, as a server sends it."""
    size = bytes([len(data)]) if len(data) < 126 else bytes([126, *len(data).to_bytes(2, "big")])
    return b"\x82" + size + data


def payload(of: BufferedIOBase) -> bytes:
    """What is in the next frame of a client, which masks it; nothing where it has ended."""
    opcode, size = of.read(2) or (8, 0)
    if opcode & 15 == 8:
        return b""
    size &= 127
    size = int.from_bytes(of.read(2), "big") if size == 126 else size
    mask = of.read(4)
    return bytes(each ^ mask[i % 4] for i, each in enumerate(of.read(size)))
