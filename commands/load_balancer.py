"""Waits until a Service has its load balancer's address, and prints it.

Input: the JSON that components/entry.py writes.
"""

from __future__ import annotations

import sys
import time

from answers import Json, items, number, parse, text
from workstation import Unavailable, kubectl, objects


def main() -> int:
    """0 once there is one, 1 when there is none in time."""
    what = parse(sys.stdin.read())
    end = time.monotonic() + number(what, "seconds")
    said = "its status names no load balancer"
    while time.monotonic() < end:
        try:
            found = address(what)
        except Unavailable as unavailable:
            said = str(unavailable)
        else:
            if found:
                print(found)
                return 0
        time.sleep(1)
    print(
        f"karmada-anp:proxy.exposure: the Service {text(what, 'service')} in namespace {text(what, 'namespace')} of "
        f"{text(what, 'context')} got no address within {number(what, 'seconds')} s ({said})\n"
        "  see to what makes load balancers there and run this again, or set proxy.exposure: nodePort, or host.address",
        file=sys.stderr,
    )
    return 1


def address(what: Json) -> str:
    """The first address of the Service's load balancer, an IP address if it has one. Raises Unavailable."""
    where = [f"service/{text(what, 'service')}", f"--namespace={text(what, 'namespace')}"]
    for service in objects(kubectl(text(what, "kubeconfig"), text(what, "context"), "get", *where)):
        for each in items(service, "status", "loadBalancer", "ingress"):
            return text(each, "ip") or text(each, "hostname")
    return ""


if __name__ == "__main__":
    sys.exit(main())
