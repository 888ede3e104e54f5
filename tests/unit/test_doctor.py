"""The doctor: which hop it names for what is wrong, and that it finds nothing wrong with what the program makes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pulumi
import pytest

from checks.doctor import __main__ as doctor
from checks.doctor.summary import summary
from checks.doctor.tunnel import Tunnel
from checks.doctor.walk import HOPS, walk
from checks.findings import Finding, State, Walk
from clusters.kubeconfig import Context
from clusters.objects import Json, items, parse, text
from components import anp
from components.host_guard import credential, mac_key
from config.settings import MemberSettings
from tests import issuing
from tests.unit.patient import KARMADA_AGENT_POD, NAMESPACE, Patient, path, settings
from tests.unit.reading import header
from tests.unit.stacks import MEMBER3, PAIR, balanced, changed, pair
from tools.render.program import Run

CLUSTER = "clusters/member3"
SERVER_PODS = f"{NAMESPACE} pods app=proxy-server"
AGENT_PODS = f"{NAMESPACE} pods app=proxy-agent"
KARMADA_AGENT = f"{NAMESPACE} deployments/karmada-agent"
PROXY_AGENT = f"{NAMESPACE} deployments/proxy-agent"
SERVER_CERT = f"{NAMESPACE} secrets/proxy-server-cert"
AGENT_CERT = f"{NAMESPACE} secrets/proxy-agent-cert"
CONTAINER = ("spec", "template", "spec", "containers", "0")

REFRESH = "pulumi up --refresh"

REQUEST = "/apis/cluster.karmada.io/v1alpha1/clusters/member3/proxy/readyz"


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def agent_certificate(**changed: Json) -> str:
    """member3's agent certificate issued once more, with other inputs, or so many hours ago (`began`)."""
    began = changed.pop("began", 0)
    assert isinstance(began, int)
    inputs = {**pair().the("LocallySignedCert", "member3-agent").inputs, **changed}
    return encoded(issuing.locally_signed(inputs, datetime.now(UTC) - timedelta(hours=began))[0])


def unknown_authority() -> dict[str, Json]:
    """The inputs of a certificate that a CA signed which nobody here trusts."""
    key = issuing.private_key_pem()
    inputs = {**pair().the("SelfSignedCert", "agent-ca-1").inputs, "privateKeyPem": key}
    return {"caPrivateKeyPem": key, "caCertPem": issuing.self_signed(inputs)[0]}


Change = Callable[[Patient], object]
"""What is done to a patient in whom all is right."""


def doing(context: str, what: str, *path: str, to: Json) -> Change:
    return lambda patient: patient.changed(context, what, *path, to=to)


def reporting(*path: str, to: Json) -> Change:
    """What the Cluster object says."""
    return doing("karmada-apiserver", CLUSTER, "spec", *path, to=to)


def waiting(context: str, pods: str, container: int, reason: str) -> Change:
    """A container that does not run."""
    state: Json = {"waiting": {"reason": reason}}
    return doing(context, pods, "status", "containerStatuses", str(container), "state", to=state)


def presenting(certificate: str) -> Change:
    """member3's agents have another certificate."""
    return doing("member3", AGENT_CERT, "data", "proxy-agent.crt", to=certificate)


def lacking(context: str, what: str) -> Change:
    return lambda patient: patient.gone(context, what)


def away(what: str) -> Change:
    return lambda patient: patient.away.add(what)


def silent(context: str, port: int, path: str = "/healthz") -> Change:
    return lambda patient: patient.silent.add((context, port, path))


def showing(header: str) -> Change:
    """The Cluster object has another credential."""
    return reporting("proxyHeader", "Proxy-Authorization", to=header)


def answering(status: int) -> Change:
    """How proxy-server answers a CONNECT to member3 that its guard lets through."""

    def change(patient: Patient) -> None:
        patient.answers["member3"] = status

    return change


def closing(patient: Patient) -> None:
    """Guards close what connects to their plain port."""
    patient.closes = True


def api_server_down(patient: Patient) -> None:
    """As the guard sees it that is beside proxy-agent."""
    patient.api_server_up = False


def connected(to: int) -> Change:
    def change(patient: Patient) -> None:
        patient.connections = str(to)

    return change


Row = tuple[Change, str, str, str]
"""What is done, the hop that is named, what is said of it, and what to do."""


def refreshed(change: Change, hop: str, detail: str) -> Row:
    """What the stack itself puts back."""
    return change, hop, detail, REFRESH


def restarted(change: Change, detail: str) -> Row:
    """What karmada-agent reports anew when it begins."""
    return change, "Cluster", detail, "rollout restart deployment/karmada-agent"


FAULTS: Mapping[str, Row] = {
    "the Karmada API is away": (away("karmada-apiserver"), "Karmada API", "connection refused", "aggregated-apiserver"),
    "karmada-agent is not there": (
        lacking("member3", KARMADA_AGENT),
        "karmada-agent",
        'there is no Deployment "karmada-agent"',
        "deploy it",
    ),
    "karmada-agent has lost its args": refreshed(
        doing("member3", KARMADA_AGENT, *CONTAINER, "args", to=[]),
        "karmada-agent",
        "--cluster-api-endpoint is not there, the stack's https://192.0.2.4:6443",
    ),
    "karmada-agent crash-loops": (
        waiting("member3", f"{NAMESPACE} pods {KARMADA_AGENT_POD}", 0, "CrashLoopBackOff"),
        "karmada-agent",
        "does not run: CrashLoopBackOff, 0 restarts",
        "logs --namespace=karmada-system pod/karmada-agent --container=karmada-agent --previous",
    ),
    "no pod of karmada-agent is ready": (
        doing("member3", KARMADA_AGENT, "status", to={}),
        "karmada-agent",
        "0 of 1 pods ready",
        "describe",
    ),
    "there is no Cluster": (lacking("karmada-apiserver", CLUSTER), "Cluster", "Karmada has no Cluster member3", "join"),
    "the Cluster is in Push mode": (
        reporting("syncMode", to="Push"),
        "Cluster",
        "it is in Push mode",
        "take the member out",
    ),
    "the Cluster's endpoint is loopback": restarted(
        reporting("apiEndpoint", to="https://127.0.0.1:6443"),
        "apiEndpoint is https://127.0.0.1:6443, the stack's https://192.0.2.4:6443",
    ),
    "the Cluster's endpoint is another": restarted(
        reporting("apiEndpoint", to="https://192.0.2.5:6443"),
        "apiEndpoint is https://192.0.2.5:6443, the stack's https://192.0.2.4:6443",
    ),
    "the Cluster names no proxy": restarted(
        reporting("proxyURL", to=""), "proxyURL is empty, the stack's http://192.0.2.3:8088"
    ),
    "the Cluster has no header": refreshed(
        reporting("proxyHeader", to={}), "Cluster", "proxyHeader is empty: the guard will answer 407"
    ),
    "the Cluster has another header": refreshed(
        reporting("proxyHeader", to={"X-Team": "a"}), "Cluster", "proxyHeader is empty: the guard will answer 407"
    ),
    "the Cluster has somebody else's credential": refreshed(
        showing("Basic dGhlaXJz"), "guard", "the credential on the Cluster object is none of the guard"
    ),
    "the Cluster has another member's credential": refreshed(
        showing(header(pair(), "member4")),
        "guard",
        "the credential on the Cluster object is that of member4",
    ),
    "the Cluster's credential is of a key that the guard does not have": refreshed(
        showing(credential("member3", mac_key("another"))),
        "guard",
        "proxy-server-1: it does not take the credential that is on the Cluster object: it answers 407",
    ),
    "the guard is one of an earlier version": refreshed(
        answering(403), "guard", "proxy-server-1: it takes no CONNECT to member3: it answers 403"
    ),
    "the guard closes what connects to it": refreshed(
        closing, "guard", "proxy-server-1: it takes no CONNECT to member3: it closes the connection without an answer"
    ),
    "no pod of proxy-server is there": refreshed(
        lacking("karmada-host", SERVER_PODS),
        "guard",
        'there is no pod of proxy-server in namespace "karmada-system" of karmada-host',
    ),
    "the guard hangs": (
        silent("karmada-host", anp.GUARD_METRICS_PORT),
        "guard",
        "proxy-server-1: proxy-guard runs, but on :8096 it does not answer within 5 s",
        "delete --namespace=karmada-system pod/proxy-server-1",
    ),
    "the guard crash-loops": (
        waiting("karmada-host", SERVER_PODS, 1, "CrashLoopBackOff"),
        "guard",
        "proxy-server-1: proxy-guard does not run: CrashLoopBackOff",
        "logs --namespace=karmada-system pod/proxy-server-1 --container=proxy-guard",
    ),
    "proxy-server hangs": (
        silent("karmada-host", anp.SERVER_HEALTH_PORT),
        "proxy-server",
        "proxy-server runs, but on :8092 it does not answer",
        "delete",
    ),
    "proxy-server waits for its image": (
        waiting("karmada-host", SERVER_PODS, 0, "ImagePullBackOff"),
        "proxy-server",
        "does not run: ImagePullBackOff",
        "describe --namespace=karmada-system pod/proxy-server-1",
    ),
    "the guard does not reach proxy-server": (
        answering(503),
        "proxy-server",
        "proxy-server-1: the guard beside it does not reach its socket: it answers 503",
        "delete --namespace=karmada-system pod/proxy-server-1",
    ),
    "the agent's certificate has ended": refreshed(
        presenting(agent_certificate(began=8_761)), "certificates", "member3-agent ended "
    ),
    "the agent's certificate is not valid yet": refreshed(
        presenting(agent_certificate(began=-1)), "certificates", "member3-agent begins "
    ),
    "the agent's certificate is another CA's": refreshed(
        presenting(agent_certificate(**unknown_authority())),
        "certificates",
        "member3-agent is signed by no CA that the other side trusts",
    ),
    "a certificate is missing": refreshed(
        doing("karmada-host", SERVER_CERT, "data", "cluster-cert.crt", to=""),
        "certificates",
        "agent-server is not there, or is no certificate",
    ),
    "the agents' Secret is gone": refreshed(
        lacking("member3", AGENT_CERT),
        "certificates",
        'there is no Secret "proxy-agent-cert" in namespace "karmada-system" of member3',
    ),
    "proxy-agent is not there": refreshed(
        lacking("member3", PROXY_AGENT), "proxy-agent", 'there is no Deployment "proxy-agent"'
    ),
    "proxy-agent has no pod": refreshed(
        lacking("member3", AGENT_PODS), "proxy-agent", "there is no pod of proxy-agent"
    ),
    "proxy-agent claims another host": refreshed(
        doing("member3", PROXY_AGENT, *CONTAINER, "args", to=["--agent-identifiers=host=192.0.2.5"]),
        "proxy-agent",
        "it is to be found as 192.0.2.5, the stack's is member3.member",
    ),
    "proxy-agent claims no host": refreshed(
        doing("member3", PROXY_AGENT, *CONTAINER, "args", to=[]),
        "proxy-agent",
        "it is to be found as nothing, the stack's is member3.member",
    ),
    "the member's guard waits for its image": (
        waiting("member3", AGENT_PODS, 1, "ImagePullBackOff"),
        "member guard",
        "proxy-agent-1: member-guard does not run: ImagePullBackOff",
        "describe --namespace=karmada-system pod/proxy-agent-1",
    ),
    "proxy-agent's pod is one of an earlier version": (
        doing("member3", AGENT_PODS, "status", "containerStatuses", to=[{"name": "proxy-agent", "state": {}}]),
        "member guard",
        "proxy-agent-1: member-guard is not among its containers",
        "describe --namespace=karmada-system pod/proxy-agent-1",
    ),
    "the member's guard hangs": (
        silent("member3", anp.GUARD_METRICS_PORT),
        "member guard",
        "proxy-agent-1: member-guard runs, but on :8096 it does not answer within 5 s",
        "delete --namespace=karmada-system pod/proxy-agent-1",
    ),
    "the member's guard has no time for its metrics": (
        silent("member3", anp.GUARD_METRICS_PORT, "/metrics"),
        "member guard",
        "proxy-agent-1: member-guard does not tell whether it reaches the API server: it does not answer within 5 s",
        "delete --namespace=karmada-system pod/proxy-agent-1",
    ),
    "the member's guard does not reach the API server": (
        api_server_down,
        "member guard",
        "proxy-agent-1: the API server at $KUBERNETES_SERVICE_HOST is not reached from there, or is not",
        "check NetworkPolicies and members.member3.apiPorts, or set members.member3.apiAddress",
    ),
    "proxy-agent is not connected": (
        silent("member3", anp.AGENT_HEALTH_PORT, "/readyz"),
        "tunnel",
        "proxy-agent-1 is connected to no proxy-server at 192.0.2.3:8091",
        "192.0.2.3:8091 is not reached from there",
    ),
    "proxy-agent has lost its connections": (
        connected(0),
        "tunnel",
        "proxy-agent-1 is connected to 0 of 1 proxy-servers",
        "logs --namespace=karmada-system pod/proxy-agent-1 --container=proxy-agent",
    ),
    "proxy-agent is stuck": (
        answering(500),
        "tunnel",
        "stuck: their metrics say connected, but proxy-server-1 has no tunnel to member3: it answers 500",
        "delete --namespace=karmada-system pod/proxy-agent-1  # others take their place",
    ),
    "proxy-agent does not reach the guard beside it": (
        answering(502),
        "tunnel",
        "proxy-server-1: an agent of member3 does not reach the guard in its own pod: it answers 502",
        "logs --namespace=karmada-system pod/proxy-agent-1 --container=proxy-agent",
    ),
    "nothing answers through the tunnel": (
        silent("karmada-host", 8088, "CONNECT"),
        "tunnel",
        "proxy-server-1: a CONNECT to member3 is held up: it does not answer within 5 s",
        "wait 30 s, in which a stalled session is closed; if it stays so: kubectl",
    ),
    "an agent that is there does not answer": (
        answering(504),
        "tunnel",
        "proxy-server-1: a CONNECT to member3 is held up: it answers 504",
        "delete --namespace=karmada-system pod/proxy-agent-1",
    ),
    "the member's API is down": (away("member3"), "member API", "connection refused", "see to the member's API server"),
    "all is right, and yet nothing comes through": (
        away(REQUEST),
        "request",
        f"GET {REQUEST}: proxyconnect tcp",
        "Karmada's own pods do not reach http://192.0.2.3:8088",
    ),
}


def first_of(patient: Patient, member: str = "member3") -> Finding:
    """The first that is not right on the way to a member."""
    found = walk(path(pair(), patient, member)).first
    assert found is not None
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_its_hop_with_what_to_do(fault: str) -> None:
    change, hop, detail, remedy = FAULTS[fault]
    patient = Patient(pair())
    change(patient)
    first = first_of(patient)
    assert (first.hop, first.state) == (hop, State.WRONG)
    assert detail in first.detail
    assert remedy in first.remedy


@pytest.mark.parametrize("answer", ["Bad Gateway", "Gateway Timeout"])
def test_an_endpoint_that_the_agent_cannot_dial_is_looked_for_at_the_agent(answer: str) -> None:
    patient = Patient(pair())
    patient.away.add(REQUEST)
    patient.says = answer
    first = first_of(patient)
    assert first.hop == "request"
    assert "logs --namespace=karmada-system deployment/proxy-agent --container=proxy-agent" in first.remedy
    assert first.remedy.endswith("# says why proxy-agent does not reach member3.member")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("x509: certificate is valid for 10.96.0.1, not 192.0.2.4", "the host of members.member3.apiEndpoint"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "the CA in the Cluster's"),
        ("error trying to reach service: EOF", "deployment/proxy-agent --container=member-guard"),
        ("read tcp 10.0.0.1:1->10.0.0.2:8088: read: connection reset by peer", "--container=member-guard"),
        ("proxyconnect tcp: EOF", "proxy.allowedSources"),
        ("proxyconnect tcp: read tcp 10.0.0.1:1: connection reset by peer", "proxy.allowedSources"),
        ("no answer within 10 s", "see to NetworkPolicies"),
    ],
)
def test_what_karmada_says_of_a_request_tells_how_far_it_came(said: str, remedy: str) -> None:
    """The endpoint is what the API server's certificate is checked against: none of the other hops looks at that."""
    patient = Patient(pair())
    patient.away.add(REQUEST)
    patient.says = said
    assert remedy in first_of(patient).remedy


@pytest.mark.parametrize("answer", ["Unauthorized", "Service Unavailable", "Internal Server Error"])
def test_an_answer_of_the_guards_own_is_not_blamed_on_the_way_to_it(answer: str) -> None:
    patient = Patient(pair())
    patient.away.add(REQUEST)
    patient.says = answer
    assert "rollout restart deployment/proxy-server" in first_of(patient).remedy


def test_what_the_karmada_api_itself_refuses_is_not_taken_for_an_answer_of_the_guards() -> None:
    patient = Patient(pair())
    patient.away.add(REQUEST)
    patient.says = 'clusters.cluster.karmada.io "member3" is forbidden: User "x" cannot get resource "clusters/proxy"'
    assert "rollout restart" not in first_of(patient).remedy


def test_a_registered_members_missing_grant_is_named_before_what_comes_of_it() -> None:
    patient = Patient(pair())
    patient.granted = False
    patient.changed("karmada-apiserver", "clusters/member4", "spec", "proxyURL", to="")
    first = first_of(patient, "member4")
    assert first.hop == "grant"
    assert first.remedy == "pulumi up --refresh"


def test_the_grant_is_asked_for_as_karmadactl_register_names_the_agent() -> None:
    patient = Patient(pair())
    walk(path(pair(), patient, "member4"))
    (asked,) = patient.asked
    assert text(asked, "spec", "user") == "system:karmada:agent:member4"
    assert text(asked, "spec", "resourceAttributes", "name") == "member4"


@cache
def stacks() -> Mapping[str, tuple[Run, dict[str, Json]]]:
    """Runs of the program, and the sections in which they differ from dev."""
    fork: dict[str, Json] = {
        "proxy": {"frontend": "documented"},
        "images": {"build": {"repository": "https://github.com/a/fork", "ref": "fork", "commit": "0" * 40}},
    }
    entry: dict[str, Json] = {"proxy": {"exposure": "loadBalancer"}}
    rotated: dict[str, Json] = {"certificates": {"caKeys": [2, 1]}}
    return {
        "dev": (pair(), {}),
        "fork": (changed((), members=_members(), **fork), fork),
        "load balancer": (changed((), members=_members(), **entry), entry),
        "two CAs": (changed((), members=_members(), **rotated), rotated),
    }


def _members() -> dict[str, Json]:
    return {each.name: each.model_dump(by_alias=True, mode="json", exclude_unset=True) for each in settings().members}


@pytest.mark.parametrize("name", ["dev", "fork", "load balancer", "two CAs"])
@pytest.mark.parametrize("member", ["member3", "member4"])
def test_nothing_is_wrong_with_what_the_program_makes(name: str, member: str) -> None:
    run, sections = stacks()[name]
    found = walk(path(run, Patient(run), member, sections))
    assert [each for each in found.findings if each.state is not State.RIGHT] == []


def test_the_fork_has_no_guard_and_does_not_tell_of_its_tunnel_and_only_a_registered_member_has_a_grant() -> None:
    hops = [name for name, _ in HOPS]
    fork, sections = stacks()["fork"]
    dev = [each.hop for each in walk(path(pair(), Patient(pair()), "member4")).findings]
    assert dev == [each for each in hops if each != "Works"]
    bare = [each.hop for each in walk(path(fork, Patient(fork), sections=sections)).findings]
    assert bare == [each for each in hops if each not in ("Works", "guard", "grant", "member guard", "tunnel")]


@pytest.mark.parametrize(("name", "presented"), [("dev", 2), ("fork", 3)])
def test_only_as_documented_has_a_frontend_with_a_certificate(name: str, presented: int) -> None:
    run, sections = stacks()[name]
    found = {each.hop: each.detail for each in walk(path(run, Patient(run), sections=sections)).findings}
    assert found["certificates"].startswith(f"{presented} are trusted, ")


def test_an_endpoint_on_loopback_is_not_wrong_where_the_tunnel_does_not_dial_it() -> None:
    members: Json = {**PAIR, "member3": {**MEMBER3, "apiEndpoint": "https://127.0.0.1:6443"}}
    run = changed((), members=members)
    assert walk(path(run, Patient(run), sections={"members": members})).first is None


def test_an_agent_is_found_by_its_members_name_whatever_else_it_is_found_by() -> None:
    """As in the `up` that takes the place of an earlier version, and until the next one."""
    patient = Patient(pair())
    (agent,) = patient.objects["member3", PROXY_AGENT]
    args = [str(each) for each in items(items(agent, "spec", "template", "spec", "containers")[0], "args")]
    both = [each.replace("=host=", "=host=192.0.2.4&host=") if "identifiers" in each else each for each in args]
    assert both != args
    patient.changed("member3", PROXY_AGENT, *CONTAINER, "args", to=both)
    assert walk(path(pair(), patient)).first is None


def test_an_address_of_the_members_own_choice_is_named_with_what_may_be_wrong_with_it() -> None:
    members: Json = {**PAIR, "member3": {**MEMBER3, "apiAddress": "api.site.example:8443"}}
    run = changed((), members=members)
    patient = Patient(run)
    patient.api_server_up = False
    first = walk(path(run, patient, sections={"members": members})).first
    assert first is not None
    assert "the API server at api.site.example:8443 is not reached" in first.detail
    assert "or correct members.member3.apiAddress" in first.remedy


SERVED: Mapping[str, Json] = {"proxy": {"exposure": "loadBalancer", "replicas": 2}}


@cache
def two_servers() -> Run:
    return balanced()


def served() -> Patient:
    """Two proxy-servers and two proxy-agents of each member, all connected."""
    patient = Patient(two_servers())
    patient.connections = "2"
    for context, pods in (("karmada-host", SERVER_PODS), ("member3", AGENT_PODS), ("member4", AGENT_PODS)):
        (pod,) = patient.objects[context, pods]
        second = parse(json.dumps(pod).replace("-1", "-2"))
        patient.objects[context, pods] = [pod, second]
    return patient


def test_each_proxy_server_is_asked_for_the_member_and_named() -> None:
    found = walk(path(two_servers(), served(), sections=SERVED))
    assert found.first is None
    detail = {each.hop: each.detail for each in found.findings}["tunnel"]
    assert detail.startswith("2 of 2 proxy-agents connected to ")
    assert detail.endswith("; proxy-server-1, proxy-server-2 can reach member3 through them")


def test_agents_of_which_one_of_the_servers_knows_nothing_are_stuck_all_of_them() -> None:
    patient = served()
    patient.answers["proxy-server-2"] = 500
    first = walk(path(two_servers(), patient, sections=SERVED)).first
    assert first is not None
    assert first.hop == "tunnel"
    assert first.detail.startswith("proxy-agent-1, proxy-agent-2: stuck: ")
    assert "proxy-server-2 has no tunnel to member3" in first.detail
    assert "rollout restart --namespace=karmada-system deployment/proxy-agent  # others take" in first.remedy
    assert " delete " not in first.remedy


@pytest.mark.parametrize("change", [connected(0), silent("member3", anp.AGENT_HEALTH_PORT, "/readyz")])
def test_an_agent_that_is_not_connected_by_its_own_word_is_not_called_stuck(change: Change) -> None:
    """It looks for a server, and needs no help but a way to it."""
    patient = Patient(pair())
    patient.answers["member3"] = 500
    change(patient)
    first = first_of(patient)
    assert first.hop == "tunnel"
    assert "stuck" not in first.detail
    assert " delete " not in first.remedy


def test_a_guard_that_lets_nobody_through_does_not_make_the_tunnel_behind_it_wrong() -> None:
    patient = Patient(pair())
    FAULTS["the Cluster's credential is of a key that the guard does not have"][0](patient)
    found = {each.hop: each for each in walk(path(pair(), patient)).findings}
    assert found["tunnel"].state is State.RIGHT
    assert "can reach" not in found["tunnel"].detail


def test_a_pod_that_was_evicted_is_none_of_those_that_run() -> None:
    patient = Patient(pair())
    (pod,) = patient.objects["member3", AGENT_PODS]
    evicted: Json = {"metadata": {"name": "proxy-agent-0"}, "status": {"phase": "Failed"}}
    patient.objects["member3", AGENT_PODS] = [evicted, pod]
    assert walk(path(pair(), patient)).first is None


def test_an_ipv6_address_is_the_one_in_the_certificate_however_it_is_spelt() -> None:
    host: Json = {"context": "karmada-host", "address": "fd00:0:0:0:0:0:0:1"}
    run = changed((), members=_members(), host=host)
    found = walk(path(run, Patient(run), sections={"host": host}))
    assert {each.hop: each.state for each in found.findings}["certificates"] is State.RIGHT


def test_what_a_member_that_is_down_would_have_to_tell_is_unknown_and_not_wrong() -> None:
    patient = Patient(pair())
    patient.away |= {"member3", REQUEST}
    states = {each.hop: each.state for each in walk(path(pair(), patient)).findings}
    assert [hop for hop, state in states.items() if state is State.UNKNOWN] == [
        "karmada-agent",
        "certificates",
        "proxy-agent",
        "member guard",
        "tunnel",
    ]
    assert states["member API"] is State.WRONG


def test_a_host_that_may_not_be_asked_is_unknown_while_requests_come_through() -> None:
    patient = Patient(pair())
    patient.away.add("karmada-host")
    first = first_of(patient)
    assert (first.hop, first.state) == ("guard", State.UNKNOWN)
    assert "rights of the kubeconfig's user" in first.remedy


@pytest.mark.parametrize("fault", FAULTS)
def test_no_credential_and_no_key_is_told(fault: str) -> None:
    patient = Patient(pair())
    FAULTS[fault][0](patient)
    told = json.dumps(walk(path(pair(), patient)).json())
    assert "Basic " not in told
    assert "PRIVATE KEY" not in told


def broken_headers() -> Mapping[str, str]:
    """Headers that no request can carry, or that are another's; each has a credential in it."""
    own = header(pair(), "member3")
    return {
        "a line break behind it": f"{own}\n",
        "a line break in it": f"{own[:20]}\r\n{own[20:]}",
        "a header more": f"{own}\r\nX-Team: a",
        "no scheme": own.removeprefix("Basic "),
        "another member's": header(pair(), "member4"),
        "an earlier version's": f"Basic {encoded('karmada:' + '0' * 64)}",
        "a MAC that is too short": f"Basic {encoded('member3:' + '0' * 63)}",
        "a line break behind the MAC": f"Basic {encoded('member3:' + '0' * 64 + chr(10))}",
    }


@pytest.mark.parametrize("what", broken_headers())
def test_a_header_that_is_none_of_the_members_is_shown_to_no_server_and_not_told(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own error would have it whole."""
    patient, shown = Patient(pair()), broken_headers()[what]
    showing(shown)(patient)
    tried: list[str] = []

    def pod_connect(of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        tried.append(credential)
        return 200

    monkeypatch.setattr(patient, "pod_connect", pod_connect)
    found = walk(path(pair(), patient))
    assert tried == []
    assert found.first is not None
    assert (found.first.hop, found.first.remedy) == ("guard", REFRESH)
    assert "the credential on the Cluster object is " in found.first.detail
    told = "\n".join(found.lines()) + json.dumps(found.json())
    assert shown[6:26] not in told
    assert "Traceback" not in told


def test_no_credential_is_told_by_the_command_either(at_hand: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    broken = f"{header(pair(), 'member3')}\n"
    showing(broken)(at_hand)
    assert doctor.main([]) == 1
    said = capsys.readouterr()
    assert broken.strip() not in said.out + said.err
    assert "Traceback" not in said.out + said.err


WALK = Walk(
    member="member3",
    findings=[
        Finding(hop="guard", state=State.RIGHT, detail="well"),
        Finding(hop="tunnel", state=State.UNKNOWN, detail="not asked", remedy="ask"),
        Finding(hop="request", state=State.WRONG, detail="no answer", remedy="see to it"),
    ],
)


def test_what_to_do_stands_below_the_first_hop_that_is_wrong_alone() -> None:
    assert list(WALK.lines()) == [
        "member3: wrong at request",
        "  right    guard          well",
        "  unknown  tunnel         not asked",
        "  wrong    request        no answer",
        "                          do: see to it",
    ]


def test_machines_are_told_the_same() -> None:
    told = WALK.json()
    assert told["first"] == "request"
    assert [text(each, "state") for each in items(told, "hops")] == ["right", "unknown", "wrong"]


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A stack that is up, whose config and outputs pulumi prints."""
    patient = Patient(pair())
    monkeypatch.setenv("STACK", "dev")
    monkeypatch.setattr(doctor.stack, "settings", settings)
    monkeypatch.setattr(doctor.stack, "outputs", lambda: pair().stack.outputs)
    monkeypatch.setattr(doctor, "OfficialClient", lambda: patient)
    return patient


def test_it_ends_well_when_all_is_right(at_hand: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main([]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")] == [
        "member3: all right",
        "member4: all right",
    ]


def test_it_ends_with_an_error_when_anything_is_wrong(at_hand: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    at_hand.away.add("member4")
    assert doctor.main(["--json"]) == 1
    told = [parse(line) for line in capsys.readouterr().out.splitlines()]
    assert [text(each, "first") for each in told] == ["", "member API"]


def test_one_member_is_walked_alone_and_a_mistyped_one_is_named(
    at_hand: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    at_hand.away.add("member4")
    assert doctor.main(["--member", "member3"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "member3: all right"
    assert doctor.main(["--member", "membre3"]) == 1
    assert capsys.readouterr().err == "the stack dev has no member membre3; it has member3, member4\n"


def found(member: str, detail: str = "") -> Walk:
    state = State.WRONG if detail else State.RIGHT
    return Walk(member=member, findings=[Finding(hop="tunnel", state=state, detail=detail, remedy=f"see {member}")])


def test_of_many_members_those_with_the_same_cause_are_counted_together() -> None:
    stuck = "proxy-agent-delivered-5d4f9c7b8-x2x{0}z: stuck: proxy-server-1 has no tunnel to edge-00{0}"
    walks = [
        found("edge-000"),
        *(found(f"edge-00{i}", stuck.format(i)) for i in (1, 2)),
        *(found(f"edge-01{i}", "no proxy-agent is there to be connected") for i in range(3)),
        found("edge-02", "the API of edge-02-b does not answer"),
    ]
    assert list(summary(walks)) == [
        "1 of 7 members: all right",
        "3 members: wrong at tunnel: no proxy-agent is there to be connected",
        "  edge-010, edge-011, edge-012",
        "  do for edge-010: see edge-010",
        "2 members: wrong at tunnel: proxy-agent-delivered-…: stuck: proxy-server-1 has no tunnel to NAME",
        "  edge-001, edge-002",
        "  do for edge-001: see edge-001",
        "1 member: wrong at tunnel: the API of edge-02-b does not answer",
        "  edge-02",
        "  do: see edge-02",
    ]


def test_more_than_ten_members_are_a_table_unless_some_are_named(
    at_hand: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = settings()
    same = whole.members[0].model_dump(by_alias=True, exclude_unset=True)
    many = [MemberSettings.model_validate(same, context=f"edge-{i:02}") for i in range(11)]
    monkeypatch.setattr(doctor.stack, "settings", lambda: replace(whole, members=many))

    def walk_all(tunnels: Sequence[Tunnel], _: object) -> Sequence[Walk]:
        return [found(each.member) for each in tunnels]

    monkeypatch.setattr(doctor, "walk_all", walk_all)
    assert doctor.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "11 of 11 members: all right",
        '`make doctor STACK=dev ARGS="--member edge-00"` shows every hop of one',
    ]
    assert doctor.main(["--member", "edge-03"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "edge-03: all right"


def test_a_paused_member_is_named_and_left_alone(
    at_hand: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paused = [each.model_copy(update={"paused": each.name == "member4"}) for each in settings().members]
    whole = settings()
    monkeypatch.setattr(doctor.stack, "settings", lambda: replace(whole, members=paused))
    at_hand.away.add("member4")
    assert doctor.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "member4: paused"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_stack_that_is_not_up_is_one_message(
    at_hand: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    monkeypatch.setattr(doctor.stack, "outputs", dict)
    assert doctor.main(options) == 1
    printed = capsys.readouterr()
    assert "the stack dev is not up" in (printed.out if options else printed.err)
    assert "the stack dev is not up" not in (printed.err if options else printed.out)


def test_a_config_that_is_refused_is_one_message(
    at_hand: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise pulumi.RunError("The stack's config has problems (1):")

    monkeypatch.setattr(doctor.stack, "settings", refused)
    assert doctor.main([]) == 1
    assert capsys.readouterr().err == "The stack's config has problems (1):\n"
