"""Takes karmada-agent's args out of what others than a stack are known to have set, before the stack sets them itself.

Two who set the same value both own it, and then destroy, which gives up the stack's part, would leave the flags there.
Only managedFields are changed: no pod is replaced by it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pydantic import BaseModel

from checks.deployments import ARGS, path_of
from checks.until import until
from clusters.api import DEPLOYMENTS, JSON_PATCH, Apis, Asking
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, entries, items, text


class DisownArgsInput(BaseModel):
    """karmada-agent's Deployment and container, how its cluster is asked, the stack's own manager, and for how many
    seconds it is tried."""

    member: Context
    namespace: str
    deployment: str
    container: str
    manager: str
    seconds: int


def main() -> int:
    """0 once it is so, 1 with the reason when it cannot be."""
    given, asking = DisownArgsInput.model_validate_json(sys.stdin.read()), Apis()
    try:
        # somebody may change the Deployment between question and answer
        until(lambda: disown(asking, given), given.seconds)
    except Unavailable as reason:
        where = f"deployment/{given.deployment} of {given.member.name}"
        print(f"{where}: its args could not be taken over: {reason}", file=sys.stderr)
        return 1
    return 0


def disown(asking: Asking, given: DisownArgsInput) -> None:
    """Changes the managedFields of the Deployment as it is now, if they name args. Raises Unavailable."""
    found = asking.get(given.member, DEPLOYMENTS, given.deployment, given.namespace)
    path, managers = path_of(given.container), items(found, "metadata", "managedFields")
    free = [each if text(each, "manager") == given.manager else without(each, path, ARGS) for each in managers]
    if free != list(managers):
        version = text(found, "metadata", "resourceVersion")
        patch: Json = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/metadata/managedFields", "value": free},
        ]
        asking.patch(given.member, DEPLOYMENTS.path(given.namespace, given.deployment), patch, JSON_PATCH)


def without(value: Json, path: tuple[str, ...], key: str) -> Json:
    """A value without a key at the end of a path; the value itself where there is no such path."""
    if not path:
        return {each: of for each, of in entries(value).items() if each != key}
    if not isinstance(value, Mapping) or at(value, path[0]) is None:
        return value
    return {**value, path[0]: without(value[path[0]], path[1:], key)}


if __name__ == "__main__":
    sys.exit(main())
