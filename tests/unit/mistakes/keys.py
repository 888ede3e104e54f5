"""Keys that are none, and values of a wrong type."""

from __future__ import annotations

from tests.unit.machines import MEMBER
from tests.unit.mistakes.refusal import (
    Refusal,
    build,
    certificates,
    host,
    member,
    members,
    monitoring,
    proxy,
    removing,
    setting,
)

KEYS = {
    # keys that are none
    "a section is misspelt": Refusal(
        {"proxi": {}}, "proxi", "there is no such key; did you mean proxy?", removing("proxi")
    ),
    "a section is made up, and those that are there are listed": Refusal(
        {"xyz": {}},
        "xyz",
        "there is no such key; there are host, memberDefaults, members, images, proxy, certificates, monitoring",
        removing("xyz"),
    ),
    "a key is in snake case": Refusal(
        host(karmada_context="x"),
        "host.karmada_context",
        "did you mean karmadaContext?",
        removing("host.karmada_context"),
    ),
    "a key of a member's agent is misspelt": Refusal(
        member(agent={"containers": "x"}),
        "members.member3.agent.containers",
        "did you mean container?",
        removing("members.member3.agent.containers"),
    ),
    "a key of all members is none of theirs alone": Refusal(
        {"memberDefaults": {"context": "x"}},
        "memberDefaults.context",
        "there is no such key; there are kubeconfig, namespace,",
        removing("memberDefaults.context"),
    ),
    "a member has its name once more": Refusal(
        member(name="member3"),
        "members.member3.name",
        "a member's name is its key below `members`",
        removing("members.member3.name"),
    ),
    "a key has another name now": Refusal(
        certificates(trustedCaKeys=[1, 2]),
        "certificates.trustedCaKeys",
        "did you mean caKeys?",
        removing("certificates.trustedCaKeys"),
    ),
    "a key of what is in a list is misspelt": Refusal(
        proxy(tolerations=[{}, {"efect": "NoSchedule"}]),
        "proxy.tolerations[1].efect",
        "there is no such key; did you mean effect?",
        removing("proxy.tolerations[1].efect"),
    ),
    # wrong types
    "the host is left out": Refusal({"host": None}, "host", "it is missing", setting("host.context", "CONTEXT")),
    "the host has no context": Refusal(
        {"host": {"address": "10.0.0.1"}}, "host.context", "it is missing", setting("host.context", "VALUE")
    ),
    "a section is a text": Refusal(
        {"host": "karmada-host"}, "host", "'karmada-host' is not an object", removing("host")
    ),
    "members are a text": Refusal({"members": "member3"}, "members", "'member3' is not an object", removing("members")),
    "members are a list": Refusal(
        {"members": [{"name": "member3", **MEMBER}]},
        "members",
        "it is a list, but members are a map by their names",
        setting("members.member3.kubeconfig", "'~/members.config'"),
    ),
    "a member is a text": Refusal(
        {"members": {"member3": "here"}},
        "members.member3",
        '"here" should be an object',
        setting("members.member3", "VALUE"),
    ),
    "what counts for all members has a wrong type": Refusal(
        {"memberDefaults": {"kubeconfig": "~/members.config", "paused": 1}, **members({}, {})},
        "memberDefaults.paused",
        "1 should be a valid boolean",
        setting("memberDefaults.paused", "VALUE"),
    ),
    "a port is a text": Refusal(
        proxy(port="8088"), "proxy.port", '"8088" should be a valid integer', setting("proxy.port", "VALUE")
    ),
    "a context is empty": Refusal(
        host(context=""), "host.context", '"" should be a context', setting("host.context", "CONTEXT")
    ),
    "a context would be an option": Refusal(
        member(context="--help"),
        "members.member3.context",
        '"--help" should be a context: printable, and without a hyphen in front',
        setting("members.member3.context", "CONTEXT"),
    ),
    "a kind cluster's name is none": Refusal(
        member(kind="Member_3"),
        "members.member3.kind",
        '"Member_3" should be a kind cluster\'s name',
        setting("members.member3.kind", "NAME"),
    ),
    "a build argument, in a map of the user's own, is a number": Refusal(
        build(args={"GO_VERSION": 1}),
        "images.build.args.GO_VERSION",
        "1 should be a",
        setting("images.build.args.GO_VERSION", "VALUE"),
    ),
    "a list is a text": Refusal(
        proxy(allowedSources="10.0.0.0/8"),
        "proxy.allowedSources",
        '"10.0.0.0/8" should be a list',
        setting("proxy.allowedSources", "VALUE"),
    ),
    "a list is an object": Refusal(
        monitoring(namespaces={"name": "monitoring"}),
        "monitoring.namespaces",
        "should be a list",
        setting("monitoring.namespaces", "VALUE"),
    ),
    "a value of what is in a list is none": Refusal(
        proxy(tolerations=[{"operator": "In"}]),
        "proxy.tolerations[0].operator",
        "\"In\" should be 'Equal' or 'Exists'",
        setting("proxy.tolerations[0].operator", "VALUE"),
    ),
    "what is in a list is a text": Refusal(
        proxy(tolerations=["gateway"]),
        "proxy.tolerations[0]",
        '"gateway" should be an object',
        setting("proxy.tolerations[0]", "VALUE"),
    ),
    "an annotation, whose key has dots, is no text": Refusal(
        proxy(exposure="nodePort", serviceAnnotations={"example.org/internal": True}),
        'proxy.serviceAnnotations["example.org/internal"]',
        "true should be a valid string",
        setting('proxy.serviceAnnotations["example.org/internal"]', "VALUE"),
    ),
    "a map is a list": Refusal(
        monitoring(labels=["release"]),
        "monitoring.labels",
        '["release"] should be an object',
        setting("monitoring.labels", "VALUE"),
    ),
}
