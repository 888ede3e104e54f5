"""What may be wrong with how proxy-server is reached."""

from __future__ import annotations

from config.image_settings import UPSTREAM
from tests.unit.mistakes.refusal import (
    FORK_BUILD,
    Refusal,
    build,
    documented,
    images,
    monitoring,
    proxy,
    removing,
    setting,
)

AS_DOCUMENTED = "with frontend documented: it is deployed as Karmada's documentation has it"

PROXIES = {
    # which variant
    "a frontend is none": Refusal(
        proxy(frontend="builtin"),
        "proxy.frontend",
        '"builtin" should be guarded or documented',
        setting("proxy.frontend", "VALUE"),
    ),
    "an exposure is none": Refusal(
        proxy(exposure="ingress"),
        "proxy.exposure",
        '"ingress" should be hostNetwork or loadBalancer or nodePort',
        setting("proxy.exposure", "VALUE"),
    ),
    # what does not go with it
    "there are two proxy-servers on the host network": Refusal(
        proxy(replicas=2),
        "proxy.replicas",
        "2 does not go with exposure hostNetwork: there is no Service, and a second proxy-server would find its ports "
        "taken; it goes with exposure loadBalancer or exposure nodePort",
        setting("proxy.replicas", "1"),
    ),
    "a Service is annotated on the host network": Refusal(
        proxy(serviceAnnotations={"example.org/internal": "true"}),
        "proxy.serviceAnnotations",
        "there is no such key with exposure hostNetwork: there is no Service",
        removing("proxy.serviceAnnotations"),
    ),
    "sources are allowed where a NetworkPolicy says who may": Refusal(
        proxy(exposure="nodePort", allowedSources=["10.0.0.0/8"]),
        "proxy.allowedSources",
        "there is no such key with exposure nodePort: a NetworkPolicy lets Karmada's pods alone in; it goes with "
        "exposure hostNetwork",
        removing("proxy.allowedSources"),
    ),
    "a node port is given at a load balancer": Refusal(
        proxy(exposure="loadBalancer", nodePort=30091),
        "proxy.nodePort",
        "there is no such key with exposure loadBalancer: agents dial the load balancer",
        removing("proxy.nodePort"),
    ),
    "the documented deployment is asked for at a load balancer": Refusal(
        documented(exposure="loadBalancer"),
        "proxy.exposure",
        f'"loadBalancer" does not go {AS_DOCUMENTED}',
        setting("proxy.exposure", "hostNetwork"),
    ),
    "the documented deployment is on another port": Refusal(
        documented(port=9000), "proxy.port", f"9000 does not go {AS_DOCUMENTED}", setting("proxy.port", "8088")
    ),
    "nodes are chosen for the documented deployment": Refusal(
        documented(nodeSelector={"role": "gateway"}),
        "proxy.nodeSelector",
        f"there is no such key {AS_DOCUMENTED}",
        removing("proxy.nodeSelector"),
    ),
    # values
    "there is no proxy-server": Refusal(
        proxy(exposure="nodePort", replicas=0),
        "proxy.replicas",
        "0 should be greater than or equal to 1",
        setting("proxy.replicas", "VALUE"),
    ),
    "the plain port is one of ANP's own": Refusal(
        proxy(port=8091),
        "proxy.port",
        "8091 is one of those that ANP and the guard use (8090 to 8096)",
        setting("proxy.port", "8088"),
    ),
    "the plain port is a privileged one": Refusal(proxy(port=80), "proxy.port", "80", setting("proxy.port", "VALUE")),
    "a source would be more than one word to the guard": Refusal(
        proxy(allowedSources=["10.0.0.0/8", "10.0.0.0/8 ::/0"]),
        "proxy.allowedSources[1]",
        '"10.0.0.0/8 ::/0" is no network in CIDR notation',
        setting("proxy.allowedSources[1]", "10.0.0.0/16"),
    ),
    # what other sections must not ask of the documented deployment
    "the documented frontend is asked of upstream's sources by another spelling": Refusal(
        {
            **proxy(frontend="documented"),
            **build(repository=f"{UPSTREAM}.git/", ref="v0.36.0", commit="0" * 40),
        },
        "proxy.frontend",
        f'"documented", but {UPSTREAM}.git/ has no plain port',
        setting("proxy.frontend", "guarded"),
    ),
    "the documented pods are to pull with a secret": Refusal(
        {**documented(), **images(build=FORK_BUILD, pullSecrets=["pull"])},
        "images.pullSecrets",
        f"there is no such key {AS_DOCUMENTED}",
        removing("images.pullSecrets"),
    ),
    "the documented deployment is to be monitored": Refusal(
        {**documented(), **monitoring(enabled=True)},
        "monitoring.enabled",
        f"it is true, which does not go {AS_DOCUMENTED}",
        setting("monitoring.enabled", "false"),
    ),
}
