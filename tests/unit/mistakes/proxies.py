"""What may be wrong with how proxy-server is reached."""

from __future__ import annotations

from config.image_settings import UPSTREAM
from tests.unit.mistakes.refusal import FORK_BUILD, build, documented, images, monitoring, proxy, to_remove, to_set

AS_DOCUMENTED = "with frontend documented: it is deployed as Karmada's documentation has it"

PROXIES = {
    # which variant
    "a frontend is none": to_set(
        proxy(frontend="builtin"), "proxy.frontend", '"builtin" should be guarded or documented', "VALUE"
    ),
    "an exposure is none": to_set(
        proxy(exposure="ingress"),
        "proxy.exposure",
        '"ingress" should be hostNetwork or loadBalancer or nodePort',
        "VALUE",
    ),
    # what does not go with it
    "there are two proxy-servers on the host network": to_set(
        proxy(replicas=2),
        "proxy.replicas",
        "2 does not go with exposure hostNetwork: there is no Service, and a second proxy-server would find its ports "
        "taken; it goes with exposure loadBalancer or exposure nodePort",
        "1",
    ),
    "a Service is annotated on the host network": to_remove(
        proxy(serviceAnnotations={"example.org/internal": "true"}),
        "proxy.serviceAnnotations",
        "there is no such key with exposure hostNetwork: there is no Service",
    ),
    "sources are allowed where a NetworkPolicy says who may": to_remove(
        proxy(exposure="nodePort", allowedSources=["10.0.0.0/8"]),
        "proxy.allowedSources",
        "there is no such key with exposure nodePort: a NetworkPolicy lets Karmada's pods alone in; it goes with "
        "exposure hostNetwork",
    ),
    "a node port is given at a load balancer": to_remove(
        proxy(exposure="loadBalancer", nodePort=30091),
        "proxy.nodePort",
        "there is no such key with exposure loadBalancer: agents dial the load balancer",
    ),
    "the documented deployment is asked for at a load balancer": to_set(
        documented(exposure="loadBalancer"),
        "proxy.exposure",
        f'"loadBalancer" does not go {AS_DOCUMENTED}',
        "hostNetwork",
    ),
    "the documented deployment is on another port": to_set(
        documented(port=9000), "proxy.port", f"9000 does not go {AS_DOCUMENTED}", "8088"
    ),
    "nodes are chosen for the documented deployment": to_remove(
        documented(nodeSelector={"role": "gateway"}), "proxy.nodeSelector", f"there is no such key {AS_DOCUMENTED}"
    ),
    # values
    "there is no proxy-server": to_set(
        proxy(exposure="nodePort", replicas=0), "proxy.replicas", "0 should be greater than or equal to 1", "VALUE"
    ),
    "the plain port is one of ANP's own": to_set(
        proxy(port=8091), "proxy.port", "8091 is one of those that ANP and the guard use (8090 to 8096)", "8088"
    ),
    "the plain port is a privileged one": to_set(proxy(port=80), "proxy.port", "80", "VALUE"),
    "a source would be more than one word to the guard": to_set(
        proxy(allowedSources=["10.0.0.0/8", "10.0.0.0/8 ::/0"]),
        "proxy.allowedSources[1]",
        '"10.0.0.0/8 ::/0" is no network in CIDR notation',
        "10.0.0.0/16",
    ),
    # what other sections must not ask of the documented deployment
    "the documented frontend is asked of upstream's sources by another spelling": to_set(
        {**proxy(frontend="documented"), **build(repository=f"{UPSTREAM}.git/", ref="v0.36.0", commit="0" * 40)},
        "proxy.frontend",
        f'"documented", but {UPSTREAM}.git/ has no plain port',
        "guarded",
    ),
    "the documented pods are to pull with a secret": to_remove(
        {**documented(), **images(build=FORK_BUILD, pullSecrets=["pull"])},
        "images.pullSecrets",
        f"there is no such key {AS_DOCUMENTED}",
    ),
    "the documented deployment is to be monitored": to_set(
        {**documented(), **monitoring(enabled=True)},
        "monitoring.enabled",
        f"it is true, which does not go {AS_DOCUMENTED}",
        "false",
    ),
}
