"""Keys that are none, and values of a wrong type."""

from __future__ import annotations

from tests.unit.machines import MEMBER
from tests.unit.mistakes.refusal import (
    Refusal,
    build,
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
        "there is no such key; there are host, members, images, proxy, certificates, monitoring",
        removing("xyz"),
    ),
    "a key of a section is misspelt": Refusal(
        host(contxt="x"), "host.contxt", "did you mean context?", removing("host.contxt")
    ),
    "a key is in snake case": Refusal(
        host(karmada_context="x"),
        "host.karmada_context",
        "did you mean karmadaContext?",
        removing("host.karmada_context"),
    ),
    "a key of a member is misspelt": Refusal(
        member(endpoint="x"), "members[0].endpoint", "did you mean apiEndpoint?", removing("members[0].endpoint")
    ),
    "a key of a member's agent is misspelt": Refusal(
        member(agent={"containers": "x"}),
        "members[0].agent.containers",
        "did you mean container?",
        removing("members[0].agent.containers"),
    ),
    "a key of the build is misspelt": Refusal(
        build(comit="x"), "images.build.comit", "did you mean commit?", removing("images.build.comit")
    ),
    # wrong types
    "the host is left out": Refusal({"host": None}, "host", "it is missing", setting("host.context", "CONTEXT")),
    "the host has no context": Refusal(
        {"host": {"address": "10.0.0.1"}}, "host.context", "it is missing", setting("host.context", "VALUE")
    ),
    "a member has no name": Refusal(
        members({"kubeconfig": "~/members.config"}), "members[0].name", "missing", setting("members[0].name", "VALUE")
    ),
    "a section is a text": Refusal(
        {"host": "karmada-host"}, "host", "'karmada-host' is not an object", removing("host")
    ),
    "a section is a number": Refusal({"proxy": 8088}, "proxy", "8088 is not an object", removing("proxy")),
    "a section is a list": Refusal({"images": []}, "images", "[] is not an object", removing("images")),
    "members are an object": Refusal({"members": MEMBER}, "members", "is not a list", removing("members")),
    "a member is a text": Refusal(
        {"members": ["member3"]}, "members[0]", '"member3" should be an object', setting("members[0]", "VALUE")
    ),
    "a member's agent is a text": Refusal(
        member(agent="x"), "members[0].agent", '"x" should be an object', setting("members[0].agent", "VALUE")
    ),
    "a port is a text": Refusal(
        proxy(port="8088"), "proxy.port", '"8088" should be a valid integer', setting("proxy.port", "VALUE")
    ),
    "a switch is a text": Refusal(
        member(registered="yes"),
        "members[0].registered",
        '"yes" should be a valid boolean',
        setting("members[0].registered", "VALUE"),
    ),
    "a context is a number": Refusal(
        host(context=7), "host.context", "7 should be a", setting("host.context", "VALUE")
    ),
    "a context is empty": Refusal(
        host(context=""), "host.context", '"" should be a text that is not empty', setting("host.context", "VALUE")
    ),
    "a frontend is none": Refusal(
        proxy(frontend="open"),
        "proxy.frontend",
        "\"open\" should be 'guarded' or 'builtin'",
        setting("proxy.frontend", "VALUE"),
    ),
    "a member's name is no DNS label": Refusal(
        member(name="Member 3", context="member3"),
        "members[0].name",
        '"Member 3" should be a DNS label',
        setting("members[0].name", "VALUE"),
    ),
    "a build argument is a number": Refusal(
        build(args={"GO_VERSION": 1}),
        "images.build.args.GO_VERSION",
        "1 should be a",
        setting("images.build.args.GO_VERSION", "VALUE"),
    ),
    # within lists and maps of the user's own
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
    "a key of what is in a list is misspelt": Refusal(
        proxy(tolerations=[{}, {"efect": "NoSchedule"}]),
        "proxy.tolerations[1].efect",
        "there is no such key; did you mean effect?",
        removing("proxy.tolerations[1].efect"),
    ),
    "a value of what is in a list is none": Refusal(
        proxy(tolerations=[{"operator": "In"}]),
        "proxy.tolerations[0].operator",
        '"In" should be Equal or Exists',
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
