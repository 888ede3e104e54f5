"""What may be wrong with the host and the members."""

from __future__ import annotations

from tests.unit.machines import HOST, MEMBER
from tests.unit.mistakes.refusal import SET, Refusal, bare_host, host, member, members, proxy, to_remove, to_set

ENDPOINT = "members.member3.apiEndpoint"
ADDRESS = "https://ADDRESS:6443"


def endpoint(url: str, why: str, value: str = ADDRESS) -> Refusal:
    return to_set(member(apiEndpoint=url), ENDPOINT, f'"{url}" {why}', value)


CLUSTERS = {
    # what this machine has not
    "the host's kubeconfig is no file": to_set(host(kubeconfig="~/nowhere"), "host.kubeconfig", '"~/nowhere"', "PATH"),
    "the Karmada API's context is unknown": to_set(
        host(karmadaContext="typo"), "host.karmadaContext", '"typo"', "CONTEXT"
    ),
    "a member's context is unknown, and the known ones are listed": to_set(
        member(context="typo"),
        "members.member3.context",
        '"typo" is no context of ~/members.config, which has default-port, here,',
        "CONTEXT",
    ),
    "a member without a context whose name is none": to_set(
        {"members": {"edge-9": MEMBER}}, "members.edge-9.context", '"edge-9"', "CONTEXT"
    ),
    "the host's kind node is missing": to_set(
        host(kind="gone"), "host.kind", '"gone": no container gone-control-plane', "NAME"
    ),
    "a member's kind node is missing": to_set(member(kind="gone"), "members.member3.kind", '"gone"', "NAME"),
    # the host
    "the host's context is the Karmada API's": to_set(
        host(context="karmada-apiserver"), "host.context", '"karmada-apiserver" is host.karmadaContext too', "CONTEXT"
    ),
    "the Karmada API's context is the host's": to_set(
        host(karmadaContext="karmada-host"),
        "host.karmadaContext",
        '"karmada-host" is host.context too: the host cluster and the Karmada API that runs in it are two',
        "CONTEXT",
    ),
    "the host has neither an address nor a kind node": to_set(
        {"host": {key: HOST[key] for key in ("kubeconfig", "context")}}, "host.address", "it is missing", "ADDRESS"
    ),
    "a node's address is asked for, and no node has one": to_set(
        {**bare_host(context="karmada-apiserver", karmadaContext="karmada-host"), **proxy(exposure="nodePort")},
        "host.address",
        'it is missing, and the nodes of "karmada-apiserver" do not tell: none has an address',
        "ADDRESS",
    ),
    "a node's address is asked for of a context that is unknown": to_set(
        {**bare_host(context="typo"), **proxy(exposure="nodePort")}, "host.context", '"typo"', "CONTEXT"
    ),
    "the host's address is loopback": to_set(
        host(address="127.0.0.1"), "host.address", '"127.0.0.1" is loopback', "ADDRESS"
    ),
    "the host's address has a port": to_set(
        host(address="10.0.0.1:8091"), "host.address", '"10.0.0.1:8091" is neither', "ADDRESS"
    ),
    # members' endpoints
    "a member's endpoint is no URL": endpoint("https://10.0.0.3:http", "is no URL with a valid host and port"),
    "a member's endpoint lacks a host": endpoint("https://:6443", "lacks a host"),
    "a member's endpoint has two hosts": endpoint("https://10.0.0.3 10.0.0.4:6443", "has a host that is neither"),
    "a member's endpoint is loopback in IPv6": endpoint("https://[::1]:6443", "is loopback"),
    "a member's endpoint has capitals, which are compared": endpoint(
        "https://API.example.org:6443/Path",
        "has capitals in its host",
        "https://api.example.org:6443/Path",
    ),
    "a member's kubeconfig names loopback and it is no kind cluster": to_set(
        member(context="here-too"), ENDPOINT, '"https://localhost:40004" is loopback', ADDRESS
    ),
    "a member's kubeconfig names no https": to_set(
        member(context="plain"), ENDPOINT, '"http://10.0.0.5:8080" is not https', ADDRESS
    ),
    # members among themselves
    "two members have one endpoint host": to_set(
        members(MEMBER, {**MEMBER, "context": "member4", "apiEndpoint": "https://10.0.0.3:7443"}),
        "members.member4.apiEndpoint",
        '"https://10.0.0.3:7443" has the host of members.member3 too',
        ADDRESS,
    ),
    "a member is the host cluster by its context": to_set(
        member(kubeconfig="~/karmada.config", context="karmada-host", apiEndpoint="https://10.0.0.3:6443"),
        "members.member3.context",
        '"karmada-host" is the host cluster',
        "CONTEXT",
    ),
    "a member is the host cluster by its kind cluster": to_set(
        {**host(kind="member3"), **member(kind="member3")},
        "members.member3.context",
        '"member3" is the host cluster',
        "CONTEXT",
    ),
    "there is no member": Refusal(
        {"members": None}, "members", "names no member", SET.format("members.MEMBER.context", "CONTEXT")
    ),
    "a member's name is no DNS label": to_remove(
        {"members": {"Member 3": {**MEMBER, "context": "member3"}}},
        'members["Member 3"]',
        'its name, "Member 3" should be a DNS label',
    ),
}
