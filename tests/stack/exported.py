"""A stack's state with what is secret in it, as its owner may have it. A test that fails must not print it."""

from __future__ import annotations

from collections.abc import Sequence

from clusters.objects import Json, at, items, parse
from tools.checkout import Checkout


def exported(checkout: Checkout) -> Sequence[Json]:
    """Every resource of the state."""
    done = checkout.run("stack", "export", "--show-secrets")
    assert done.returncode == 0, done.stderr
    return items(parse(done.stdout), "deployment", "resources")


def plain(value: Json) -> Json:
    """A property of one; what is secret is there as its JSON."""
    found = at(value, "plaintext")
    return parse(found) if isinstance(found, str) else value
