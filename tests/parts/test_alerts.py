"""The alerts and the dashboard's queries, evaluated by promtool over what a real proxy-server, proxy-agent and their
guards said of themselves.

It tests no Prometheus and no operator. A record is one answer of /metrics: gauges stay as they are, and counters count
as much again each minute. `recorded/README.md` says how the records were made.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import pytest

from clusters.objects import Json, entries, items, text
from components.alerts import API_SERVER_UP
from components.anp import AGENT, SERVER
from tests import issuing
from tests.parts import haproxy, member_guarded
from tests.parts.caller import connect, served, statuses
from tests.parts.host_guarded import started
from tests.parts.hostile import RIGHT, TARGET
from tests.parts.issued import CONFIG
from tests.parts.member_guarded import comes_true
from tools.render.dashboard import ROWS, Panel
from tools.render.program import Run

RECORDED = Path(__file__).parent / "recorded"
ABSENT = "there is no promtool: install the package prometheus"
LONGEST = 60.0
"""Seconds that promtool may take."""

MINUTES = 30
LATE, AT_ONCE = "25m", "4m"
"""When each alert would fire, and when none may: nothing has lasted yet."""

ONE: dict[str, Json] = {"member1": {}}
TWO: dict[str, Json] = {**ONE, "member2": {}}
"""Members of a stack; the records are of the first one's tunnel."""

PROBES_JOB = "karmada-system/proxy-members"
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'
PREFIX = "KarmadaAnp"
CERTIFICATE_ENDS = f"{PREFIX}CertificateEnds"

SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
TYPE = re.compile(r"^# TYPE (?P<name>\w+) (?P<type>\w+)$", re.MULTILINE)

Growth = Callable[[float], str]
"""How a counter goes on from what was recorded, in promtool's notation."""

Asked = Mapping[str, Json]
"""A test of promtool: what is evaluated, and what comes out of it."""


def as_much_again(value: float) -> str:
    """It counts the same each minute."""
    return f"0+{value:f}x{MINUTES}"


def once(value: float) -> str:
    """It counts that, and nothing more."""
    return f"0x4 {value:f}x{MINUTES}"


def series(record: str, app: str, growth: Growth = as_much_again) -> list[Json]:
    """promtool's input of a record, with the labels that the operator gives to a pod of an app."""
    types = {each["name"]: each["type"] for each in TYPE.finditer(record)}
    target = f'job="karmada-system/{app}",namespace="karmada-system",pod="{app}-1"'
    return [
        {
            "series": f"{each['name']}{{{target}{',' if each['labels'] else ''}{each['labels'] or ''}}}",
            "values": growth(value) if types.get(each["name"]) == "counter" else f"{value:f}x{MINUTES}",
        }
        for each in map(SAMPLE.match, record.splitlines())
        if each and each["name"] in types and isfinite(value := float(each["value"]))
    ]


def recorded(name: str, app: str, growth: Growth = as_much_again) -> list[Json]:
    """promtool's input of a recorded file, or of FULL_OF."""
    if name == FULL_OF:
        held = r"^process_resident_memory_bytes .*$"
        record = (RECORDED / "server.prom").read_text()
        return series(
            re.sub(held, f"process_resident_memory_bytes {450 * 2**20}", record, flags=re.MULTILINE), app, growth
        )
    return series((RECORDED / f"{name}.prom").read_text(), app, growth)


def server(*names: str, growth: Growth = as_much_again) -> list[Json]:
    """promtool's input of records of proxy-server's pod."""
    return [each for name in names for each in recorded(name, SERVER, growth)]


def agent(*names: str) -> list[Json]:
    """promtool's input of records of proxy-agent's pod."""
    return [each for name in names for each in recorded(name, AGENT)]


def firing(names: set[str], eval_time: str = LATE) -> Asked:
    """That these alerts fire by then, and no others."""
    samples = [{"labels": f'{{alertname="{PREFIX}{name}"}}', "value": 1} for name in sorted(names)]
    return {"promql_expr_test": [{"expr": FIRING, "eval_time": eval_time, "exp_samples": samples}]}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of a stack, and promtool with a directory of its own to judge them."""

    promtool: str
    directory: Path
    run: Run

    def of(self, monitoring: str) -> Json:
        """A rendered PrometheusRule's spec, which is what Prometheus calls a rule file."""
        return self.run.the("PrometheusRule", monitoring).inputs["spec"]

    def alerts(self, monitoring: str) -> dict[str, Json]:
        """Its alerts by name."""
        groups = items(self.of(monitoring), "groups")
        return {text(rule, "alert"): rule for group in groups for rule in items(group, "rules")}

    def check(self, monitoring: str) -> None:
        """Whether Prometheus would load them."""
        self._judged("check", self._written("rules.json", self.of(monitoring)))

    def test(self, monitoring: str, given: Sequence[Json], asked: Asked, interval: str = "1m") -> None:
        """Whether promtool, given some series, finds what is asked for."""
        self._written("rules.json", self.of(monitoring))
        test = {"interval": interval, "input_series": given, **asked}
        whole = {"rule_files": ["rules.json"], "evaluation_interval": interval, "tests": [test]}
        self._judged("test", self._written("test.json", whole))

    def _written(self, name: str, content: Json) -> Path:
        file = self.directory / name
        file.write_text(json.dumps(content))  # which is YAML too
        return file

    def _judged(self, verb: str, file: Path) -> None:
        command = [self.promtool, verb, "rules", str(file)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
        assert said.returncode == 0, said.stdout + said.stderr


Stack = Callable[..., Rules]
"""The rules of a stack with these members, and with `monitoring` in its config beside `enabled`."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Stacks whose certificates are issued at promtool's first second."""
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip(ABSENT)
    known: dict[str, Rules] = {}

    def made(members: Json, **monitoring: Json) -> Rules:
        key = json.dumps([members, monitoring])
        if key not in known:
            monitored: Json = {"enabled": True, **monitoring}
            config = {**CONFIG, "karmada-anp:members": members, "karmada-anp:monitoring": monitored}
            run = issuing.run("parts", config, now=datetime.fromtimestamp(0, UTC))
            known[key] = Rules(promtool=promtool, directory=tmp_path_factory.mktemp("rules"), run=run)
        return known[key]

    return made


# what Prometheus makes of them


@pytest.mark.parametrize("monitoring", ["proxy-server-monitoring", "member1-monitoring"])
def test_prometheus_loads_the_rules(stack: Stack, monitoring: str) -> None:
    stack(TWO).check(monitoring)


def test_a_tunnel_that_works_alerts_nobody(stack: Stack) -> None:
    stack(ONE).test("proxy-server-monitoring", server("server", "guard"), firing(set()))
    stack(ONE).test("member1-monitoring", agent("agent", "member-guard"), firing(set()))


FULL_OF = "server that holds 450 MiB"
"""server.prom, with that in the place of the memory that it has."""

HOST_FAULTS: Mapping[str, tuple[Json, Sequence[str], set[str]]] = {
    "no pod": (ONE, [], {"ServerAbsent", "GuardAbsent"}),
    "a server without a guard": (ONE, ["server"], {"GuardAbsent"}),
    "a server without agents": (ONE, ["server-faulty", "guard"], {"NoAgent", "DialsFail"}),
    "a guard that refuses": (
        ONE,
        ["server", "guard-faulty"],
        {"NoTunnel", "RequestsRefused", "ConnectionsRefused"},
    ),
    "a guard that is nearly full": (ONE, ["server", "guard-full"], {"GuardFull"}),
    "a server that is nearly at its memory limit": (ONE, [FULL_OF, "guard"], {"ServerMemory"}),
    "one member of two": (TWO, ["server", "guard"], {"MembersMissing"}),
}

MEMBER_FAULTS: Mapping[str, tuple[Sequence[str], set[str]]] = {
    "no pod": ([], {"AgentAbsent", "MemberGuardAbsent"}),
    "an agent without a guard": (["agent"], {"MemberGuardAbsent"}),
    "a guard without an agent": (["member-guard"], {"AgentAbsent"}),
    "an agent that has lost its server": (
        ["agent-faulty", "member-guard"],
        {"AgentDisconnected", "EndpointDialsFail"},
    ),
    "an agent that never found a server": (["agent-never-connected", "member-guard"], {"AgentDisconnected"}),
    "an API server that is down": (["agent", "member-guard-faulty"], {"ApiServerDown"}),
    "a guard that is nearly full": (["agent", "member-guard-full"], {"MemberGuardFull"}),
}


@pytest.mark.parametrize("fault", HOST_FAULTS)
def test_a_fault_in_the_host_fires_its_alerts_and_no_others(stack: Stack, fault: str) -> None:
    members, records, alerts = HOST_FAULTS[fault]
    stack(members).test("proxy-server-monitoring", server(*records), firing(alerts))


PROBED: Mapping[str, tuple[int | None, set[str]]] = {
    "nobody asks": (None, {"ProbesAbsent"}),
    "a member does not answer": (0, {"MemberNotReached"}),
    "it answers": (1, set()),
}


@pytest.mark.parametrize("fault", PROBED)
def test_probes_fire_an_alert_of_a_member_or_that_there_are_none(stack: Stack, fault: str) -> None:
    success, alerts = PROBED[fault]
    found: list[Json] = [
        {"series": f'probe_success{{job="{PROBES_JOB}",member="member1"}}', "values": f"{each}x{MINUTES}"}
        for each in ([] if success is None else [success])
    ]
    rules = stack(ONE, probes={"prober": "blackbox.monitoring:9115"})
    rules.test("proxy-server-monitoring", [*server("server", "guard"), *found], firing(alerts))


@pytest.mark.parametrize("fault", MEMBER_FAULTS)
def test_a_fault_in_a_member_fires_its_alerts_and_no_others(stack: Stack, fault: str) -> None:
    records, alerts = MEMBER_FAULTS[fault]
    stack(ONE).test("member1-monitoring", agent(*records), firing(alerts))


def test_every_alert_is_fired_by_one_of_these_faults(stack: Stack) -> None:
    host = {PREFIX + each for _, _, alerts in HOST_FAULTS.values() for each in alerts}
    member = {PREFIX + each for _, alerts in MEMBER_FAULTS.values() for each in alerts}
    assert stack(TWO).alerts("proxy-server-monitoring").keys() == host | {CERTIFICATE_ENDS}
    assert stack(TWO).alerts("member1-monitoring").keys() == member


def test_an_agent_at_one_of_two_servers_is_not_connected_enough(stack: Stack) -> None:
    """A server answers only for the members whose agents are connected to it."""
    known = "konnectivity_network_proxy_agent_known_server_count"
    record = (RECORDED / "agent.prom").read_text()
    assert f"\n{known} 1\n" in record
    given = series(record.replace(f"\n{known} 1\n", f"\n{known} 2\n"), AGENT)
    stack(ONE).test("member1-monitoring", [*given, *agent("member-guard")], firing({"AgentDisconnected"}))


def test_a_rollout_alerts_nobody(stack: Stack) -> None:
    for records in (["server-faulty", "guard-faulty"], ["server", "guard-full"], []):
        stack(ONE).test("proxy-server-monitoring", server(*records), firing(set(), AT_ONCE))
    for records in (["agent-faulty", "member-guard-faulty"], ["agent", "member-guard-full"], []):
        stack(ONE).test("member1-monitoring", agent(*records), firing(set(), AT_ONCE))


def test_a_mishap_that_does_not_go_on_alerts_nobody(stack: Stack) -> None:
    """Whoever has a port open is scanned, and a request may come while a server goes."""
    for eval_time in ("8m", "14m", LATE):
        given = server("server", "guard-faulty", growth=once)
        stack(ONE).test("proxy-server-monitoring", given, firing(set(), eval_time))


# what they say


def said(rule: Json, labels: Mapping[str, str], summary: str) -> Json:
    """An alert as promtool expects it: with what the series brings beside the rule's labels, and its summary."""
    return {
        "exp_labels": {**entries(rule, "labels"), **labels},
        "exp_annotations": {**entries(rule, "annotations"), "summary": summary},
    }


@pytest.mark.parametrize(
    ("alert", "records", "labels", "summary"),
    [
        (
            "DialsFail",
            ["server-faulty", "guard"],
            {"pod": "proxy-server-1", "reason": "error_response"},
            "Dials through proxy-server-1 fail: error_response",
        ),
        (
            "GuardFull",
            ["server", "guard-full"],
            {"pod": "proxy-server-1"},
            "The guard of proxy-server in proxy-server-1 has 85.45% of its connections open",
        ),
        (
            "MembersMissing",
            ["server", "guard"],
            {"pod": "proxy-server-1", "job": "karmada-system/proxy-server", "proxy_strategy": "destHost"},
            "Agents of only 1 of 2 members are connected to proxy-server-1",
        ),
    ],
)
def test_an_alert_names_the_pod_and_what_is_wrong(
    stack: Stack, alert: str, records: Sequence[str], labels: Mapping[str, str], summary: str
) -> None:
    name, rules = PREFIX + alert, stack(TWO)
    expected = said(rules.alerts("proxy-server-monitoring")[name], labels, summary)
    asked = {"alert_rule_test": [{"eval_time": LATE, "alertname": name, "exp_alerts": [expected]}]}
    rules.test("proxy-server-monitoring", server(*records), asked)


# certificates


LEAVES = {"agent-server", "member1-agent"}


def test_a_certificate_alerts_from_two_weeks_before_its_end(stack: Stack) -> None:
    """Of a year, from its 351st day on; a CA lives longer. It goes on when the certificate has ended."""
    expr = f'sum by (certificate) (ALERTS{{alertname="{CERTIFICATE_ENDS}",alertstate="firing"}})'
    samples = [{"labels": f'{{certificate="{each}"}}', "value": 1} for each in sorted(LEAVES)]
    days = {"1d": [], "350d": [], "352d": samples, "400d": samples}
    asked = [{"expr": expr, "eval_time": day, "exp_samples": expected} for day, expected in days.items()]
    stack(ONE).test("proxy-server-monitoring", [], {"promql_expr_test": asked}, interval="12h")


def test_it_says_how_long_the_certificate_still_lives(stack: Stack) -> None:
    rules = stack(ONE)
    groups = items(rules.of("proxy-server-monitoring"), "groups")
    named = {text(rule, "labels", "certificate"): rule for group in groups for rule in items(group, "rules")}
    expected = [said(named[each], {}, f"Certificate {each} ends in 13d 0h 0m 0s") for each in LEAVES]
    asked: Asked = {"alert_rule_test": [{"eval_time": "352d", "alertname": CERTIFICATE_ENDS, "exp_alerts": expected}]}
    rules.test("proxy-server-monitoring", [], asked, interval="12h")


# the guards that are here


FAILED_ONCE = 'haproxy_backend_http_responses_total{proxy="proxy-server",code="5xx"} 1'


def metrics(port: int) -> str:
    """What a guard says now."""
    status, body = served(port, "/metrics")
    assert status == 200
    return body.decode()


def scraped(port: int, app: str) -> list[Json]:
    """promtool's input of it."""
    return series(metrics(port), app)


def test_the_host_guard_that_is_here_counts_what_the_alerts_ask_for(stack: Stack, program: haproxy.Program) -> None:
    """Whichever release it is; the records are of one."""
    rules, connected = stack(ONE), server("server")
    with started(program) as guard:
        rules.test("proxy-server-monitoring", connected + scraped(guard.metrics_port, SERVER), firing(set()))
        guard.server.close()
        assert statuses(guard.port, connect(TARGET, None)) == [407]
        assert statuses(guard.port, RIGHT) == [503]
        # HAProxy counts a response when its stream ends: after the client has it
        assert comes_true(lambda: FAILED_ONCE in metrics(guard.metrics_port).splitlines())
        refused = {"NoTunnel", "RequestsRefused"}
        rules.test("proxy-server-monitoring", connected + scraped(guard.metrics_port, SERVER), firing(refused))


def test_an_api_server_that_is_not_reached_is_told_by_the_member_guard(stack: Stack, program: haproxy.Program) -> None:
    rules, connected = stack(ONE), agent("agent")
    with member_guarded.started(
        program, member_guarded.forwarding(), member_guarded.own(member_guarded.nobodys_port()), member_guarded.OFTEN
    ) as guard:
        assert guard.comes_to_say(up=False)
        given = connected + scraped(guard.metrics_port, AGENT)
        rules.test("member1-monitoring", given, firing({"ApiServerDown"}))


@pytest.mark.parametrize(
    ("guard", "up"), [("member-guard", True), ("member-guard-full", True), ("member-guard-faulty", False)]
)
def test_the_line_by_which_the_doctor_knows_a_well_api_server_is_in_its_records(guard: str, up: bool) -> None:
    """It reads the same metric as the alert."""
    assert (API_SERVER_UP in (RECORDED / f"{guard}.prom").read_text().splitlines()) is up


# the dashboard's queries

PROBES = [
    {
        "series": f'{metric}{{job="karmada-system/proxy-members",namespace="karmada-system",member="{member}"}}',
        "values": f"{value}x{MINUTES}",
    }
    for member, reached in (("member1", 1), ("member2", 0))
    for metric, value in (("probe_success", reached), ("probe_duration_seconds", 0.2))
]
"""What a blackbox exporter says of two members, one of which is not reached."""


@pytest.mark.parametrize("panel", [each for row in ROWS for each in row], ids=lambda each: each.title)
def test_each_panel_shows_something_of_a_tunnel_with_faults(stack: Stack, panel: Panel) -> None:
    expr = f"count({panel.expr.replace('$namespace', 'karmada-system')}) > bool 0"
    asked: Json = {"expr": expr, "eval_time": LATE, "exp_samples": [{"labels": "{}", "value": 1}]}
    given = [*PROBES, *server("server-faulty", "guard-faulty")]
    stack(TWO).test("proxy-server-monitoring", given, {"promql_expr_test": [asked]})
