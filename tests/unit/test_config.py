"""What a stack's config may be, what is looked up for it, and what each mistake is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pulumi
import pytest

from answers import Json
from settings import UPSTREAM, Frontend
from tests.unit.machines import HOST, MEMBER, OTHER, load

FORK = "https://github.com/mrlihanbo/apiserver-network-proxy"
SET = "pulumi config set --path 'karmada-anp:{0}' {1}"
RM = "pulumi config rm --path 'karmada-anp:{0}'"


class Refusal(NamedTuple):
    """A config that is refused: its sections, and what the message must name."""

    sections: Mapping[str, Json]
    key: str
    found: str
    mend: str


def host(**keys: Json) -> dict[str, Json]:
    return {"host": {**HOST, **keys}}


def members(*them: Mapping[str, Json]) -> dict[str, Json]:
    return {"members": list(them)}


def member(**keys: Json) -> dict[str, Json]:
    return members({**MEMBER, **keys})


def images(**keys: Json) -> dict[str, Json]:
    return {"images": keys}


def build(**keys: Json) -> dict[str, Json]:
    return images(build=keys)


def proxy(**keys: Json) -> dict[str, Json]:
    return {"proxy": keys}


def certificates(**keys: Json) -> dict[str, Json]:
    return {"certificates": keys}


def setting(key: str, value: str) -> str:
    return SET.format(key, value)


REFUSALS = {
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
    # images
    "images are neither built nor published": Refusal(
        images(registry="example.org"), "images", "neither built", RM.format("images")
    ),
    "images are built and published": Refusal(
        images(build={}, server="example.org/server", agent="example.org/agent"),
        "images",
        "both built",
        RM.format("images.build"),
    ),
    "only the server's image is published": Refusal(
        images(server="example.org/server"), "images.agent", "it is missing", setting("images.agent", "IMAGE")
    ),
    "only the agent's image is published": Refusal(
        images(agent="example.org/agent"), "images.server", "it is missing", setting("images.server", "IMAGE")
    ),
    "sources have a ref but no commit": Refusal(
        build(ref="v0.35.0"), "images.build.commit", "it is missing", setting("images.build.commit", "COMMIT")
    ),
    "sources of another repository have a commit but no ref": Refusal(
        build(repository=FORK, commit="0" * 40), "images.build.ref", "it is missing", setting("images.build.ref", "REF")
    ),
    "a commit is abbreviated": Refusal(
        build(ref="v0.36.0", commit="e843261"),
        "images.build.commit",
        '"e843261" should be a whole commit: 40 hexadecimal digits',
        setting("images.build.commit", "VALUE"),
    ),
    # the proxy
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
        proxy(replicas=0), "proxy.replicas", "0 is below 1", setting("proxy.replicas", "1")
    ),
    "there are two proxy-servers on the host network": Refusal(
        proxy(replicas=2), "proxy.replicas", "2 is above 1", setting("proxy.replicas", "1")
    ),
    "the plain port is one of ANP's own": Refusal(
        proxy(port=8091), "proxy.port", "8091 is one of ANP's own ports (8090 to 8095)", setting("proxy.port", "8088")
    ),
    "the plain port is a privileged one": Refusal(proxy(port=80), "proxy.port", "80", setting("proxy.port", "VALUE")),
    "the credential's generation is 0": Refusal(
        proxy(credential=0), "proxy.credential", "0", setting("proxy.credential", "VALUE")
    ),
    # certificates
    "renewal begins before the certificate does": Refusal(
        certificates(validityHours=24, renewBeforeHours=24),
        "certificates.renewBeforeHours",
        "24 is not below validityHours (24)",
        setting("certificates.renewBeforeHours", "2"),
    ),
    "a CA does not outlive what it signs": Refusal(
        certificates(validityHours=100, renewBeforeHours=10, caValidityHours=110),
        "certificates.caValidityHours",
        "110 is not above validityHours and renewBeforeHours together (110)",
        setting("certificates.caValidityHours", "1000"),
    ),
    "a certificate lives for no hour": Refusal(
        certificates(validityHours=0), "certificates.validityHours", "0", setting("certificates.validityHours", "VALUE")
    ),
    # keys that are none
    "a section is misspelt": Refusal(
        {"proxi": {}}, "proxi", "there is no such key; did you mean proxy?", RM.format("proxi")
    ),
    "a section is made up, and those that are there are listed": Refusal(
        {"xyz": {}},
        "xyz",
        "there is no such key; there are host, members, images, proxy, certificates",
        RM.format("xyz"),
    ),
    "a key of a section is misspelt": Refusal(
        host(contxt="x"), "host.contxt", "did you mean context?", RM.format("host.contxt")
    ),
    "a key is in snake case": Refusal(
        host(karmada_context="x"),
        "host.karmada_context",
        "did you mean karmadaContext?",
        RM.format("host.karmada_context"),
    ),
    "a key of a member is misspelt": Refusal(
        member(endpoint="x"), "members[0].endpoint", "did you mean apiEndpoint?", RM.format("members[0].endpoint")
    ),
    "a key of a member's agent is misspelt": Refusal(
        member(agent={"containers": "x"}),
        "members[0].agent.containers",
        "did you mean container?",
        RM.format("members[0].agent.containers"),
    ),
    "a key of the build is misspelt": Refusal(
        build(comit="x"), "images.build.comit", "did you mean commit?", RM.format("images.build.comit")
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
        {"host": "karmada-host"}, "host", "'karmada-host' is not an object", RM.format("host")
    ),
    "a section is a number": Refusal({"proxy": 8088}, "proxy", "8088 is not an object", RM.format("proxy")),
    "a section is a list": Refusal({"images": []}, "images", "[] is not an object", RM.format("images")),
    "members are an object": Refusal({"members": MEMBER}, "members", "is not a list", RM.format("members")),
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
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_mistake_is_answered_with_its_key_what_was_found_and_what_mends_it(refusal: Refusal) -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(**refusal.sections)
    said = str(error.value)
    assert said.startswith("The stack's config has problems (")
    assert f"  - karmada-anp:{refusal.key}: " in said
    (problem,) = [each for each in said.split("\n  - ")[1:] if each.startswith(f"karmada-anp:{refusal.key}: ")]
    found, mend = problem.split("\n", 1)
    assert refusal.found in found
    assert refusal.mend in mend


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_one_mistake_is_one_problem(refusal: Refusal) -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(**refusal.sections)
    assert str(error.value).count("\n  - ") == 1, str(error.value)


def test_everything_that_is_wrong_is_reported_together() -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(
            **host(context="typo"),
            **members({**MEMBER, "apiEndpoint": "https://127.0.0.1:6443"}, {"name": "member4", "kind": "gone"}),
            **proxy(replicas=2, port=8091),
            **certificates(validityHours=0),
            typo={},
        )
    said = str(error.value)
    keys = ["typo", "certificates.validityHours", "host.context", "members[0].apiEndpoint", "members[1].context"]
    keys += ["members[1].kind", "proxy.replicas", "proxy.port"]
    assert said.startswith(f"The stack's config has problems ({len(keys)}):")
    assert [key for key in keys if f"karmada-anp:{key}: " not in said] == []


def test_a_kubeconfig_that_cannot_be_read_is_reported_once_a_key() -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(**host(kubeconfig="~/nowhere"))
    assert str(error.value).count("~/nowhere") == 1


def test_the_local_environment_needs_only_contexts_and_kind_names() -> None:
    settings = load(
        host={"kubeconfig": "~/karmada.config", "context": "karmada-host", "kind": "karmada-host"},
        members=[{**MEMBER, "kind": "member3"}],
    )
    (member3,) = settings.members
    assert settings.host.karmada_context == "karmada-apiserver"
    assert settings.host.address == "172.18.0.2"
    assert settings.host.namespace == member3.namespace == member3.agent.namespace == "karmada-system"
    assert member3.agent.deployment == member3.agent.container == "karmada-agent"
    assert (member3.context, member3.registered, member3.paused) == ("member3", False, False)
    assert settings.images.build is not None
    assert settings.images.build.repository == UPSTREAM
    assert settings.proxy.frontend is Frontend.GUARDED
    assert (settings.proxy.port, settings.proxy.replicas, settings.proxy.credential) == (8088, 1, 1)
    life = settings.certificates
    assert (life.validity_hours, life.renew_before_hours, life.ca_validity_hours) == (8_760, 720, 87_600)


def test_without_a_kubeconfig_contexts_come_from_where_kubeconfig_points() -> None:
    (member3,) = load(members=[{"name": "member3", "context": "elsewhere"}]).members
    assert member3.api_endpoint == "https://10.0.0.9:6443"


def test_an_endpoint_comes_from_the_members_kubeconfig() -> None:
    (member3,) = load().members
    assert (member3.api_endpoint, member3.host, member3.target) == (
        "https://10.0.0.3:6443",
        "10.0.0.3",
        "10.0.0.3:6443",
    )


def test_an_endpoint_comes_from_the_kind_node_where_the_kubeconfig_names_loopback() -> None:
    (member3,) = load(**member(context="here", kind="member3")).members
    assert member3.api_endpoint == "https://172.18.0.3:6443"


def test_a_kubeconfig_that_names_another_address_wins_over_the_kind_node() -> None:
    (member3,) = load(**member(kind="member3")).members
    assert member3.api_endpoint == "https://10.0.0.3:6443"


def test_an_endpoint_that_is_given_wins_over_both() -> None:
    (member3,) = load(**member(context="here", kind="member3", apiEndpoint="https://api.example.org:7443")).members
    assert (member3.host, member3.target) == ("api.example.org", "api.example.org:7443")


def test_an_ipv6_endpoint_is_bracketed_as_a_target_and_bare_as_an_identifier() -> None:
    (member3,) = load(**member(context="six")).members
    assert (member3.host, member3.target) == ("fd00::6", "[fd00::6]:6443")


def test_an_endpoint_without_a_port_is_reached_on_443() -> None:
    (member3,) = load(**member(context="default-port")).members
    assert member3.target == "api.example.org:443"


def test_an_address_that_is_given_wins_over_the_hosts_kind_node() -> None:
    assert load(**host(kind="karmada-host")).host.address == "10.0.0.1"


def test_a_kind_clusters_node_is_known_by_the_cluster_and_others_have_none() -> None:
    settings = load(**host(kind="karmada-host"))
    node = settings.node(settings.host)
    assert node is not None
    assert node.id == "c0ffee"
    assert settings.node(settings.members[0]) is None


def test_a_paused_member_is_a_member_but_not_an_active_one() -> None:
    settings = load(**members(MEMBER, {**OTHER, "paused": True}))
    assert [each.name for each in settings.members] == ["member3", "member4"]
    assert [each.name for each in settings.active] == ["member3"]


def test_a_paused_members_kind_node_may_be_away() -> None:
    settings = load(**members(MEMBER, {**OTHER, "kind": "gone", "paused": True}))
    assert settings.members[1].api_endpoint == "https://10.0.0.4:6443"
    assert settings.node(settings.members[1]) is None


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1", "proxy.example.org", "proxy-1"])
def test_the_hosts_address_may_be_an_ip_address_or_a_name(address: str) -> None:
    assert load(**host(address=address)).host.address == address


def test_the_fork_may_have_its_own_frontend() -> None:
    assert load(**proxy(frontend="builtin"), **build(repository=FORK, ref="v0.0.24/dev", commit="0" * 40))


def test_another_build_argument_is_another_tag() -> None:
    one, other = load(**build()).images.build, load(**build(args={"GO_VERSION": "1.27"})).images.build
    assert one is not None
    assert other is not None
    assert one.image_tag != other.image_tag
    assert one.image_tag.startswith("v0.36.0-")


def test_a_ref_with_a_slash_makes_a_tag_that_docker_takes() -> None:
    built = load(**build(repository=FORK, ref="v0.0.24/dev", commit="0" * 40)).images.build
    assert built is not None
    assert "/" not in built.image_tag
