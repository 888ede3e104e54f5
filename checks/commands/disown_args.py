"""Takes karmada-agent's args out of what others than a stack are known to have set, before the stack sets them itself.

Two who set the same value both own it, and then destroy, which gives up the stack's part, would leave the flags there.
Only managedFields are changed: no pod is replaced by it.
Input: the JSON that components/karmada_agent.py writes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from checks.commands.asked import api, until
from clusters.objects import Json, at, entries, items, number, parse, text
from clusters.workstation import Unavailable, ask, kubectl, objects

ARGS = "f:args"


def main() -> int:
    """0 once it is so, 1 with the reason when it cannot be."""
    what = parse(sys.stdin.read())
    try:
        # somebody may change the Deployment between question and answer
        until(lambda: disown(what), number(what, "seconds"))
    except Unavailable as reason:
        where = f"deployment/{text(what, 'deployment')} of {api(what, 'member')[1]}"
        print(f"{where}: its args could not be taken over: {reason}", file=sys.stderr)
        return 1
    return 0


def disown(what: Json) -> None:
    """Changes the managedFields of the Deployment as it is now, if they name args. Raises Unavailable."""
    member = api(what, "member")
    deployment = [f"deployment/{text(what, 'deployment')}", f"--namespace={text(what, 'namespace')}"]
    for found in objects(kubectl(*member, "get", *deployment, "--show-managed-fields")):
        path = path_of(text(what, "container"))
        managers = items(found, "metadata", "managedFields")
        ours = text(what, "manager")
        free = [each if text(each, "manager") == ours else without(each, path, ARGS) for each in managers]
        if free != list(managers):
            patch = [
                {
                    "op": "test",
                    "path": "/metadata/resourceVersion",
                    "value": text(found, "metadata", "resourceVersion"),
                },
                {"op": "replace", "path": "/metadata/managedFields", "value": free},
            ]
            ask(kubectl(*member, "patch", *deployment, "--type=json", f"--patch={json.dumps(patch)}"))


def path_of(container: str) -> tuple[str, ...]:
    """Where an entry of a Deployment's managedFields has what a manager owns of a container; its args are at ARGS."""
    return ("fieldsV1", "f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}')


def without(value: Json, path: tuple[str, ...], key: str) -> Json:
    """A value without a key at the end of a path; the value itself where there is no such path."""
    if not path:
        return {each: of for each, of in entries(value).items() if each != key}
    if not isinstance(value, Mapping) or at(value, path[0]) is None:
        return value
    return {**value, path[0]: without(value[path[0]], path[1:], key)}


if __name__ == "__main__":
    sys.exit(main())
