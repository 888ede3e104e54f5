"""What a hostile, or only a strange, caller sends to the guard: requests by what is wrong with them. Pure data."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from components import guard
from components.anp import FRONTEND_PORT
from components.guard import LARGEST_HEAD
from tests.parts.caller import HEADER, connect, connect_by_http2

TARGET, IPV6_TARGET, NAMED_TARGET = "192.0.2.21:6443", "[2001:db8::1]:6443", "api.member3.example:443"
TARGETS = (TARGET, IPV6_TARGET, NAMED_TARGET)
CURRENT, PREVIOUS = guard.credential("the current key"), guard.credential("the previous key")
SECRETS = tuple(
    secret
    for encoded in (each.removeprefix("Basic ") for each in (CURRENT, PREVIOUS))
    for secret in (encoded, base64.b64decode(encoded).decode().removeprefix("karmada:"))
)
"""What of the credentials must not be seen anywhere, as it is sent and in the clear."""

CAUGHT = "hush"
"""A secret that is in a URL, where a client has taken the guard for a common proxy."""

RIGHT = connect(TARGET, CURRENT)
"""What Karmada sends."""

OTHER_TARGETS: Mapping[str, str] = {
    "another port of a member": "192.0.2.21:22",
    "the port of another member": "192.0.2.21:443",
    "another host": "192.0.2.22:6443",
    "a host without its port": "192.0.2.21",
    "a port with a leading zero": "192.0.2.21:06443",
    "a longer port": "192.0.2.21:64430",
    "an empty port": "192.0.2.21:",
    "the server's own health port": "127.0.0.1:8092",
    "the server itself": f"localhost:{FRONTEND_PORT}",
    "what stands for no member": "no-member:0",
    "nothing": "",
    "a trailing dot": "api.member3.example.:443",
    "upper case": "API.member3.example:443",
    "a name below a member's": "x.api.member3.example:443",
    "the address as one number": "3221225493:6443",
    "the address as a hexadecimal number": "0xc0000215:6443",
    "the address in octal": "0300.0.02.025:6443",
    "the address in hexadecimal, number by number": "0xc0.0x0.0x2.0x15:6443",
    "the address with leading zeros": "192.000.002.021:6443",
    "the address with fewer dots": "192.0.533:6443",
    "the address in another script's digits": "\xef\xbc\x91\xef\xbc\x99\xef\xbc\x92.0.2.21:6443",
    "the address mapped into IPv6": "[::ffff:192.0.2.21]:6443",
    "IPv6 that ends as IPv4": "[2001:db8::0.0.0.1]:6443",
    "IPv6 spelt out": "[2001:db8:0:0:0:0:0:1]:6443",
    "IPv6 in upper case": "[2001:DB8::1]:6443",
    "IPv6 without brackets": "2001:db8::1:6443",
    "IPv6 with a zone": "[2001:db8::1%25eth0]:6443",
    "a percent-encoded digit": "192.0.2.2%31:6443",
    "userinfo": "user:password@192.0.2.21:6443",
    "an empty userinfo": "@192.0.2.21:6443",
    "a target for userinfo": "192.0.2.21:6443@192.0.2.22:6443",
    "two targets": "192.0.2.21:6443,192.0.2.22:6443",
    "a fragment": "192.0.2.21:6443#",
    "a query": "192.0.2.21:6443?",
    "a path behind it": "192.0.2.21:6443/",
    "a path": "/192.0.2.21:6443",
    "an absolute URI": "https://192.0.2.21:6443/",
    "an absolute URI without a path": "http://192.0.2.21:6443",
    "two slashes before it": "//192.0.2.21:6443",
    "any": "*",
    "bytes that are no text": "\xff\xfe:6443",
}
"""What a CONNECT may not name: other targets, and other spellings of a right one."""

NO_CREDENTIAL: Mapping[str, bytes] = {
    "none": connect(TARGET, None),
    "an empty one": connect(TARGET, ""),
    "another one": connect(TARGET, guard.credential("another key")),
    "the scheme alone": connect(TARGET, "Basic"),
    "no scheme": connect(TARGET, CURRENT.removeprefix("Basic ")),
    "another scheme": connect(TARGET, CURRENT.replace("Basic", "Bearer")),
    "the scheme in lower case": connect(TARGET, CURRENT.replace("Basic", "basic")),
    "in lower case": connect(TARGET, CURRENT.lower()),
    "in the clear": connect(TARGET, base64.b64decode(CURRENT.removeprefix("Basic ")).decode()),
    "two spaces in it": connect(TARGET, CURRENT.replace(" ", "  ")),
    "a tab in it": connect(TARGET, CURRENT.replace(" ", "\t")),
    "one character less": connect(TARGET, CURRENT[:-1]),
    "one character more": connect(TARGET, CURRENT + "A"),
    "without its padding": connect(TARGET, CURRENT.rstrip("=")[:-1]),
    "percent-encoded": connect(TARGET, CURRENT.replace("Basic ", "Basic%20")),
    "folded over two lines": connect(TARGET, CURRENT.replace(" ", "\r\n ")),
    "as a parameter": connect(TARGET, f'Basic realm="{CURRENT}"'),
    "as a cookie": connect(TARGET, None, f"Cookie: {HEADER}={CURRENT}"),
    "in quotes": connect(TARGET, f'"{CURRENT}"'),
    "a list with another one": connect(TARGET, f"Basic x, {CURRENT}"),
    "a list with nothing": connect(TARGET, f"{CURRENT},"),
    "the right one, then a wrong one": connect(TARGET, CURRENT, f"{HEADER}: Basic x"),
    "a wrong one, then the right one": connect(TARGET, "Basic x", f"{HEADER}: {CURRENT}"),
    "the right one twice": connect(TARGET, CURRENT, f"{HEADER}: {CURRENT}"),
    "both right ones": connect(TARGET, CURRENT, f"{HEADER}: {PREVIOUS}"),
    "in another header": connect(TARGET, None, f"Authorization: {CURRENT}"),
    "in a header with an underscore": connect(TARGET, None, f"{HEADER.replace('-', '_')}: {CURRENT}"),
    "in the Connection header": connect(TARGET, None, f"Connection: {HEADER}, {CURRENT}"),
}

NO_CONNECT: Mapping[str, bytes] = {
    "GET": connect("/", CURRENT, method="GET", host=TARGET),
    "GET of an absolute URI": connect(f"http://{TARGET}/", CURRENT, method="GET", host=TARGET),
    "GET of an authority": connect(TARGET, CURRENT, method="GET"),
    "POST": connect("/", CURRENT, "Content-Length: 4", method="POST", host=TARGET) + b"body",
    "OPTIONS of all": connect("*", CURRENT, method="OPTIONS", host=TARGET),
    "TRACE": connect("/", CURRENT, method="TRACE", host=TARGET),
    "CONNECT in lower case": connect(TARGET, CURRENT, method="connect"),
    "a method that starts as CONNECT": connect(TARGET, CURRENT, method="CONNECTED"),
    "a change to WebSocket": connect(
        "/",
        CURRENT,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        method="GET",
        host=TARGET,
    ),
    "a method that may be overridden": connect(
        "/", CURRENT, "X-HTTP-Method-Override: CONNECT", method="POST", host=TARGET
    ),
}

MALFORMED: Mapping[str, bytes] = {
    "a Host header that names another host": connect(TARGET, CURRENT, host="192.0.2.22:6443"),
    "a Host header that names another port": connect(TARGET, CURRENT, host="192.0.2.21:22"),
    "a right Host header for another target": connect("192.0.2.22:6443", CURRENT, host=TARGET),
    "an empty Host header": connect(TARGET, CURRENT, host=""),
    "a second, other Host header": connect(TARGET, CURRENT, "Host: 192.0.2.22:6443"),
    "a header that is too long": connect(TARGET, CURRENT, f"X: {'x' * LARGEST_HEAD}"),
    "a header that is far too long": connect(TARGET, CURRENT, f"X: {'x' * 8 * LARGEST_HEAD}"),
    "a target that is too long": connect(f"{'x' * LARGEST_HEAD}:6443", CURRENT),
    "too many headers": connect(TARGET, CURRENT, *(f"X-{i}: x" for i in range(200))),
    "a space before a colon": connect(TARGET, CURRENT, "X : x"),
    "a line without a colon": connect(TARGET, CURRENT, "x"),
    "a NUL in the target": connect(f"{TARGET}\0", CURRENT),
    "a NUL and more in the target": connect(f"{TARGET}\0.example:443", CURRENT),
    "nothing but NULs": b"\0" * 64,
    "a target with a space": connect(f"{TARGET} {TARGET}", CURRENT, host=TARGET),
    "two different lengths": connect(TARGET, CURRENT, "Content-Length: 4", "Content-Length: 5") + b"body",
    "a length that is no number": connect(TARGET, CURRENT, "Content-Length: four") + b"body",
    "an unknown transfer encoding": connect(TARGET, CURRENT, "Transfer-Encoding: xchunked") + b"body",
    "HTTP/0.9": f"CONNECT {TARGET}\r\n\r\n".encode(),
    "HTTP/2": connect_by_http2(TARGET, CURRENT),
    "TLS": bytes.fromhex("160301006401000060 0303") + bytes(94),
    "the PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + RIGHT,
    "SOCKS": bytes.fromhex("050100 050100 01c000021519 2b") + b"\r\n\r\n",
}

BY_THE_WAY: Mapping[str, tuple[bytes, bytes]] = {
    "chunks": (connect(TARGET, CURRENT, "Transfer-Encoding: chunked"), b"4\r\nbody\r\n0\r\n\r\n"),
    "a length": (connect(TARGET, CURRENT, "Content-Length: 4"), b"body"),
    "chunks and a length": (
        connect(TARGET, CURRENT, "Transfer-Encoding: chunked", "Content-Length: 4"),
        b"4\r\nbody\r\n0\r\n\r\n",
    ),
    "a length that covers another request": (
        connect(TARGET, CURRENT, f"Content-Length: {len(RIGHT)}"),
        connect("192.0.2.22:6443", CURRENT),
    ),
    "100-continue": (connect(TARGET, CURRENT, "Expect: 100-continue"), b"body"),
    "an upgrade": (connect(TARGET, CURRENT, "Connection: Upgrade", "Upgrade: h2c"), b"body"),
    "HTTP/1.0": (connect(TARGET, CURRENT, version="HTTP/1.0"), b"body"),
    "HTTP/1.0 and keep-alive": (connect(TARGET, CURRENT, "Connection: keep-alive", version="HTTP/1.0"), b"body"),
    "no Host header": (RIGHT.replace(f"Host: {TARGET}\r\n".encode(), b""), b"body"),
    "the same Host header twice": (connect(TARGET, CURRENT, f"Host: {TARGET}"), b"body"),
    "lines that end as in Unix": (RIGHT.replace(b"\r\n", b"\n"), b"body"),
    "a folded header": (connect(TARGET, CURRENT, "X: x", " x"), b"body"),
    "a NUL in another header": (connect(TARGET, CURRENT, "X: x\0x"), b"body"),
    "a NUL behind the credential": (connect(TARGET, f"{CURRENT}\0x"), b"body"),
    "that the credential is hop by hop": (connect(TARGET, CURRENT, f"Connection: {HEADER}"), b"body"),
}
"""Right target, right credential, and something odd, each with what is sent behind the head."""

HOSTILE: Mapping[str, bytes] = {
    **{f"target: {name}": connect(target, CURRENT) for name, target in OTHER_TARGETS.items()},
    **{f"credential: {name}": request for name, request in NO_CREDENTIAL.items()},
    **NO_CONNECT,
    **MALFORMED,
}
