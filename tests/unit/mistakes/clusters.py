"""What may be wrong with the host and the members."""

from __future__ import annotations

from tests.unit.machines import HOST, MEMBER, OTHER
from tests.unit.mistakes.refusal import Refusal, bare_host, host, member, members, proxy, setting

CLUSTERS = {
    # what this machine has not
    "the host's kubeconfig is no file": Refusal(
        host(kubeconfig="~/nowhere"), "host.kubeconfig", '"~/nowhere"', setting("host.kubeconfig", "PATH")
    ),
    "a member's kubeconfig is no file": Refusal(
        member(kubeconfig="~/nowhere"), "members[0].kubeconfig", '"~/nowhere"', setting("members[0].kubeconfig", "PATH")
    ),
    "the host's context is unknown": Refusal(
        host(context="typo"), "host.context", '"typo"', setting("host.context", "CONTEXT")
    ),
    "the Karmada API's context is unknown": Refusal(
        host(karmadaContext="typo"), "host.karmadaContext", '"typo"', setting("host.karmadaContext", "CONTEXT")
    ),
    "the host's context is the Karmada API's": Refusal(
        host(context="karmada-apiserver"),
        "host.context",
        '"karmada-apiserver" is host.karmadaContext too',
        setting("host.context", "CONTEXT"),
    ),
    "the Karmada API's context is the host's": Refusal(
        host(karmadaContext="karmada-host"),
        "host.karmadaContext",
        '"karmada-host" is host.context too: the host cluster and the Karmada API that runs in it are two',
        setting("host.karmadaContext", "CONTEXT"),
    ),
    "a member's context is unknown, and the known ones are listed": Refusal(
        member(context="typo"),
        "members[0].context",
        '"typo" is no context of ~/members.config, which has default-port, here,',
        setting("members[0].context", "CONTEXT"),
    ),
    "a member without a context whose name is none": Refusal(
        member(name="member9"), "members[0].context", '"member9"', setting("members[0].context", "CONTEXT")
    ),
    "the host's kind node is missing": Refusal(
        host(kind="gone"), "host.kind", '"gone": no container gone-control-plane', setting("host.kind", "NAME")
    ),
    "a member's kind node is missing": Refusal(
        member(kind="gone"), "members[0].kind", '"gone"', setting("members[0].kind", "NAME")
    ),
    # addresses
    "the host has neither an address nor a kind node": Refusal(
        {"host": {key: HOST[key] for key in ("kubeconfig", "context")}},
        "host.address",
        "it is missing",
        setting("host.address", "ADDRESS"),
    ),
    "the host's address is loopback": Refusal(
        host(address="127.0.0.1"), "host.address", '"127.0.0.1" is loopback', setting("host.address", "ADDRESS")
    ),
    "a member's endpoint is loopback": Refusal(
        member(apiEndpoint="https://127.0.0.1:6443"),
        "members[0].apiEndpoint",
        '"https://127.0.0.1:6443" is loopback',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint is loopback in IPv6": Refusal(
        member(apiEndpoint="https://[::1]:6443"),
        "members[0].apiEndpoint",
        '"https://[::1]:6443" is loopback',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's kubeconfig names loopback and it is no kind cluster": Refusal(
        member(context="here-too"),
        "members[0].apiEndpoint",
        '"https://localhost:40004" is loopback',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint is not https": Refusal(
        member(context="plain"),
        "members[0].apiEndpoint",
        '"http://10.0.0.5:8080" is not https',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint lacks a host": Refusal(
        member(apiEndpoint="https://:6443"),
        "members[0].apiEndpoint",
        '"https://:6443" lacks a host',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint has no valid port": Refusal(
        member(apiEndpoint="https://10.0.0.3:http"),
        "members[0].apiEndpoint",
        '"https://10.0.0.3:http" is no URL with a valid host and port',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint is no URL at all": Refusal(
        member(apiEndpoint="https://[10.0.0.3:6443"),
        "members[0].apiEndpoint",
        '"https://[10.0.0.3:6443" is no URL with a valid host and port',
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint has two hosts": Refusal(
        member(apiEndpoint="https://10.0.0.3 10.0.0.4:6443"),
        "members[0].apiEndpoint",
        "has a host that is neither an IP address nor a DNS name",
        setting("members[0].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member's endpoint has capitals, which are compared": Refusal(
        member(apiEndpoint="https://API.example.org:6443/Path"),
        "members[0].apiEndpoint",
        '"https://API.example.org:6443/Path" has capitals in its host',
        setting("members[0].apiEndpoint", "https://api.example.org:6443/Path"),
    ),
    "the host's address is a URL": Refusal(
        host(address="http://10.0.0.1:8088"),
        "host.address",
        '"http://10.0.0.1:8088" is neither an IP address nor a DNS name',
        setting("host.address", "ADDRESS"),
    ),
    "the host's address has a port": Refusal(
        host(address="10.0.0.1:8091"), "host.address", '"10.0.0.1:8091" is neither', setting("host.address", "ADDRESS")
    ),
    # members among themselves
    "two members have one name": Refusal(
        members(MEMBER, {**MEMBER, "context": "member4"}),
        "members[1].name",
        '"member3" is the name of members[0]',
        setting("members[1].name", "NAME"),
    ),
    "two members have one endpoint host": Refusal(
        members(MEMBER, {**OTHER, "apiEndpoint": "https://10.0.0.3:7443"}),
        "members[1].apiEndpoint",
        '"https://10.0.0.3:7443" has the host of members[0]',
        setting("members[1].apiEndpoint", "https://ADDRESS:6443"),
    ),
    "a member is the host cluster by its context": Refusal(
        member(kubeconfig="~/karmada.config", context="karmada-host", apiEndpoint="https://10.0.0.3:6443"),
        "members[0].context",
        '"karmada-host" is the host cluster',
        setting("members[0].context", "CONTEXT"),
    ),
    "a member is the Karmada API": Refusal(
        member(kubeconfig="~/karmada.config", context="karmada-apiserver"),
        "members[0].context",
        '"karmada-apiserver" is the host cluster',
        setting("members[0].context", "CONTEXT"),
    ),
    "a member is the host cluster by its kind cluster": Refusal(
        {**host(kind="member3"), **member(kind="member3")},
        "members[0].context",
        '"member3" is the host cluster',
        setting("members[0].context", "CONTEXT"),
    ),
    "there is no member": Refusal({"members": []}, "members", "names no member", setting("members[0].name", "MEMBER")),
    "members are left out": Refusal(
        {"members": None}, "members", "names no member", setting("members[0].name", "MEMBER")
    ),
    "a node's address is asked for, and no node has one": Refusal(
        {**bare_host(context="karmada-apiserver", karmadaContext="karmada-host"), **proxy(exposure="nodePort")},
        "host.address",
        'it is missing, and the nodes of "karmada-apiserver" do not tell: none has an address',
        setting("host.address", "ADDRESS"),
    ),
    "a node's address is asked for of a context that is unknown": Refusal(
        {**bare_host(context="typo"), **proxy(exposure="nodePort")},
        "host.context",
        '"typo"',
        setting("host.context", "CONTEXT"),
    ),
    "a load balancer's address that is given is loopback": Refusal(
        {**host(address="127.0.0.1"), **proxy(exposure="loadBalancer")},
        "host.address",
        '"127.0.0.1" is loopback',
        setting("host.address", "ADDRESS"),
    ),
    "a member has no agent": Refusal(
        member(replicas=0), "members[0].replicas", "0 should be greater", setting("members[0].replicas", "VALUE")
    ),
    "the namespace of Karmada's pods is no name": Refusal(
        host(karmadaNamespace="Karmada System"),
        "host.karmadaNamespace",
        '"Karmada System" should be a DNS label',
        setting("host.karmadaNamespace", "VALUE"),
    ),
}
