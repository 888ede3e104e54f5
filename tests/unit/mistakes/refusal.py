"""What a config is that is refused, and short words for its sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clusters.objects import Json
from tests.unit.machines import HOST, MEMBER

SET = "pulumi config set --path 'karmada-anp:{0}' {1}"
RM = "pulumi config rm --path 'karmada-anp:{0}'"
FORK = "https://github.com/mrlihanbo/apiserver-network-proxy"
FORK_BUILD: Mapping[str, Json] = {"repository": FORK, "ref": "v0.0.24/dev", "commit": "0" * 40}


class Refusal(NamedTuple):
    """A config that is refused: its sections, and what the message must name."""

    sections: Mapping[str, Json]
    key: str
    found: str
    remedy: str
    secret: Sequence[str] = ()
    """The sections that hold something encrypted."""


def to_set(sections: Mapping[str, Json], key: str, found: str, value: str, secret: Sequence[str] = ()) -> Refusal:
    """What another value of the key mends."""
    return Refusal(sections, key, found, SET.format(key, value), secret)


def to_remove(sections: Mapping[str, Json], key: str, found: str, secret: Sequence[str] = ()) -> Refusal:
    """What is mended by leaving the key out."""
    return Refusal(sections, key, found, RM.format(key), secret)


def host(**keys: Json) -> dict[str, Json]:
    return {"host": {**HOST, **keys}}


def bare_host(**keys: Json) -> dict[str, Json]:
    """The host without an address."""
    return {"host": {**{key: value for key, value in HOST.items() if key != "address"}, **keys}}


def members(*them: Mapping[str, Json]) -> dict[str, Json]:
    """member3 and member4, as many as there are."""
    return {"members": dict(zip(("member3", "member4"), them, strict=False))}


def member(**keys: Json) -> dict[str, Json]:
    return members({**MEMBER, **keys})


def images(**keys: Json) -> dict[str, Json]:
    return {"images": keys}


def build(**keys: Json) -> dict[str, Json]:
    return images(build=keys)


def proxy(**keys: Json) -> dict[str, Json]:
    return {"proxy": keys}


def documented(**keys: Json) -> dict[str, Json]:
    """The fork, deployed as it is documented."""
    return {**proxy(frontend="documented", **keys), **build(**FORK_BUILD)}


def certificates(**keys: Json) -> dict[str, Json]:
    return {"certificates": keys}


def monitoring(**keys: Json) -> dict[str, Json]:
    return {"monitoring": keys}
