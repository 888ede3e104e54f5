"""Kubeconfigs for a test: clusters and users of the contexts that there are, or others in their place."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from clusters.objects import Json, entries, items, parse
from clusters.programs import output_of
from tests.stack.kubectl import kubectl

End = tuple[Mapping[str, Json], Mapping[str, Json]]
"""The cluster and the user of a context."""


def encoded(of: str) -> str:
    return base64.b64encode(of.encode()).decode()


def decoded(of: str) -> str:
    return base64.b64decode(of).decode()


def seen(end: tuple[str, str]) -> End:
    """What a context leads to, keys and all."""
    view = parse(output_of(kubectl(*end, "config", "view", "--raw", "--minify", "--output=json")))
    (cluster,), (user,) = items(view, "clusters"), items(view, "users")
    return entries(cluster, "cluster"), entries(user, "user")


def write(file: Path, ends: Mapping[str, End]) -> None:
    """A kubeconfig with a context, a cluster and a user of each name."""
    whole: Json = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": each} for name, (each, _) in ends.items()],
        "users": [{"name": name, "user": each} for name, (_, each) in ends.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in ends],
    }
    file.touch(0o600)
    file.write_text(json.dumps(whole))
