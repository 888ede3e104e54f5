"""Removes the ownership of karmada-agent's args by all field managers but the stack's own, before the stack sets them.

Two managers that set the same value both own it; destroy, which gives up the stack's part, would leave the flags there.
Only managedFields are changed, so no pod is replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pydantic import BaseModel

from checks.deployments import ARGS, managed_path
from checks.retry import retry
from clusters.api import DEPLOYMENTS, JSON_PATCH, KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, entries, items, text


class DisownArgsInput(BaseModel):
    """The API of the member, karmada-agent's Deployment and container, the stack's field manager, and for how many
    seconds this is retried."""

    member: Context
    namespace: str
    deployment: str
    container: str
    manager: str
    seconds: int


def main() -> int:
    """0 once no other manager owns them, 1 with the reason on stderr otherwise."""
    given, apis = DisownArgsInput.model_validate_json(sys.stdin.read()), OfficialClient()
    try:
        # the Deployment may change between the read and the patch, which then fails its test
        retry(lambda: disown(apis, given), given.seconds)
    except Unavailable as reason:
        where = f"deployment/{given.deployment} of {given.member.name}"
        print(f"{where}: its args could not be taken over: {reason}", file=sys.stderr)
        return 1
    return 0


def disown(apis: KubernetesApis, given: DisownArgsInput) -> None:
    """Patches the Deployment's managedFields if another manager owns args. Raises Unavailable."""
    found = apis.get(given.member, DEPLOYMENTS, given.deployment, given.namespace)
    path, managers = managed_path(given.container), items(found, "metadata", "managedFields")
    free = [each if text(each, "manager") == given.manager else without(each, path, ARGS) for each in managers]
    if free != list(managers):
        version = text(found, "metadata", "resourceVersion")
        patch: Json = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/metadata/managedFields", "value": free},
        ]
        apis.patch(given.member, DEPLOYMENTS.path(given.namespace, given.deployment), patch, JSON_PATCH)


def without(value: Json, path: tuple[str, ...], key: str) -> Json:
    """A copy of a value without the key at the end of a path; the value itself if there is no such path."""
    if not path:
        return {each: of for each, of in entries(value).items() if each != key}
    if not isinstance(value, Mapping) or at(value, path[0]) is None:
        return value
    return {**value, path[0]: without(value[path[0]], path[1:], key)}


if __name__ == "__main__":
    sys.exit(main())
