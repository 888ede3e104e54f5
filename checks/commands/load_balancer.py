"""Waits until a Service has its load balancer's address, and prints it.

Input: the JSON that components/entry.py writes.
"""

from __future__ import annotations

import sys

from checks.commands.asked import until
from clusters.objects import Json, items, number, parse, text
from clusters.workstation import Unavailable, kubectl, objects


def main() -> int:
    """0 once there is one, 1 when there is none in time."""
    what = parse(sys.stdin.read())
    seconds = number(what, "seconds")
    try:
        print(until(lambda: address(what), seconds, pause=1))
    except Unavailable as reason:
        service = f"Service {text(what, 'service')} in namespace {text(what, 'namespace')} of {text(what, 'context')}"
        print(
            f"karmada-anp:proxy.exposure: the {service} got no address within {seconds} s ({reason})\n"
            "  see to what makes load balancers there and run this again, or set proxy.exposure: nodePort, or "
            "host.address",
            file=sys.stderr,
        )
        return 1
    return 0


def address(what: Json) -> str:
    """The first address of the Service's load balancer, an IP address if it has one. Raises Unavailable."""
    where = [f"service/{text(what, 'service')}", f"--namespace={text(what, 'namespace')}"]
    for service in objects(kubectl(text(what, "kubeconfig"), text(what, "context"), "get", *where)):
        for each in items(service, "status", "loadBalancer", "ingress"):
            found = text(each, "ip") or text(each, "hostname")
            if found:
                return found
    raise Unavailable("its status names no load balancer")


if __name__ == "__main__":
    sys.exit(main())
