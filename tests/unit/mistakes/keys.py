"""Keys that are none, and values of a wrong type."""

from __future__ import annotations

from tests.unit.machines import MEMBER
from tests.unit.mistakes.refusal import (
    SET,
    Refusal,
    build,
    certificates,
    host,
    member,
    members,
    monitoring,
    proxy,
    to_remove,
    to_set,
)

KEYS = {
    # keys that are none
    "a section is misspelt": to_remove({"proxi": {}}, "proxi", "there is no such key; did you mean proxy?"),
    "a section is made up, and those that are there are listed": to_remove(
        {"xyz": {}},
        "xyz",
        "there is no such key; there are host, memberDefaults, members, discover, away, images, proxy, certificates, "
        "monitoring",
    ),
    "a key is in snake case": to_remove(
        host(karmada_context="x"), "host.karmada_context", "did you mean karmadaContext?"
    ),
    "a key of a member's agent is misspelt": to_remove(
        member(agent={"containers": "x"}), "members.member3.agent.containers", "did you mean container?"
    ),
    "a key of all members is none of theirs alone": to_remove(
        {"memberDefaults": {"context": "x"}},
        "memberDefaults.context",
        "there is no such key; there are kubeconfig, namespace,",
    ),
    "where an API server is counts for one member alone": to_remove(
        {"memberDefaults": {"apiAddress": "10.0.0.3"}}, "memberDefaults.apiAddress", "there is no such key"
    ),
    "a member has its name once more": to_remove(
        member(name="member3"), "members.member3.name", "a member's name is its key below `members`"
    ),
    "a key has another name now": to_remove(
        certificates(trustedCaKeys=[1, 2]), "certificates.trustedCaKeys", "did you mean caKeys?"
    ),
    "a key of what is in a list is misspelt": to_remove(
        proxy(tolerations=[{"key": "edge"}, {"efect": "NoSchedule"}]),
        "proxy.tolerations[1].efect",
        "there is no such key; did you mean effect?",
    ),
    # wrong types
    "the host is left out": Refusal({"host": None}, "host", "it is missing", SET.format("host.context", "CONTEXT")),
    "the host has no context": to_set({"host": {"address": "10.0.0.1"}}, "host.context", "it is missing", "VALUE"),
    "a section is a text": to_remove({"host": "karmada-host"}, "host", "'karmada-host' is not an object"),
    "members are a text": to_remove({"members": "member3"}, "members", "'member3' is not an object"),
    "members are a list": Refusal(
        {"members": [{"name": "member3", **MEMBER}]},
        "members",
        "it is a list, but members are a map by their names",
        SET.format("members.member3.kubeconfig", "'~/members.config'"),
    ),
    "a member is a text": to_set(
        {"members": {"member3": "here"}}, "members.member3", '"here" should be an object', "VALUE"
    ),
    "what counts for all members has a wrong type": to_set(
        {"memberDefaults": {"kubeconfig": "~/members.config", "paused": 1}, **members({}, {})},
        "memberDefaults.paused",
        "1 should be a valid boolean",
        "VALUE",
    ),
    "a port is a text": to_set(proxy(port="8088"), "proxy.port", '"8088" should be a valid integer', "VALUE"),
    "a context is empty": to_set(host(context=""), "host.context", '"" should be a context', "CONTEXT"),
    "a context would be an option": to_set(
        member(context="--help"),
        "members.member3.context",
        '"--help" should be a context: printable, and without a hyphen in front',
        "CONTEXT",
    ),
    "a kind cluster's name is none": to_set(
        member(kind="Member_3"), "members.member3.kind", '"Member_3" should be a kind cluster\'s name', "NAME"
    ),
    "a build argument, in a map of the user's own, is a number": to_set(
        build(args={"GO_VERSION": 1}), "images.build.args.GO_VERSION", "1 should be a", "VALUE"
    ),
    "a list is a text": to_set(
        proxy(allowedSources="10.0.0.0/8"), "proxy.allowedSources", '"10.0.0.0/8" should be a list', "VALUE"
    ),
    "a list is an object": to_set(
        monitoring(namespaces={"name": "monitoring"}), "monitoring.namespaces", "should be a list", "VALUE"
    ),
    "a value of what is in a list is none": to_set(
        proxy(tolerations=[{"operator": "In"}]),
        "proxy.tolerations[0].operator",
        "\"In\" should be 'Equal' or 'Exists'",
        "VALUE",
    ),
    "what is in a list is a text": to_set(
        proxy(tolerations=["gateway"]), "proxy.tolerations[0]", '"gateway" should be an object', "VALUE"
    ),
    "an annotation, whose key has dots, is no text": to_set(
        proxy(exposure="nodePort", serviceAnnotations={"example.org/internal": True}),
        'proxy.serviceAnnotations["example.org/internal"]',
        "true should be a valid string",
        "VALUE",
    ),
    "a label of monitoring has no value that Kubernetes takes": to_remove(
        monitoring(labels={"release": "kube stack"}),
        "monitoring.labels",
        '"kube stack", of "release", is no label\'s value',
    ),
    "a map is a list": to_set(
        monitoring(labels=["release"]), "monitoring.labels", '["release"] should be an object', "VALUE"
    ),
}
