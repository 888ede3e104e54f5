"""The types of config keys: each has a validator that refuses a malformed value, and says why and what mends it.

Nothing here depends on a section.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from config.problems import InvalidValue, config_rm, set_to

OWN_PORTS = range(8090, 8097)  # ANP's: frontend, agents, health, agent's health, agent's admin, admin; guard's metrics
LONGEST_NAME = 48
"""Longest name, in characters, that Karmada allows for a Cluster object (pkg/util/validation)."""
CLUSTER_NAME = rf"[a-z0-9]([-a-z0-9]{{0,{LONGEST_NAME - 2}}}[a-z0-9])?"
DOCUMENTED_PORT: Final = 8088  # fixed in the fork's code
MEMBER_NAME = "{name}"
"""Placeholder for the member's name in a key that applies to several members."""

_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_DNS_NAME = rf"{_LABEL}(\.{_LABEL})*"
_LOWER = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

# a label's value and the name in its key, which may have a domain in front
_LABEL_VALUE = r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"({_LOWER}(\.{_LOWER})*/)?{_LABEL_VALUE}"
APP = "app"
"""The label by which Deployments, Services and NetworkPolicies select their pods."""

# the grammar of OCI image references (distribution/reference)
_HOST = rf"({_DNS_NAME}|\[[0-9a-fA-F:]+\])(:\d+)?"
_PATH = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
_NAME = rf"({_HOST}/)?{_PATH}(/{_PATH})*"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = r"sha256:(?P<digest>[0-9a-f]{64})"
REFERENCE = re.compile(rf"{_NAME}(:{_TAG})?(@{_DIGEST})?", re.ASCII)


class Model(BaseModel):
    """A part of the config. Its keys are the fields' names in camel case; any other key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    when: ClassVar[str] = ""
    """For messages, where a section has variants: the config with which this variant is chosen."""
    about: ClassVar[str] = ""
    """For messages, where a section has variants: why other variants' keys and values do not go with this one."""


def ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A text as an IP address, or None if it is not one."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def bracketed(address: str) -> str:
    """An address as it is written in a URL: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address


def is_loopback(host: str) -> bool:
    """Whether an address or name leads to the machine that dials it: loopback, unspecified or `localhost`."""
    address = ip(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def host_of(url: str) -> str:
    """The host of a URL, or "" where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def endpoint(text: str) -> str:
    """Validates a member's API endpoint: an https URL with a host, which certificates are verified for, and no path."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
        if url.geturl() != text or url.port == 0:
            raise ValueError
    except ValueError:
        why = f"{json.dumps(text)} is no URL with a valid host and port"
        raise InvalidValue(why, set_to("https://HOST:6443")) from None
    parts = {"user": "@" in url.netloc, "path": url.path not in ("", "/"), "query": url.query, "fragment": url.fragment}
    beside = next((what for what, found in parts.items() if found), "")
    wrongs = {
        "is not https": url.scheme != "https",
        "lacks a host": not host,
        "has a host that is neither an IP address nor a DNS name": not _is_host(host),
        f"has a {beside} beside its host and port": bool(beside),
    }
    for why, wrong in wrongs.items():
        if wrong:
            raise InvalidValue(f'"{text}" {why}', set_to("https://HOST:6443"))
    return text


def host_port(text: str) -> str:
    """Validates an API server's address, HOST or HOST:PORT; an IPv6 address with a port is in brackets.

    Returns HOST:PORT, with 6443 as the default port.
    """
    host, colon, port = text.rpartition(":")
    if ip(text) or not colon or re.fullmatch(r"\[[^\[\]]*\]", text):
        host, port = text, "6443"
    host = host.removeprefix("[").removesuffix("]")
    if is_loopback(host):
        raise InvalidValue(f"{json.dumps(text)} is loopback: the guard would dial itself", set_to("HOST:6443"))
    if ip(host) is None and _is_host(host) and "." not in host:
        raise InvalidValue(
            f"{json.dumps(text)} is a short name, and the guard asks the DNS for whole ones", set_to("NAME.DOMAIN:6443")
        )
    if not _is_host(host) or not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise InvalidValue(
            f"{json.dumps(text)} is neither an IP address nor a DNS name, alone or with a port", set_to("HOST:6443")
        )
    return f"{bracketed(host)}:{int(port)}"


def _is_host(name: str) -> bool:
    """Whether a text is an IP address or a DNS name. An address with a zone (`fe80::1%eth0`) is neither: it is valid
    only on its own machine, and may have any text behind the `%`."""
    return (ip(name) is not None and "%" not in name) or re.fullmatch(_DNS_NAME, name) is not None


def _address(text: str) -> str:
    """Validates the host's address, which members dial: a host without a port, and not loopback."""
    if not _is_host(text):
        raise InvalidValue(f'"{text}" is neither an IP address nor a DNS name', set_to("ADDRESS"))
    if is_loopback(text):
        raise InvalidValue(f'"{text}" is loopback: no member could dial it', set_to("ADDRESS"))
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as reason:
        raise InvalidValue(f'"{text}" is no network in CIDR notation: {reason}', set_to("10.0.0.0/16")) from None
    # HAProxy takes for a netmask what Python takes for a host mask too
    if not re.fullmatch(r"[^/]+(/\d+)?", text):
        raise InvalidValue(f'"{text}" is no network in CIDR notation: it has a mask', set_to("10.0.0.0/16"))
    return text


def _with_length(network: str) -> str:
    """Kubernetes takes no address alone for a network."""
    if "/" not in network:
        remedy = set_to(f"{network}/{ipaddress.ip_network(network).prefixlen}")
        raise InvalidValue(f'"{network}" is an address, and no network in CIDR notation', remedy)
    return network


def _image(text: str) -> str:
    found = REFERENCE.fullmatch(text)
    if not found:
        why = (
            f"{json.dumps(text)} should be an image: REGISTRY/PATH:TAG@sha256:DIGEST, of which PATH alone must be there"
        )
        raise InvalidValue(why, set_to("IMAGE"))
    if found["digest"] and not found["digest"][:-2].strip("0"):
        image = text.partition("@")[0]
        why = f'"{text}" has a digest that stands for another'
        raise InvalidValue(
            why, lambda key: f"`docker buildx imagetools inspect {image}` prints it; {set_to('IMAGE')(key)}"
        )
    return text


def _annotations(given: Mapping[str, str]) -> Mapping[str, str]:
    for key in given:
        if not re.fullmatch(_LABEL_KEY, key, re.ASCII):
            raise InvalidValue(f"{json.dumps(key)} is no key as Kubernetes has it, like example.org/team", config_rm)
    return given


def _labels(given: Mapping[str, str]) -> Mapping[str, str]:
    for key, value in _annotations(given).items():
        if value and not re.fullmatch(_LABEL_VALUE, value, re.ASCII):
            why = f'{json.dumps(value)}, of "{key}", is no label\'s value: at most 63 letters, digits, -, _ and .'
            raise InvalidValue(why, config_rm)
    return given


def _proxy_url(text: str) -> str:
    """Validates the URL of an HTTP proxy, a host and a port. A user or password is refused: it would be in the
    environment of the agents' Deployment, which others can read."""
    try:
        url = urlsplit(text)
        whole = url.port and url.geturl() == text and _is_host(url.hostname or "")
    except ValueError:
        url, whole = urlsplit(""), False
    if url.username is not None or "@" in url.netloc:
        raise InvalidValue(
            "it has a user in it, whom every reader of the Deployment would see", set_to("http://HOST:PORT")
        )
    if not whole or url.scheme != "http" or url.path.strip("/") or url.query or url.fragment:
        why = f"{json.dumps(text)} should be http://HOST:PORT, the proxy that takes CONNECT in clear"
        raise InvalidValue(why, set_to("http://HOST:PORT"))
    return text.rstrip("/")


def _port(number: int) -> int:
    if number in OWN_PORTS:
        why = f"{number} is one of those that ANP and the guard use ({OWN_PORTS[0]} to {OWN_PORTS[-1]})"
        raise InvalidValue(why, set_to(str(DOCUMENTED_PORT)))
    return number


def _like(pattern: str, what: str, remedy: str = "VALUE") -> AfterValidator:
    """A validator for texts that match a pattern as a whole; `what` describes them in its error."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise InvalidValue(f"{json.dumps(text)} should be {what}", set_to(remedy))
        return text

    return AfterValidator(check)


Text = Annotated[str, _like(r"(?s:.+)", "a text that is not empty")]
Name = Annotated[
    str, _like(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a DNS label: lower-case letters, digits and hyphens")
]
NameInMember = Annotated[
    str,
    _like(
        rf"(?!-)(?:[-a-z0-9]|{re.escape(MEMBER_NAME)}){{1,63}}(?<!-)",
        f"a DNS label: lower-case letters, digits and hyphens, and {MEMBER_NAME} for the member's name",
    ),
]
ClusterName = Annotated[
    str,
    _like(
        CLUSTER_NAME,
        f"a DNS label of at most {LONGEST_NAME} characters, as Karmada has it: lower-case letters, digits and hyphens",
    ),
]
KindName = Annotated[str, _like(r"[a-z0-9.-]+", "a kind cluster's name: a-z, 0-9, dots and hyphens", "NAME")]
ContextName = Annotated[
    str, _like(r"(?!-)[^\x00-\x1f\x7f]+", "a context: printable, and without a hyphen in front", "CONTEXT")
]
Commit = Annotated[str, _like(r"[0-9a-f]{40}", "a whole commit: 40 hexadecimal digits")]
ImageTag = Annotated[str, _like(_TAG, "an image's tag: letters, digits, _, dots and hyphens")]
ImagePrefix = Annotated[
    str, _like(rf"({_HOST}|{_PATH})(/{_PATH})*", "what images' names begin with", "REGISTRY/PREFIX")
]
Address = Annotated[str, AfterValidator(_address)]
Endpoint = Annotated[str, AfterValidator(endpoint)]
HostPort = Annotated[str, AfterValidator(host_port)]
Network = Annotated[str, AfterValidator(_network)]
NetworkWithLength = Annotated[Network, AfterValidator(_with_length)]
ImageReference = Annotated[str, AfterValidator(_image)]
PlainPort = Annotated[int, Field(ge=1024, le=49151), AfterValidator(_port)]
ObjectName = Annotated[
    str,
    _like(
        rf"({_LOWER}(\.{_LOWER})*)?", "an object's name: lower-case letters, digits, hyphens and dots between", "NAME"
    ),
]
ClassName = Annotated[str, _like(_LABEL_KEY, "a class's name, like example.org/internal", "CLASS")]
TaintKey = Annotated[str, _like(rf"({_LABEL_KEY})?", "a taint's key, like example.org/team", "KEY")]
TaintValue = Annotated[
    str, _like(rf"({_LABEL_VALUE})?", "a taint's value: at most 63 letters, digits, -, _ and .", "VALUE")
]
Labels = Annotated[Mapping[str, str], AfterValidator(_labels)]
Annotations = Annotated[Mapping[str, str], AfterValidator(_annotations)]
ProxyUrl = Annotated[str, AfterValidator(_proxy_url)]
Replicas = Annotated[int, Field(ge=1, le=99)]
Generation = Annotated[int, Field(ge=1)]
LogLevel = Annotated[int, Field(ge=0, le=10)]
Port = Annotated[int, Field(ge=1, le=65535)]
