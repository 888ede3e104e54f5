"""Sets the strategy Recreate on a Deployment that was made by hand, before a stack takes it over.

Kubernetes has defaulted `rollingUpdate` there and refuses Recreate beside it; server-side apply, by which the stack
sets its own fields, cannot remove a field of another manager. No pod is replaced.
"""

from __future__ import annotations

import sys

from pydantic import BaseModel

from clusters.api import DEPLOYMENTS, MERGE_PATCH, OfficialClient
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json

RECREATE: Json = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}


class FreeStrategyInput(BaseModel):
    """The Deployment, and its cluster's API."""

    host: Context
    namespace: str
    deployment: str


def main() -> int:
    """0 once it is set, or if there is no such Deployment; 1 with the reason on stderr otherwise."""
    given, apis = FreeStrategyInput.model_validate_json(sys.stdin.read()), OfficialClient()
    try:
        if apis.get(given.host, DEPLOYMENTS, given.deployment, given.namespace) is not None:
            apis.patch(given.host, DEPLOYMENTS.path(given.namespace, given.deployment), RECREATE, MERGE_PATCH)
    except Unavailable as reason:
        where = f"deployment/{given.deployment} of {given.host.name}"
        print(f"{where} could not be given another strategy: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
