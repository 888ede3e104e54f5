"""kubectl, as those who run the stack type it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence

from clusters.objects import Json, entries, items, parse, text
from clusters.programs import output_of


def kubectl(kubeconfig: str, context: str, *arguments: str) -> list[str]:
    """The kubectl command for one context; without a context, for the kubeconfig itself."""
    path = [f"--kubeconfig={os.path.expanduser(kubeconfig)}"] if kubeconfig else []
    return ["kubectl", *path, *([f"--context={context}"] if context else []), *arguments]


def objects(command: Sequence[str], seconds: float = 10) -> Sequence[Json]:
    """What a `kubectl get` finds; what is not there is left out. Raises Unavailable."""
    timeout = f"--request-timeout={seconds:.0f}s"
    printed = output_of([*command, "--output=json", "--ignore-not-found", timeout], seconds + 5)
    if not printed.strip():
        return []
    found = parse(printed)
    return items(found, "items") if text(found, "kind").endswith("List") else [found]


def apply(command: Sequence[str], manifest: Json) -> None:
    """Applies an object by a kubectl command (`kubectl(...)`)."""
    whole = [*command, "apply", "--filename=-"]
    subprocess.run(whole, input=json.dumps(manifest), text=True, check=True, stdout=subprocess.DEVNULL)


def manifest(found: Json) -> Json:
    """An object without what a cluster fills in, so that it can be applied again."""
    kept = ("name", "namespace", "labels")
    metadata = {key: each for key, each in entries(found, "metadata").items() if key in kept}
    return {key: each for key, each in entries(found).items() if key != "status"} | {"metadata": metadata}
