"""What a hostile, or only a strange, caller sends to the host guard: requests by what is wrong with them. Pure data."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from components.host_guard import LARGEST_HEAD, credential, mac_key
from config.fields import LONGEST_NAME
from tests.parts.caller import HEADER, connect, connect_by_http2

NAME, OTHER = "member3", "member-4"
"""A member, and another one."""

TARGET = "192.0.2.21:6443"
"""What Karmada asks for: the API endpoint of a member. It does not matter."""

KEY, PREVIOUS_KEY, FORMER_KEY = (mac_key(f"generation {each}") for each in (3, 2, 1))
"""The MAC's keys: the guard has the first two."""

CURRENT, PREVIOUS, FORMER = (credential(NAME, each) for each in (KEY, PREVIOUS_KEY, FORMER_KEY))
OTHERS = credential(OTHER, KEY)


def dialled(name: str) -> str:
    """The target that comes out of the guard for a member."""
    return f"{name}.member:6443"


def shown(plain: str) -> str:
    """A Basic credential of any text, a character a byte."""
    return "Basic " + base64.b64encode(plain.encode("latin-1")).decode()


def mac(name: str) -> str:
    """What goes with a name, whatever name."""
    return hmac.new(base64.b64decode(KEY), name.encode("latin-1"), hashlib.sha256).hexdigest()


MAC, ENCODED = mac(NAME), CURRENT.removeprefix("Basic ")
SECRETS = [
    *(each.removeprefix("Basic ") for each in (CURRENT, PREVIOUS, FORMER, OTHERS)),
    *(base64.b64decode(each[6:]).decode().partition(":")[2] for each in (CURRENT, PREVIOUS, FORMER, OTHERS)),
    *(KEY, PREVIOUS_KEY),
]
"""What of the credentials must not be seen anywhere, as it is sent and in the clear; and the keys."""

CAUGHT = "hush"
"""A secret that is in a URL, where a client has taken the guard for a common proxy."""

RIGHT = connect(TARGET, CURRENT)
"""What Karmada sends."""

TARGETS: Mapping[str, str] = {
    "an IPv4 address": TARGET,
    "an IPv6 address": "[2001:db8::1]:6443",
    "a DNS name": "api.member3.example:443",
    "loopback": "127.0.0.1:6443",
    "loopback by name": "localhost:6443",
    "loopback of IPv6": "[::1]:6443",
    "another member": dialled(OTHER),
    "itself": dialled(NAME),
    "the server's own health port": "127.0.0.1:8092",
    "a huge port": "192.0.2.21:65535",
}
"""What a CONNECT may name: none of it is dialled."""

ODD_TARGETS: Mapping[str, str] = {
    "a port that is too large": "192.0.2.21:65536",
    "a port that is far too large": f"192.0.2.21:{2**64 + 6443}",
    "a host without its port": "192.0.2.21",
    "a port with a leading zero": "192.0.2.21:06443",
    "an empty port": "192.0.2.21:",
    "nothing": "",
    "a trailing dot": "api.member3.example.:443",
    "upper case": "API.member3.example:443",
    "the address as one number": "3221225493:6443",
    "the address in another script's digits": "\xef\xbc\x91\xef\xbc\x99\xef\xbc\x92.0.2.21:6443",
    "the address mapped into IPv6": "[::ffff:192.0.2.21]:6443",
    "IPv6 without brackets": "2001:db8::1:6443",
    "IPv6 with a zone": "[2001:db8::1%25eth0]:6443",
    "a percent-encoded digit": "192.0.2.2%31:6443",
    "a format of HAProxy's": "%[var(txn.shown)]:6443",
    "userinfo": "user:password@192.0.2.21:6443",
    "an empty userinfo": "@192.0.2.21:6443",
    "two targets": f"{dialled(NAME)},{dialled(OTHER)}",
    "a fragment": "192.0.2.21:6443#",
    "a query": "192.0.2.21:6443?",
    "a path behind it": "192.0.2.21:6443/",
    "a path": "/192.0.2.21:6443",
    "an absolute URI": "https://192.0.2.21:6443/",
    "an absolute URI without a path": "http://192.0.2.21:6443",
    "two slashes before it": "//192.0.2.21:6443",
    "any": "*",
    "bytes that are no text": "\xff\xfe:6443",
    "5,000 characters": f"{'x' * 5_000}:6443",
}
"""What HAProxy refuses by itself, more or less of it by its release."""

HOSTILE_NAMES: Mapping[str, str] = {
    "nothing": "",
    "upper case": NAME.upper(),
    "a colon": "member3:x",
    "only a colon": ":",
    "a slash": "member3/x",
    "a slash before it": "/member3",
    "a parent's path": "../member3",
    "two dots": "..",
    "a dot": "member3.member",
    "a dot behind it": "member3.",
    "a space in it": "member 3",
    "a space before it": " member3",
    "a space behind it": "member3 ",
    "a tab": "member3\t",
    "a NUL": "member3\0",
    "a NUL in it": "member3\0x",
    "a NUL alone": "\0",
    "a line feed behind it": "member3\n",
    "a line feed before it": "\nmember3",
    "two names in two lines": "member3\nmember-4",
    "a carriage return behind it": "member3\r",
    "another header behind it": "member3\r\nX: x",
    "another request behind it": f"member3\r\n\r\nCONNECT {dialled(OTHER)} HTTP/1.1\r\n\r\n",
    "a hyphen before it": "-member3",
    "a hyphen behind it": "member3-",
    "an underscore": "member_3",
    "a percent sign": "member%33",
    "a format of HAProxy's": "%[src]",
    "a question mark": "member3?x",
    "a fragment": "member3#x",
    "userinfo": "x@member3",
    "a port": "member3.member:22/",
    "brackets": "[::1]",
    "a backslash": "member3\\",
    "quotes": '"member3"',
    "a comma": "member3,x",
    "letters of no ASCII": "m\xe4mber3",
    "bytes that are no text": "\xff\xfe",
    "49 characters": "x" * (LONGEST_NAME + 1),
    "63 characters": "x" * 63,
    "5,000 characters": "x" * 5_000,
    "10,000 bytes": "x" * 10_000,
}
"""Names that no member has. Each comes with the MAC that is right for it, which its caller cannot have."""

BY_NAME: Mapping[str, bytes] = {
    name: connect(TARGET, shown(f"{value}:{mac(value)}")) for name, value in HOSTILE_NAMES.items()
}

NO_CREDENTIAL: Mapping[str, bytes] = {
    "none": connect(TARGET, None),
    "an empty one": connect(TARGET, ""),
    "another member's name with this one's MAC": connect(TARGET, shown(f"{OTHER}:{MAC}")),
    "of a generation that is no longer taken": connect(TARGET, FORMER),
    "of a generation to come": connect(TARGET, credential(NAME, mac_key("generation 4"))),
    "of the empty key": connect(TARGET, credential(NAME, "")),
    "with the MAC in upper case": connect(TARGET, shown(f"{NAME}:{MAC.upper()}")),
    "the name in upper case with its MAC": connect(TARGET, shown(f"{NAME.upper()}:{MAC}")),
    "with the MAC in base64": connect(TARGET, shown(f"{NAME}:{base64.b64encode(bytes.fromhex(MAC)).decode()}")),
    "with another hash": connect(TARGET, shown(f"{NAME}:{hashlib.sha256(NAME.encode()).hexdigest()}")),
    "without a MAC": connect(TARGET, shown(f"{NAME}:")),
    "without a MAC and a colon": connect(TARGET, shown(NAME)),
    "with the MAC's first half": connect(TARGET, shown(f"{NAME}:{MAC[:32]}")),
    "with one digit less": connect(TARGET, shown(f"{NAME}:{MAC[:-1]}")),
    "with one digit more": connect(TARGET, shown(f"{NAME}:{MAC}0")),
    "with more behind the MAC": connect(TARGET, shown(f"{NAME}:{MAC}:x")),
    "with a line feed behind the MAC": connect(TARGET, shown(f"{NAME}:{MAC}\n")),
    "with a NUL behind the MAC": connect(TARGET, shown(f"{NAME}:{MAC}\0")),
    "with a space before the MAC": connect(TARGET, shown(f"{NAME}: {MAC}")),
    "with two colons": connect(TARGET, shown(f"{NAME}::{MAC}")),
    "the MAC alone": connect(TARGET, shown(f":{MAC}")),
    "of the version before": connect(TARGET, shown(f"karmada:{MAC}")),
    "the scheme alone": connect(TARGET, "Basic"),
    "the scheme and a space": connect(TARGET, "Basic "),
    "no scheme": connect(TARGET, ENCODED),
    "another scheme": connect(TARGET, CURRENT.replace("Basic", "Bearer")),
    "the scheme in lower case": connect(TARGET, CURRENT.replace("Basic", "basic")),
    "the scheme in upper case": connect(TARGET, CURRENT.replace("Basic", "BASIC")),
    "the scheme twice": connect(TARGET, f"Basic {CURRENT}"),
    "in lower case": connect(TARGET, CURRENT.lower()),
    "in the clear": connect(TARGET, f"{NAME}:{MAC}"),
    "in the clear behind the scheme": connect(TARGET, f"Basic {NAME}:{MAC}"),
    "two spaces in it": connect(TARGET, CURRENT.replace(" ", "  ")),
    "a tab in it": connect(TARGET, CURRENT.replace(" ", "\t")),
    "a space in its base64": connect(TARGET, f"Basic {ENCODED[:20]} {ENCODED[20:]}"),
    "a tab in its base64": connect(TARGET, f"Basic {ENCODED[:20]}\t{ENCODED[20:]}"),
    "base64 in lines": connect(TARGET, f"Basic {ENCODED[:76]}\r\n {ENCODED[76:]}"),
    "more behind a space": connect(TARGET, f"{CURRENT} x"),
    "one character less": connect(TARGET, CURRENT[:-1]),
    "one character more": connect(TARGET, CURRENT + "A"),
    "padding too little": connect(TARGET, shown(f"{NAME}x:{mac(f'{NAME}x')}").rstrip("=")),
    "padding too much": connect(TARGET, CURRENT + "="),
    "padding in it": connect(TARGET, f"Basic {ENCODED[:20]}={ENCODED[20:]}"),
    "padding alone": connect(TARGET, "Basic ===="),
    "percent-encoded": connect(TARGET, CURRENT.replace("Basic ", "Basic%20")),
    "folded over two lines": connect(TARGET, CURRENT.replace(" ", "\r\n ")),
    "as a parameter": connect(TARGET, f'Basic realm="{CURRENT}"'),
    "as a cookie": connect(TARGET, None, f"Cookie: {HEADER}={CURRENT}"),
    "in quotes": connect(TARGET, f'"{CURRENT}"'),
    "a list with another one": connect(TARGET, f"Basic x, {CURRENT}"),
    "a list with another member's": connect(TARGET, f"{CURRENT}, {OTHERS}"),
    "a list of the right one twice": connect(TARGET, f"{CURRENT},{CURRENT}"),
    "a list with nothing": connect(TARGET, f"{CURRENT},"),
    "the right one, then a wrong one": connect(TARGET, CURRENT, f"{HEADER}: Basic x"),
    "a wrong one, then the right one": connect(TARGET, "Basic x", f"{HEADER}: {CURRENT}"),
    "the right one twice": connect(TARGET, CURRENT, f"{HEADER}: {CURRENT}"),
    "the right one, then an empty one": connect(TARGET, CURRENT, f"{HEADER}:"),
    "both right ones": connect(TARGET, CURRENT, f"{HEADER}: {PREVIOUS}"),
    "those of two members": connect(TARGET, CURRENT, f"{HEADER}: {OTHERS}"),
    "in another header": connect(TARGET, None, f"Authorization: {CURRENT}"),
    "in a header with an underscore": connect(TARGET, None, f"{HEADER.replace('-', '_')}: {CURRENT}"),
    "in the Connection header": connect(TARGET, None, f"Connection: {HEADER}, {CURRENT}"),
}

NO_CONNECT: Mapping[str, bytes] = {
    "GET": connect("/", CURRENT, method="GET", host=TARGET),
    "GET of an absolute URI": connect(f"http://{TARGET}/", CURRENT, method="GET", host=TARGET),
    "GET of an authority": connect(TARGET, CURRENT, method="GET"),
    "GET of a member": connect(f"http://{dialled(NAME)}/", CURRENT, method="GET", host=dialled(NAME)),
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
    "a Host header that names another member": connect(dialled(NAME), CURRENT, host=dialled(OTHER)),
    "an empty Host header": connect(TARGET, CURRENT, host=""),
    "a second, other Host header": connect(TARGET, CURRENT, f"Host: {dialled(OTHER)}"),
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
        connect(TARGET, OTHERS),
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
    "that the Host header is hop by hop": (connect(TARGET, CURRENT, "Connection: Host"), b"body"),
    "another host it was forwarded for": (connect(TARGET, CURRENT, f"X-Forwarded-Host: {dialled(OTHER)}"), b"body"),
}
"""The right credential, and something odd, each with what is sent behind the head."""

HOSTILE: Mapping[str, bytes] = {
    **{f"name: {name}": request for name, request in BY_NAME.items()},
    **{f"credential: {name}": request for name, request in NO_CREDENTIAL.items()},
    **NO_CONNECT,
    **MALFORMED,
}
"""What the guard lets through to nobody."""
