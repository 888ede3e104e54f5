"""What may be wrong with how proxy-server is reached."""

from __future__ import annotations

from config.settings import UPSTREAM
from tests.unit.mistakes.refusal import FORK, Refusal, build, builtin, builtin_images, proxy, removing, setting

PROXIES = {
    "the builtin frontend is asked of upstream's sources": Refusal(
        proxy(frontend="builtin"),
        "proxy.frontend",
        f'"builtin", but {UPSTREAM} has no plain port',
        setting("proxy.frontend", "guarded"),
    ),
    "the builtin frontend is asked of upstream's sources by another spelling": Refusal(
        {
            **proxy(frontend="builtin"),
            **build(repository=f"{UPSTREAM}.git/", ref="v0.36.0", commit="0" * 40),
        },
        "proxy.frontend",
        '"builtin"',
        setting("proxy.frontend", "guarded"),
    ),
    "the builtin frontend is on another port": Refusal(
        {**proxy(frontend="builtin", port=9000), **build(repository=FORK, ref="v0.0.24/dev", commit="0" * 40)},
        "proxy.port",
        "9000, but the builtin frontend's port is 8088",
        setting("proxy.port", "8088"),
    ),
    "there is no proxy-server": Refusal(
        proxy(replicas=0),
        "proxy.replicas",
        "0 should be greater than or equal to 1",
        setting("proxy.replicas", "VALUE"),
    ),
    "there are two proxy-servers on the host network": Refusal(
        proxy(replicas=2), "proxy.replicas", "2 is above 1", setting("proxy.replicas", "1")
    ),
    "the plain port is one of ANP's own": Refusal(
        proxy(port=8091),
        "proxy.port",
        "8091 is one of those that ANP and the guard use (8090 to 8096)",
        setting("proxy.port", "8088"),
    ),
    "the plain port is a privileged one": Refusal(proxy(port=80), "proxy.port", "80", setting("proxy.port", "VALUE")),
    "the credential's generation is 0": Refusal(
        proxy(credential=0), "proxy.credential", "0", setting("proxy.credential", "VALUE")
    ),
    "the plain port is the guard's own for metrics": Refusal(
        proxy(port=8096), "proxy.port", "8096 is one of those", setting("proxy.port", "8088")
    ),
    "there are two proxy-servers on the host network, which a load balancer would mend": Refusal(
        proxy(replicas=2), "proxy.replicas", "finds its ports taken", setting("proxy.exposure", "loadBalancer")
    ),
    "sources are allowed where a NetworkPolicy says who may": Refusal(
        proxy(exposure="loadBalancer", allowedSources=["10.0.0.0/8"]),
        "proxy.allowedSources",
        "with exposure loadBalancer a NetworkPolicy lets Karmada's pods alone in",
        removing("proxy.allowedSources"),
    ),
    "a source is no network": Refusal(
        proxy(allowedSources=["10.0.0.0/8", "10.0.0.0/33"]),
        "proxy.allowedSources[1]",
        '"10.0.0.0/33" is no network in CIDR notation',
        setting("proxy.allowedSources[1]", "10.0.0.0/16"),
    ),
    "a source is an address within its network": Refusal(
        proxy(allowedSources=["10.0.0.7/8"]),
        "proxy.allowedSources[0]",
        "10.0.0.7/8 has host bits set",
        setting("proxy.allowedSources[0]", "10.0.0.0/16"),
    ),
    "a source is a name": Refusal(
        proxy(allowedSources=["karmada.example.org"]),
        "proxy.allowedSources[0]",
        '"karmada.example.org" is no network',
        setting("proxy.allowedSources[0]", "10.0.0.0/16"),
    ),
    "a source would be more than one word to the guard": Refusal(
        proxy(allowedSources=["10.0.0.0/8 ::/0"]),
        "proxy.allowedSources[0]",
        "is no network",
        setting("proxy.allowedSources[0]", "10.0.0.0/16"),
    ),
    "a node port is given on the host network": Refusal(
        proxy(nodePort=30091),
        "proxy.nodePort",
        "30091, but proxy.exposure is hostNetwork",
        setting("proxy.exposure", "nodePort"),
    ),
    "a node port is given at a load balancer": Refusal(
        proxy(exposure="loadBalancer", nodePort=30091),
        "proxy.nodePort",
        "30091, but proxy.exposure is loadBalancer",
        removing("proxy.nodePort"),
    ),
    "a node port is none": Refusal(
        proxy(exposure="nodePort", nodePort=65536),
        "proxy.nodePort",
        "65536 should be less than or equal to 65535",
        setting("proxy.nodePort", "VALUE"),
    ),
    "a Service is annotated on the host network": Refusal(
        proxy(serviceAnnotations={"example.org/internal": "true"}),
        "proxy.serviceAnnotations",
        "on the host network there is no Service to annotate",
        removing("proxy.serviceAnnotations"),
    ),
    "an exposure is none": Refusal(
        proxy(exposure="ingress"),
        "proxy.exposure",
        "\"ingress\" should be 'hostNetwork', 'nodePort' or 'loadBalancer'",
        setting("proxy.exposure", "VALUE"),
    ),
    "there are more proxy-servers than anybody needs": Refusal(
        proxy(exposure="nodePort", replicas=100),
        "proxy.replicas",
        "100 should be less than or equal to 99",
        setting("proxy.replicas", "VALUE"),
    ),
    # the builtin frontend, which is deployed as it is documented
    "the builtin frontend is asked for at a load balancer": Refusal(
        builtin(exposure="loadBalancer"),
        "proxy.exposure",
        '"loadBalancer" needs the guarded frontend',
        setting("proxy.exposure", "hostNetwork"),
    ),
    "two builtin frontends are asked for": Refusal(
        builtin(replicas=2),
        "proxy.replicas",
        "2 is above 1, but the builtin frontend is deployed as it is documented",
        setting("proxy.replicas", "1"),
    ),
    "sources are allowed at the builtin frontend, which looks at nobody": Refusal(
        builtin(allowedSources=["10.0.0.0/8"]),
        "proxy.allowedSources",
        "the builtin frontend is open to anyone",
        setting("proxy.frontend", "guarded"),
    ),
    "nodes are chosen for the builtin frontend": Refusal(
        builtin(nodeSelector={"role": "gateway"}),
        "proxy.nodeSelector",
        "it needs the guarded frontend",
        removing("proxy.nodeSelector"),
    ),
    "taints are tolerated by the builtin frontend": Refusal(
        builtin(tolerations=[{"operator": "Exists"}]),
        "proxy.tolerations",
        "it needs the guarded frontend",
        removing("proxy.tolerations"),
    ),
    "a node port is given for the builtin frontend": Refusal(
        builtin(nodePort=30091), "proxy.nodePort", "30091, but proxy.exposure is", removing("proxy.nodePort")
    ),
    "a Service of the builtin frontend is annotated": Refusal(
        builtin(serviceAnnotations={"a": "b"}),
        "proxy.serviceAnnotations",
        "there is no Service",
        removing("proxy.serviceAnnotations"),
    ),
    "the builtin frontend's pods are to pull with a secret": Refusal(
        builtin_images(pullSecrets=["pull"]),
        "images.pullSecrets",
        "it needs the guarded frontend",
        removing("images.pullSecrets"),
    ),
}
