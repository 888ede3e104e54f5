"""What the prometheus-operator is told: in which clusters, of which ports, and when which certificate ends."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache
from unittest.mock import patch

import pytest
from cryptography import x509

from checks.preflight import PreflightResult
from clusters.objects import Json, at, entries, items, text
from config.settings import Settings
from tests import documents
from tests.issuing import run
from tests.unit.reading import containers, of_kind, pods
from tests.unit.stacks import MEMBER3, MEMBER4, PAIR, balanced, changed, configured, differing, kept, pair, short
from tests.unit.test_secrecy import secrets_of, seen
from tools.render import alerts_page, dashboard, program
from tools.render.machine import PlaceholderMachine
from tools.render.program import Run
from tools.render.recorded import Recorded
from tools.render.stackfile import ROOT

MONITORING: Mapping[str, Json] = {"enabled": True, "labels": {"release": "prometheus"}, "certificateDays": 10}
KINDS = ("PodMonitor", "PrometheusRule")
HOST_NAMES = {f"{kind} proxy-server-monitoring" for kind in KINDS}
MEMBER_NAMES = {f"{kind} {{0}}-monitoring" for kind in KINDS}
HOST: Mapping[str, Json] = {"context": "karmada-host", "kind": "karmada-host", "namespace": "tunnel"}
"""A host whose proxies are in a namespace of their own."""

SUMMER_IN_INDIA = datetime(2026, 7, 1, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
"""When certificates are issued on a machine that is not in UTC."""


@cache
def monitored() -> Run:
    """The pair with monitoring, issued somewhere else than in UTC."""
    return run("dev", configured("dev", members=PAIR, monitoring=MONITORING), now=SUMMER_IN_INDIA)


def objects(of: Run) -> dict[str, Recorded]:
    """The objects of the prometheus-operator, by kind and resource's name."""
    found = [each for each in of.resources.values() if each.type.startswith("kubernetes:monitoring.coreos.com/")]
    return {short(each.urn): each for each in found}


def rules(of: Run, name: str) -> list[Json]:
    """The rules in a PrometheusRule, whatever their group."""
    groups = items(of.the("PrometheusRule", name).inputs, "spec", "groups")
    return [rule for group in groups for rule in items(group, "rules")]


def alerts(of: Run, name: str) -> set[str]:
    """The names of the alerts in a PrometheusRule."""
    return {text(each, "alert") for each in rules(of, name)}


def certificate_rules(of: Run) -> dict[str, Json]:
    """The rules about certificates, by certificate."""
    found = [each for each in rules(of, "proxy-server-monitoring") if text(each, "labels", "certificate")]
    return {text(each, "labels", "certificate"): each for each in found}


def certificates(of: Run) -> dict[str, x509.Certificate]:
    """Every certificate that a run issued, by its resource's name."""
    issued = {**of_kind(of, "SelfSignedCert"), **of_kind(of, "LocallySignedCert")}
    return {
        name: x509.load_pem_x509_certificate(text(each.outputs, "certPem").encode()) for name, each in issued.items()
    }


# where


def test_nothing_is_made_unless_it_is_asked_for(any_stack: Run) -> None:
    assert objects(any_stack) == {}
    assert of_kind(any_stack, "Monitoring") == {}


def test_each_cluster_gets_a_pod_monitor_and_rules_of_its_own() -> None:
    expected = {each: "host" for each in HOST_NAMES}
    for member in ("member3", "member4"):
        expected |= {each.format(member): f"member-{member}" for each in MEMBER_NAMES}
    assert {name: each.provider for name, each in objects(monitored()).items()} == expected


def test_they_belong_to_a_component_of_their_own_whose_type_stacks_have_in_their_state() -> None:
    components = of_kind(monitored(), "Monitoring")
    assert {each.type for each in components.values()} == {"karmada-anp:index:Monitoring"}
    assert {each.parent for each in objects(monitored()).values()} == {each.urn for each in components.values()}


def test_a_cluster_without_the_operators_kinds_gets_none() -> None:
    def has_monitors(_: PlaceholderMachine, kubeconfig: str, context: str, kinds: Collection[str]) -> bool:
        return context == "member3"

    with patch.object(PlaceholderMachine, "has_monitors", has_monitors):
        one = changed(members=PAIR, monitoring=MONITORING)
    assert objects(one).keys() == {each.format("member3") for each in MEMBER_NAMES}


def test_monitoring_touches_nothing_else() -> None:
    before = pair()
    after = changed(before.resources.values(), members=PAIR, monitoring=MONITORING)
    ours = objects(after).keys() | {short(each.urn) for each in of_kind(after, "Monitoring").values()}
    assert differing(before, after) == ours


def test_a_second_up_changes_nothing() -> None:
    again = changed(monitored().resources.values(), members=PAIR, monitoring=MONITORING)
    assert differing(monitored(), again) == set()


def test_what_a_paused_member_has_is_left_as_it_is() -> None:
    members = {"member3": MEMBER3, "member4": {**MEMBER4, "paused": True}}
    paused = changed(monitored().resources.values(), members=members, monitoring=MONITORING)
    left = {name for name, each in objects(paused).items() if each.ignore_changes}
    assert left == {each.format("member4") for each in MEMBER_NAMES}


# how they are found, and what they find


def test_they_have_the_labels_that_a_prometheus_looks_for() -> None:
    labels = [at(each.inputs, "metadata", "labels") for each in objects(monitored()).values()]
    assert labels == [{"release": "prometheus"}] * 6


@cache
def probed() -> Run:
    """The pair, each member asked through Karmada by a blackbox exporter."""
    probes: Json = {"prober": "blackbox.monitoring:9115"}
    return run("dev", configured("dev", members=PAIR, monitoring={**MONITORING, "probes": probes}))


def test_every_member_is_asked_through_karmada_by_its_name() -> None:
    spec = entries(probed().the("Probe", "proxy-members").inputs, "spec")
    (relabelling,) = items(spec, "targets", "staticConfig", "relabelingConfigs")
    asked = [str(each) for each in items(spec, "targets", "staticConfig", "static")]
    assert asked[0] == (
        "https://karmada-apiserver.karmada-system.svc:5443"
        "/apis/cluster.karmada.io/v1alpha1/clusters/member3/proxy/readyz"
    )
    named = [re.fullmatch(text(relabelling, "regex"), each) for each in asked]
    assert [each[1] for each in named if each] == ["member3", "member4"]
    assert (text(spec, "module"), text(spec, "prober", "url")) == ("karmada_member", "blackbox.monitoring:9115")


def test_the_alert_on_them_goes_by_the_probes_job() -> None:
    job = text(probed().the("Probe", "proxy-members").inputs, "spec", "jobName")
    (alert,) = [
        each for each in rules(probed(), "proxy-server-monitoring") if "MemberNotReached" in text(each, "alert")
    ]
    assert text(alert, "expr") == f'probe_success{{job="{job}"}} == 0'


def test_a_host_without_the_kind_of_probes_gets_nothing_which_would_fail_in_the_middle_of_an_up() -> None:
    def has_monitors(_: PlaceholderMachine, kubeconfig: str, context: str, kinds: Collection[str]) -> bool:
        return "probes" not in kinds

    with patch.object(PlaceholderMachine, "has_monitors", has_monitors):
        of_members = changed(members=PAIR, monitoring={**MONITORING, "probes": {"prober": "blackbox:9115"}})
    assert objects(of_members).keys() == {each.format(name) for each in MEMBER_NAMES for name in PAIR}


def test_nobody_is_asked_where_no_exporter_is_named() -> None:
    assert "KarmadaAnpMemberNotReached" not in alerts(monitored(), "proxy-server-monitoring")
    assert [each for each in monitored().resources.values() if each.type.endswith(":Probe")] == []


def test_every_alert_leads_to_its_section_of_the_runbook() -> None:
    anchors = documents.anchors("docs/alerts.md")
    for name in ("proxy-server-monitoring", "member3-monitoring"):
        for rule in rules(monitored(), name):
            page, _, section = text(rule, "annotations", "runbook_url").partition("#")
            assert (page, section in anchors) == ("docs/alerts.md", True), section


def test_the_runbook_says_what_the_alerts_say() -> None:
    assert (ROOT / "docs/alerts.md").read_text() == alerts_page.page(), "python -m tools.render.alerts_page"


def test_the_dashboard_is_the_rendered_one() -> None:
    assert (ROOT / "docs/dashboard.json").read_text() == dashboard.text(), "python -m tools.render.dashboard"


def test_they_are_where_the_pods_are() -> None:
    apart = changed(host=HOST, members={"member3": {**MEMBER3, "namespace": "edge"}}, monitoring=MONITORING)
    expected = {**dict.fromkeys(HOST_NAMES, "tunnel"), **{each.format("member3"): "edge" for each in MEMBER_NAMES}}
    assert {name: text(each.inputs, "metadata", "namespace") for name, each in objects(apart).items()} == expected


@pytest.mark.parametrize(
    ("monitor", "deployment"),
    [("proxy-server-monitoring", "proxy-server"), ("member3-monitoring", "member3-proxy-agent")],
)
def test_a_pod_monitor_selects_the_pods_and_names_their_metrics_ports(monitor: str, deployment: str) -> None:
    spec = entries(monitored().the("PodMonitor", monitor).inputs, "spec")
    pod = pods(monitored())[deployment]
    selected = entries(spec, "selector", "matchLabels")
    assert selected
    assert selected.items() <= entries(pod, "metadata", "labels").items()
    ports = {text(port, "name") for each in containers(pod).values() for port in items(each, "ports")}
    named = {text(each, "port") for each in items(spec, "podMetricsEndpoints")}
    assert named == {port for port in ports if port.endswith("metrics")}


def test_the_job_in_the_rules_is_the_one_that_the_operator_makes_of_a_pod_monitor() -> None:
    """Its namespace and its name, whatever else is in the cluster: API servers may have an ANP of their own."""
    apart = changed(host=HOST, members={"member3": {**MEMBER3, "namespace": "edge"}}, monitoring=MONITORING)
    for name in ("proxy-server-monitoring", "member3-monitoring"):
        monitor = entries(apart.the("PodMonitor", name).inputs, "metadata")
        exprs = [text(each, "expr") for each in rules(apart, name) if not text(each, "labels", "certificate")]
        series = [job for expr in exprs for job in re.findall(r"[a-z]_\w+{job=\"([^\"]*)\"", expr)]
        assert len(series) >= len(exprs)
        assert set(series) == {f"{text(monitor, 'namespace')}/{text(monitor, 'name')}"}


# what is alarming


@pytest.mark.parametrize("name", ["proxy-server-monitoring", "member3-monitoring"])
def test_every_alert_says_how_bad_it_is_where_and_what_to_do(name: str) -> None:
    assert rules(monitored(), name)
    for each in rules(monitored(), name):
        assert re.fullmatch(r"KarmadaAnp([A-Z][a-z]+)+", text(each, "alert"))
        assert text(each, "labels", "severity") in ("critical", "warning")
        assert text(each, "labels", "namespace") == "karmada-system"
        assert re.fullmatch(r"\d+m", text(each, "for"))
        assert text(each, "annotations", "summary")
        assert len(text(each, "annotations", "description")) > 80


def test_what_an_alert_says_to_type_for_make_names_the_stack() -> None:
    """make does not take the stack that is selected."""
    said = " ".join(text(each, "annotations", "description") for each in rules(probed(), "proxy-server-monitoring"))
    commands = re.findall(r"`make ([^`]*)`", said)
    assert 'doctor STACK=dev ARGS="--member {{ $labels.member }}"' in commands
    assert [each for each in commands if " STACK=dev" not in each] == []


def test_an_alert_of_a_member_names_it() -> None:
    members = [text(each, "labels", "member") for each in rules(monitored(), "member3-monitoring")]
    assert set(members) == {"member3"}


def test_a_member_is_missed_only_where_others_are_expected_too() -> None:
    one, nobody = (
        changed(members={"member3": {**MEMBER3, "paused": paused}}, monitoring=MONITORING) for paused in (False, True)
    )
    every, of_one, of_nobody = (alerts(each, "proxy-server-monitoring") for each in (monitored(), one, nobody))
    assert every - of_one == {"KarmadaAnpMembersMissing"}
    assert of_one - of_nobody == {"KarmadaAnpNoAgent"}


# certificates


def test_every_certificate_has_an_alert() -> None:
    assert certificate_rules(monitored()).keys() == certificates(monitored()).keys()


def test_every_certificate_has_an_alert_while_a_ca_key_is_changed() -> None:
    changing = changed(certificates={"caKeys": [2, 1]}, monitoring=MONITORING)
    assert {"agent-ca-1", "agent-ca-2"} <= certificate_rules(changing).keys()
    assert certificate_rules(changing).keys() == certificates(changing).keys()


def test_an_alert_has_the_time_that_is_in_the_certificate() -> None:
    for name, each in certificates(monitored()).items():
        ends = int(each.not_valid_after_utc.timestamp())
        assert text(certificate_rules(monitored())[name], "expr") == f"vector({ends}) - time() < 10 * 86400"


def test_a_renewed_certificate_is_in_the_rule() -> None:
    renewed = changed(
        kept(monitored(), monitored().the("LocallySignedCert", "member3-agent")),
        members=PAIR,
        monitoring=MONITORING,
    )
    assert "PrometheusRule proxy-server-monitoring" in differing(monitored(), renewed)
    before, after = (certificate_rules(each) for each in (monitored(), renewed))
    assert {name for name in after if after[name] != before[name]} == {"member3-agent"}


def test_a_paused_members_certificate_is_left_out_as_it_is_of_the_stacks_outputs() -> None:
    """`up` renews it in the state alone: the alert would be of a certificate that the member does not have."""
    paused = changed(members={"member3": MEMBER3, "member4": {**MEMBER4, "paused": True}}, monitoring=MONITORING)
    assert certificates(paused).keys() - certificate_rules(paused).keys() == {"member4-agent"}


def test_of_one_that_was_away_it_is_told_and_not_when_a_certificate_ends_that_it_has_not_got() -> None:
    """`up` goes on without it, with exit 0, and renews its certificate in the state alone."""
    ready = program.ready

    def away(settings: Settings) -> PreflightResult:
        return replace(ready(settings), behind=["member4"], unreachable=frozenset({"member4"}))

    with patch.object(program, "ready", away):
        run_ = changed(members=PAIR, monitoring=MONITORING)
    assert certificates(run_).keys() - certificate_rules(run_).keys() == {"member4-agent"}
    behind = [each for each in rules(run_, "proxy-server-monitoring") if text(each, "alert").endswith("MemberBehind")]
    assert [text(each, "labels", "member") for each in behind] == ["member4"]
    assert not any(name.endswith("MemberBehind") for name in alerts(monitored(), "proxy-server-monitoring"))


# secrecy


def test_what_a_prometheus_reads_holds_no_secret() -> None:
    for run_ in (monitored(), balanced(monitoring=MONITORING)):
        hidden = secrets_of(run_)
        for name, each in objects(run_).items():
            assert (each.secrets, each.secret_outputs) == (frozenset(), frozenset()), name
            assert [value for _, value in seen(each) if any(secret in value for secret in hidden)] == []
