"""Lets a Deployment that was made by hand be given the strategy Recreate, before a stack takes its place.

Kubernetes has filled in the bounds of its rolling update and refuses Recreate beside them; server-side apply, by which
the stack sets its own fields, cannot take away what somebody else has. No pod is replaced by it.
Input: the JSON that components/proxy_server.py writes.
"""

from __future__ import annotations

import json
import sys

from checks.commands.asked import api
from clusters.objects import parse, text
from clusters.workstation import Unavailable, ask, kubectl, objects

RECREATE = json.dumps({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})


def main() -> int:
    """0 once it is so, or where there is no such Deployment; 1 with the reason when it cannot be."""
    what = parse(sys.stdin.read())
    host = api(what, "host")
    deployment = [f"deployment/{text(what, 'deployment')}", f"--namespace={text(what, 'namespace')}"]
    try:
        if objects(kubectl(*host, "get", *deployment)):
            ask(kubectl(*host, "patch", *deployment, "--type=merge", f"--patch={RECREATE}"))
    except Unavailable as reason:
        print(f"{deployment[0]} of {host[1]} could not be given another strategy: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
