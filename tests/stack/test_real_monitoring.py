"""A real prometheus-operator, its Prometheus and a blackbox exporter: what they take of the stack's objects, what the
dashboard's queries find, and an alert that fires and ends.

The operator and a Prometheus that takes all monitors and rules are in the host cluster (the lab's `monitoring`). The
exporter, Debian's prometheus-blackbox-exporter, runs on this machine, and is reached at the nodes' gateway.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

import pytest
from pulumi import automation

from clusters.errors import Unavailable
from clusters.objects import Json, items, parse, text
from clusters.programs import output_of
from components.alerts import PREFIX
from tests.proof import note
from tests.stack import environment, registry
from tests.stack.environment import HOST, KARMADA, NAMESPACE
from tests.stack.kubeconfigs import decoded, seen
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import node_of, starts, stops
from tests.stack.refusals import gives_back
from tools.checkout import Checkout
from tools.render.dashboard import ROWS, Panel

pytestmark = pytest.mark.long

PART = "Monitoring"
EXPORTER = "prometheus-blackbox-exporter"
PROMETHEUS = "/api/v1/namespaces/monitoring/services/prometheus-operated:9090/proxy/api/v1/query?query="
PORT = 9_115
FIRES, ENDS = 480.0, 120.0
"""Seconds within which a critical alert fires, five minutes of which are its `for`, and within which it ends."""


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory, clusters: None) -> Iterator[str]:
    """Where the exporter listens. Its module is docs/operations.md's, with the administrator's certificate."""
    program = shutil.which(EXPORTER)
    if not program:
        pytest.skip(f"there is no {EXPORTER}: install Debian's package of that name")
    try:
        output_of(kubectl(*HOST, "--namespace=monitoring", "get", "service/prometheus-operated"))
    except Unavailable:
        pytest.skip("the host cluster has no Prometheus of the prometheus-operator in the namespace monitoring")
    directory = tmp_path_factory.mktemp("exporter")
    cluster, user = seen(KARMADA)
    files = {
        "ca_file": text(cluster, "certificate-authority-data"),
        "cert_file": text(user, "client-certificate-data"),
        "key_file": text(user, "client-key-data"),
    }
    for name, content in files.items():
        (directory / name).touch(0o600)
        (directory / name).write_text(decoded(content))
    http: Json = {"valid_status_codes": [200], "tls_config": {name: str(directory / name) for name in files}}
    config: Json = {"modules": {"karmada_member": {"prober": "http", "timeout": "10s", "http": http}}}
    (directory / "config.json").write_text(json.dumps(config))
    listens = f"{registry.gateway()}:{PORT}"
    process = subprocess.Popen(
        [program, f"--config.file={directory / 'config.json'}", f"--web.listen-address={listens}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.poll() is None
        selects_probes({})
        yield listens
    finally:
        selects_probes(None)
        process.terminate()
        process.wait(10)
        (directory / "key_file").unlink()


def selects_probes(selector: Json) -> None:
    """Has the namespace's Prometheus take all Probes, or none (None), as the lab's does."""
    (found,) = objects(kubectl(*HOST, "get", "prometheuses.monitoring.coreos.com", "--namespace=monitoring"))
    spec = json.dumps({"spec": {"probeSelector": selector, "probeNamespaceSelector": selector}})
    name = f"prometheuses.monitoring.coreos.com/{text(found, 'metadata', 'name')}"
    output_of(kubectl(*HOST, "--namespace=monitoring", "patch", name, "--type=merge", f"--patch={spec}"))


@pytest.fixture(scope="module")
def up(dev: Checkout, exporter: str) -> automation.UpResult:
    """The dev stack, monitored: the Karmada API is asked where the kubeconfig has it."""
    api = text(seen(KARMADA)[0], "server")
    probes: Json = {"prober": exporter, "api": api}
    dev.configure(monitoring={"enabled": True, "namespaces": ["monitoring"], "probes": probes})
    return dev.select().up(on_output=print)


def query(expr: str) -> Sequence[Json]:
    """What Prometheus finds now. Raises Unavailable."""
    path = PROMETHEUS + quote(expr, safe="")
    return items(parse(output_of(kubectl(*HOST, "get", "--raw", path))), "data", "result")


def by(label: str, expr: str) -> Mapping[str, str]:
    """The values of what Prometheus finds, by a label."""
    return {text(each, "metric", label): str(items(each, "value")[1]) for each in query(expr)}


def within(seconds: float, holds: Callable[[], bool]) -> float | None:
    """After how many seconds it holds, or None."""
    started = time.monotonic()
    while time.monotonic() < started + seconds:
        try:
            if holds():
                return time.monotonic() - started
        except Unavailable:
            pass
        time.sleep(2)
    return None


def alerts(state: str = ".*") -> set[str]:
    """Alerts, each with the member that it names, if any, that fire or, without a state, will."""
    found = query(f'ALERTS{{alertname=~"{PREFIX}.*",alertstate=~"{state}"}}')
    return {f"{text(each, 'metric', 'alertname')} {text(each, 'metric', 'member')}".strip() for each in found}


def test_every_target_is_up_and_every_member_is_reached(up: automation.UpResult) -> None:
    members = set(environment.members())
    targets = f'count by (job) (up{{job=~"{NAMESPACE}/proxy-.*"}} == 1)'
    # proxy-server's own port and its guard's; a target for each member
    wanted = {f"{NAMESPACE}/proxy-server": "2", f"{NAMESPACE}/proxy-members": str(len(members))}

    def all_there() -> bool:
        return set(by("member", "probe_success == 1")) == members and by("job", targets) == wanted

    # the kubelet hands Prometheus its changed configuration within two minutes
    took = within(240, all_there)
    what = f"up: {dict(by('job', targets))}; probe_success: {dict(by('member', 'probe_success'))}"
    note(PART, tried="a real operator takes PodMonitor, Probe and rules", expected="targets up", seen=what)
    assert took is not None, what


def test_prometheus_has_the_rules_and_none_fires(up: automation.UpResult) -> None:
    def all_evaluated() -> bool:
        return len(ours()) > 10 and {text(each, "health") for each in ours()} == {"ok"}

    assert within(60, all_evaluated) is not None, ours()
    assert within(60, lambda: alerts() == set()) is not None, alerts()


def ours() -> Sequence[Json]:
    """Our rules, as Prometheus has them."""
    path = PROMETHEUS.replace("query?query=", "rules")
    groups = items(parse(output_of(kubectl(*HOST, "get", "--raw", path))), "data", "groups")
    return [rule for group in groups for rule in items(group, "rules") if text(rule, "name").startswith(PREFIX)]


@pytest.mark.parametrize("panel", [each for row in ROWS for each in row], ids=lambda each: each.title)
def test_each_panel_of_the_dashboard_can_be_drawn(up: automation.UpResult, panel: Panel) -> None:
    """Without faults some find nothing, which is right; none of them is refused."""
    quiet = ("Alerts", "Members that are not reached", "Dials that fail")
    expr = panel.expr.replace("$namespace", NAMESPACE)
    if panel.title in quiet:
        query(expr)
    else:
        assert within(60, lambda: bool(query(expr))) is not None, expr


def test_an_alert_names_the_member_that_is_lost_and_ends_when_it_is_back(up: automation.UpResult) -> None:
    name = environment.SITE.plain
    lost = f"{PREFIX}MemberNotReached {name}"
    stops(node_of(name))
    try:
        fired = within(FIRES, lambda: lost in alerts("firing"))
        also = alerts("firing") - {lost}
    finally:
        starts(node_of(name))
    ended = within(ENDS, lambda: lost not in alerts("firing"))
    what = f"fired after {fired and round(fired)} s, with {', '.join(sorted(also)) or 'no other'}; "
    what += f"ended after {ended and round(ended)} s"
    note(PART, tried="a member's node is stopped", expected=f"{lost} fires, and ends when it is back", seen=what)
    assert fired is not None
    assert ended is not None


def test_destroy_gives_everything_back(up: automation.UpResult, dev: Checkout, before: Mapping[str, Json]) -> None:
    gives_back(dev, before)
    kinds = "podmonitors,prometheusrules,probes"
    assert not output_of(kubectl(*HOST, "get", kinds, f"--namespace={NAMESPACE}", "--output=name")).strip()
