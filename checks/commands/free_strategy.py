"""Lets a Deployment that was made by hand be given the strategy Recreate, before a stack takes its place.

Kubernetes has filled in the bounds of its rolling update and refuses Recreate beside them; server-side apply, by which
the stack sets its own fields, cannot take away what somebody else has. No pod is replaced by it.
"""

from __future__ import annotations

import sys

from pydantic import BaseModel

from clusters.api import DEPLOYMENTS, MERGE_PATCH, Apis
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json

RECREATE: Json = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}


class FreeStrategyInput(BaseModel):
    """The Deployment, and how its cluster is asked."""

    host: Context
    namespace: str
    deployment: str


def main() -> int:
    """0 once it is so, or where there is no such Deployment; 1 with the reason when it cannot be."""
    given, asking = FreeStrategyInput.model_validate_json(sys.stdin.read()), Apis()
    try:
        if asking.get(given.host, DEPLOYMENTS, given.deployment, given.namespace) is not None:
            asking.patch(given.host, DEPLOYMENTS.path(given.namespace, given.deployment), RECREATE, MERGE_PATCH)
    except Unavailable as reason:
        where = f"deployment/{given.deployment} of {given.host.name}"
        print(f"{where} could not be given another strategy: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
