"""What may be wrong with how proxy-server is reached."""

from __future__ import annotations

from clusters.objects import Json
from config.image_settings import UPSTREAM
from tests.unit.machines import MEMBER
from tests.unit.mistakes.refusal import (
    FORK_BUILD,
    SET,
    Refusal,
    build,
    documented,
    images,
    member,
    members,
    monitoring,
    proxy,
    to_remove,
    to_set,
)

AS_DOCUMENTED = "with frontend documented: it is deployed as Karmada's documentation has it"


def documented_endpoint(why: str, **keys: Json) -> Refusal:
    """An endpoint of member3 that the guard alone makes up for."""
    key = "members.member3.apiEndpoint"
    remedy = f"with frontend documented: {SET.format(key, 'https://ADDRESS:6443')}"
    return Refusal({**documented(), **member(**keys)}, key, why, remedy)


def guards(key: str, **sections: Json) -> Refusal:
    """A key that says something of a guard, where there is none."""
    return to_remove({**documented(), **sections}, key, f"there is no such key {AS_DOCUMENTED}")


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
    "the documented pods are to have more": guards("proxy.resources", **documented(resources={})),
    "all documented agents have a priority": guards(
        "memberDefaults.priorityClassName", memberDefaults={"priorityClassName": "high"}
    ),
    "the documented deployment is for a member that only Karmada gets at": guards(
        "members.member3.access", **documented(), **members({"access": "karmada"})
    ),
    "a documented agent is to get out by a proxy": guards(
        "members.member3.egressProxy", **member(egressProxy={"url": "http://proxy:3128"})
    ),
    "a load balancer is of a class at a node's port": to_remove(
        proxy(exposure="nodePort", loadBalancerClass="example.org/internal"),
        "proxy.loadBalancerClass",
        "there is no such key with exposure nodePort",
    ),
    # values of pods
    "a container asks for more than it may have": to_set(
        proxy(resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi"}}),
        "proxy.resources.limits.memory",
        '"512Mi" is below what requests.memory asks for ("1Gi")',
        "1Gi",
    ),
    **{
        f"a quantity is one to Python's client alone: {each}": to_set(
            proxy(resources={"limits": {"memory": each}}),
            "proxy.resources.limits.memory",
            f'"{each}" should be a quantity as Kubernetes has it',
            "512Mi",
        )
        for each in ("512K", "1_000Mi", "NaN", "-1Mi")
    },
    "a quantity is none": to_set(
        proxy(resources={"limits": {"memory": "much"}}),
        "proxy.resources.limits.memory",
        '"much" should be a quantity as Kubernetes has it',
        "512Mi",
    ),
    "pods are to have the label by which the stack finds them": to_remove(
        member(labels={"app": "mine"}), "members.member3.labels.app", '"app" is the label by which the stack itself'
    ),
    "a label's key is none": to_remove(
        member(labels={"a key": "b"}), "members.member3.labels", '"a key" is no key as Kubernetes has it'
    ),
    "a label's value is none": to_remove(
        proxy(nodeSelector={"role": "a gateway"}), "proxy.nodeSelector", '"a gateway", of "role", is no label\'s value'
    ),
    "a taint is tolerated without its key": to_set(
        proxy(tolerations=[{"effect": "NoSchedule"}]), "proxy.tolerations[0].key", "it is missing", "KEY"
    ),
    "a taint of any value has one": to_set(
        member(tolerations=[{"operator": "Exists", "value": "x"}]),
        "members.member3.tolerations[0].value",
        '"x" does not go with `Exists`',
        "''",
    ),
    "a taint's key is none": to_set(
        proxy(tolerations=[{"key": "a key", "operator": "Exists"}]),
        "proxy.tolerations[0].key",
        '"a key" should be a taint\'s key, like example.org/team',
        "KEY",
    ),
    "a taint's value is none": to_set(
        member(tolerations=[{"key": "edge", "value": "a value"}]),
        "members.member3.tolerations[0].value",
        '"a value" should be a taint\'s value: at most 63 letters, digits, -, _ and .',
        "VALUE",
    ),
    "a proxy shows whom it is used by": to_set(
        member(egressProxy={"url": "http://robot:secret@proxy.example.org:3128"}),
        "members.member3.egressProxy.url",
        "it has a user in it, whom every reader of the Deployment would see",
        "http://HOST:PORT",
    ),
    "a proxy has no port": to_set(
        member(egressProxy={"url": "http://proxy.example.org"}),
        "members.member3.egressProxy.url",
        '"http://proxy.example.org" should be http://HOST:PORT',
        "http://HOST:PORT",
    ),
    "a proxy is to be asked by TLS": to_set(
        member(egressProxy={"url": "https://proxy.example.org:3128"}),
        "members.member3.egressProxy.url",
        '"https://proxy.example.org:3128" should be http://HOST:PORT',
        "http://HOST:PORT",
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
    "a network has a mask, of which HAProxy thinks otherwise than Python": to_set(
        proxy(allowedSources=["10.0.0.0/0.0.0.255"]),
        "proxy.allowedSources[0]",
        '"10.0.0.0/0.0.0.255" is no network in CIDR notation: it has a mask',
        "10.0.0.0/16",
    ),
    "a load balancer is to serve an address alone": to_set(
        proxy(exposure="loadBalancer", loadBalancerSourceRanges=["203.0.113.7"]),
        "proxy.loadBalancerSourceRanges[0]",
        '"203.0.113.7" is an address, and no network in CIDR notation',
        "203.0.113.7/32",
    ),
    "a load balancer's class is no name": to_set(
        proxy(exposure="loadBalancer", loadBalancerClass="a class"),
        "proxy.loadBalancerClass",
        '"a class" should be a class\'s name, like example.org/internal',
        "CLASS",
    ),
    "a session that is not read is ended at once": to_set(
        proxy(stallSeconds=0), "proxy.stallSeconds", "0 should be greater than or equal to 1", "VALUE"
    ),
    "a session that is not read stops all others for as long as a dial may take": to_set(
        proxy(stallSeconds=11), "proxy.stallSeconds", "11 should be less than or equal to 10", "VALUE"
    ),
    "a server logs less than nothing": to_set(
        proxy(logLevel=-1), "proxy.logLevel", "-1 should be greater than or equal to 0", "VALUE"
    ),
    "a server logs more than there is": to_set(
        proxy(logLevel=11), "proxy.logLevel", "11 should be less than or equal to 10", "VALUE"
    ),
    "an agent logs more than there is": to_set(
        member(logLevel=11), "members.member3.logLevel", "11 should be less than or equal to 10", "VALUE"
    ),
    # what other sections must not ask of the documented deployment
    "two documented members have one endpoint host": Refusal(
        {
            **documented(),
            **members(MEMBER, {**MEMBER, "apiEndpoint": "https://10.0.0.3:7443"}),
        },
        "members.member4.apiEndpoint",
        '"https://10.0.0.3:7443" has the host of members.member3 too; proxy-server tells members apart by it',
        SET.format("members.member4.apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a documented member's endpoint is loopback in IPv6": documented_endpoint(
        '"https://[::1]:6443" is loopback', apiEndpoint="https://[::1]:6443"
    ),
    "a documented member's kubeconfig names loopback and it is no kind cluster": documented_endpoint(
        '"https://localhost:40004" is loopback', context="here-too"
    ),
    "a documented member's endpoint has capitals, which are compared": documented_endpoint(
        '"https://API.example.org:6443" has capitals in its host', apiEndpoint="https://API.example.org:6443"
    ),
    "a documented member's API server has an address": guards(
        "members.member3.apiAddress", **member(apiAddress="10.0.0.3")
    ),
    "a documented member's API server has ports": guards("members.member3.apiPorts", **member(apiPorts=[6443])),
    "a documented member's agent logs more": guards("members.member3.logLevel", **member(logLevel=4)),
    "the API servers of all documented members have ports": guards(
        "memberDefaults.apiPorts", memberDefaults={"apiPorts": [6443]}
    ),
    "stalls are to be ended without a guard": guards("proxy.stallSeconds", **documented(stallSeconds=5)),
    "the documented server is to log more": guards("proxy.logLevel", **documented(logLevel=4)),
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
