"""Waits until a Service has its load balancer's address, and prints it."""

from __future__ import annotations

import sys

from pydantic import BaseModel

from checks.retry import retry
from clusters.api import SERVICES, KubernetesApis, OfficialClient
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import items, text


class LoadBalancerInput(BaseModel):
    """The Service, its cluster's API, and the timeout in seconds."""

    host: Context
    namespace: str
    service: str
    seconds: int


def main() -> int:
    """0 once there is an address, 1 with the reason on stderr if there is none in time."""
    given, apis = LoadBalancerInput.model_validate_json(sys.stdin.read()), OfficialClient()
    try:
        print(retry(lambda: address(apis, given), given.seconds, pause=1))
    except Unavailable as reason:
        service = f"Service {given.service} in namespace {given.namespace} of {given.host.name}"
        print(
            f"karmada-anp:proxy.exposure: the {service} got no address within {given.seconds} s ({reason})\n"
            "  see to what makes load balancers there and run this again, or set proxy.exposure: nodePort, or "
            "host.address",
            file=sys.stderr,
        )
        return 1
    return 0


def address(apis: KubernetesApis, given: LoadBalancerInput) -> str:
    """The first address of the Service's load balancer, an IP address if it has one. Raises Unavailable."""
    service = apis.get(given.host, SERVICES, given.service, given.namespace)
    for each in items(service, "status", "loadBalancer", "ingress"):
        found = text(each, "ip") or text(each, "hostname")
        if found:
            return found
    raise Unavailable("its status names no load balancer")


if __name__ == "__main__":
    sys.exit(main())
