"""What may be wrong with the host and the members."""

from __future__ import annotations

import json

from tests.unit.machines import HOST, MEMBER
from tests.unit.mistakes.refusal import SET, Refusal, bare_host, host, member, proxy, to_remove, to_set

ENDPOINT, API_ADDRESS = "members.member3.apiEndpoint", "members.member3.apiAddress"
URL = "https://HOST:6443"


def endpoint(url: str, why: str) -> Refusal:
    return to_set(member(apiEndpoint=url), ENDPOINT, f"{json.dumps(url)} {why}", URL)


def api_address(address: str) -> Refusal:
    why = f'"{address}" is neither an IP address nor a DNS name, alone or with a port'
    return to_set(member(apiAddress=address), API_ADDRESS, why, "HOST:6443")


def stays_inside(address: str) -> Refusal:
    """An API server that a member guard would take for itself."""
    why = f'"{address}" is loopback: the guard would dial itself'
    return to_set(member(apiAddress=address), API_ADDRESS, why, "HOST:6443")


def short(address: str) -> Refusal:
    """An API server by a name that only the pod's search list makes a whole one."""
    why = f'"{address}" is a short name, and the guard asks the DNS for whole ones'
    return to_set(member(apiAddress=address), API_ADDRESS, why, "NAME.DOMAIN:6443")


def name(of: str) -> Refusal:
    """A member by a name that is none."""
    key = f"members.{of}" if of.replace("-", "").isalnum() else f'members["{of}"]'
    why = f'its name, "{of}" should be a DNS label of at most 48 characters, as Karmada has it'
    return to_remove({"members": {of: {**MEMBER, "context": "member3"}}}, key, why)


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
    "access is none": to_set(
        member(access="ssh"), "members.member3.access", '"ssh" should be kubeconfig or karmada', "VALUE"
    ),
    "a namespace has braces that stand for nothing": to_set(
        member(namespace="{member}-tunnel"),
        "members.member3.namespace",
        '"{member}-tunnel" should be a DNS label',
        "VALUE",
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
    "a member's endpoint has a zone": endpoint("https://[fe80::1%25eth0]:6443", "has a host that is neither"),
    "a member's endpoint has a path": endpoint("https://10.0.0.3:6443/k8s", "has a path beside its host and port"),
    "a member's endpoint has a query": endpoint("https://10.0.0.3:6443?a=b", "has a query beside its host and port"),
    "a member's endpoint has a fragment": endpoint("https://10.0.0.3#a", "has a fragment beside its host and port"),
    "a member's endpoint has a user": endpoint("https://a@10.0.0.3:6443", "has a user beside its host and port"),
    "a member's endpoint has a password": endpoint("https://:a@10.0.0.3", "has a user beside its host and port"),
    "a member's endpoint has an empty query": endpoint("https://10.0.0.3?", "is no URL with a valid host and port"),
    "a member's endpoint has an empty fragment": endpoint("https://10.0.0.3#", "is no URL with a valid host and port"),
    "a member's endpoint has a line break": endpoint("https://10.0.0.3\n:6443", "is no URL with a valid host and port"),
    "a member's endpoint ends with a line break": endpoint(
        "https://10.0.0.3:6443\n", "is no URL with a valid host and port"
    ),
    "a member's endpoint has port 0": endpoint("https://10.0.0.3:0", "is no URL with a valid host and port"),
    "a member's kubeconfig goes by the path of a proxy": to_set(
        member(context="rancher"), ENDPOINT, "has a path beside its host and port", URL
    ),
    "a member's kubeconfig names no https": to_set(
        member(context="plain"), ENDPOINT, '"http://10.0.0.5:8080" is not https', URL
    ),
    # members' API servers, as their own pods reach them
    "a member's API server has a URL": api_address("https://10.0.0.3:6443"),
    "a member's API server has two ports": api_address("10.0.0.3:6443:6443"),
    "a member's API server has a port of letters": api_address("10.0.0.3:https"),
    "a member's API server has no port behind its colon": api_address("10.0.0.3:"),
    "a member's API server has a port alone": api_address(":6443"),
    "a member's API server has port 0": api_address("10.0.0.3:0"),
    "a member's API server has a port above all": api_address("10.0.0.3:65536"),
    "a member's API server would be more than one word to the guard": api_address("10.0.0.3:6443 check"),
    "a member's API server has a zone, and more than one word in it": api_address("fe80::1%eth0 check"),
    "a member's API server is loopback": stays_inside("127.0.0.1"),
    "a member's API server is loopback by another address and with a port": stays_inside("127.1.2.3:6443"),
    "a member's API server is loopback in IPv6": stays_inside("::1"),
    "a member's API server is loopback in IPv6, with a port": stays_inside("[::1]:6443"),
    "a member's API server is every address": stays_inside("0.0.0.0"),
    "a member's API server is every address in IPv6": stays_inside("[::]:6443"),
    "a member's API server is loopback by name": stays_inside("localhost:6443"),
    "a member's API server has a short name": short("api"),
    "a member's API server has a short name and a port": short("api:65535"),
    "a member's API server is one of the guard's environment": api_address("${KUBERNETES_SERVICE_HOST}:443"),
    "a port of a member's API server is none": to_set(
        member(apiPorts=[6443, 65536]), "members.member3.apiPorts[1]", "65536 should be less than or equal", "VALUE"
    ),
    # members among themselves
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
    "a member's name is no DNS label": name("Member 3"),
    "a member's name has a dot": name("member.3"),
    "a member's name ends with a hyphen": name("member3-"),
    "a member's name has 49 characters": name("m" * 49),
}
