"""What `make bench` makes of what it measures. It measures nothing here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from clusters.objects import Json, items, text
from tools.bench import cpu
from tools.bench.by_hand import FORK_IMAGES, SCRIPT
from tools.bench.figures import CPU, DESTROY, FIGURES, LATENCY, THROUGHPUT, UP, UP_AGAIN, Figure
from tools.bench.goals import Goal, at_least_times, at_most, at_most_above, at_most_times
from tools.bench.measured import Measured, Side
from tools.bench.requests import Answers

DOCUMENTED = Path(__file__).parent / "documented"

HOST_STATS = """\
1 (systemd) S 0 1 1 0 -1 4194560 19218 1330416 33 4412 120 310 2511 1420 20 0 1 0 2780001 21336064
148 ((sd-pam)) S 147 147 147 0 -1 4194624 33 0 0 0 900 900 0 0 20 0 1 0 2780140 22036480
28655 (haproxy) S 28589 28655 28655 0 -1 4194560 2585 0 2 0 12 13 0 0 20 0 4 0 2782871 253231104
29755 (containerd-shim) S 1 29755 1021 0 -1 4194560 4021 0 4 0 31 22 0 0 20 0 12 0 2784295 1268125696
29845 (proxy-server) S 29755 29845 29845 0 -1 4194560 6377 0 4 0 876 1301 0 0 20 0 9 0 2784342 1339662336
29931 (haproxy) S 29755 29931 29931 0 -1 4194560 2949 0 0 0 214 405 0 0 20 0 4 0 2784413 253513728
"""
"""`/proc/*/stat` of a node with the host guard, and with another pod's HAProxy, each line's first 23 fields."""


def measured(*values: tuple[Figure, Sequence[float], Sequence[float]]) -> Measured:
    """With a figure's values of this stack's and of what stands beside it."""
    made = Measured()
    for figure, ours, beside in values:
        for side, each in ((Side.THIS, ours), (Side.BESIDE, beside)):
            for value in each:
                made.add(figure, side, value)
    return made


def lines(of: Measured) -> Sequence[str]:
    """The table's, without its head."""
    return list(of.table())[2:]


def applied(name: str) -> Json:
    """A Deployment that the script applies."""
    found = re.findall(r"<<EOF\n(.*?)\nEOF\n", SCRIPT.read_text(), re.DOTALL)
    return next(each for each in map(yaml.safe_load, found) if text(each, "metadata", "name") == name)


def command(deployment: Json) -> Sequence[str]:
    """What its only container runs, without what is a cluster's own."""
    (container,) = items(deployment, "spec", "template", "spec", "containers")
    words = [*items(container, "command"), *items(container, "args")]
    return [re.sub(r"(HOST|MEMBER|\$\w+)$", "", str(each)) for each in words]


def test_the_figures_have_the_goals_that_were_set() -> None:
    assert {each.what: each.goal.words for each in FIGURES if each.goal} == {
        "fresh `up` with check": "at most 1.0x",
        "`up` without changes": "at most 1.5 s above",
        "`destroy`": "at most 5.0 s",
        "p50 of `/readyz`": "at most 1.0x",
        "`/openapi/v2`": "at least 1.0x",
    }


@pytest.mark.parametrize(
    ("goal", "ours", "beside", "met"),
    [
        (at_most(5, "s"), 5.0, 1.0, True),
        (at_most(5, "s"), 5.01, 9.0, False),
        (at_most_above(1.5, "s"), 2.6, 1.1, True),
        (at_most_above(1.5, "s"), 2.7, 1.1, False),
        (at_most_times(1), 10.2, 10.2, True),
        (at_most_times(1), 10.4, 10.2, False),
        (at_least_times(1), 60.1, 60.0, True),
        (at_least_times(1), 59.0, 60.0, False),
    ],
)
def test_a_goal_is_met_up_to_its_bound(goal: Goal, ours: float, beside: float, met: bool) -> None:
    assert goal.met([ours], [beside]) is met


def test_a_goal_is_judged_by_the_runs_own_comparisons_not_by_the_medians() -> None:
    """A run in which the machine was slow is slow on both sides."""
    ours, beside = [5.0, 30.0, 4.9], [5.1, 31.0, 4.8]
    assert at_most_times(1).met(ours, beside)
    assert lines(measured((LATENCY, ours, beside))) == [
        "| p50 of `/readyz` | 5.00 ms | 5.10 ms the fork | 0.98 | at most 1.0x | met |"
    ]


def test_the_table_has_a_line_a_figure_with_both_medians_the_ratio_the_goal_and_whether_it_is_met() -> None:
    of = measured(
        (DESTROY, [5.6, 5.5, 9.0], [1.4, 1.4, 1.5]),
        (UP, [11.8], [10.2]),
        (UP_AGAIN, [2.5], [1.1]),
        (THROUGHPUT, [61.0], [59.0]),
    )
    assert lines(of) == [
        "| fresh `up` with check | 11.80 s | 10.20 s by hand | 1.16 | at most 1.0x | missed |",
        "| `up` without changes | 2.50 s | 1.10 s empty stack | 2.27 | at most 1.5 s above | met |",
        "| `destroy` | 5.60 s | 1.40 s by hand | 4.00 | at most 5.0 s | missed |",
        "| `/openapi/v2` | 61.00 MB/s | 59.00 MB/s the fork | 1.03 | at least 1.0x | met |",
    ]
    assert {line.count("|") for line in of.table()} == {7}


def test_cpu_time_has_no_goal_and_a_guard_has_nothing_beside_it() -> None:
    of = measured((CPU["proxy-agent"], [4.2], [2.1]), (CPU["proxy-guard"], [1.5], []))
    assert lines(of) == [
        "| CPU of proxy-agent | 4.20 ms/MB | 2.10 ms/MB the fork | 2.00 | | |",
        "| CPU of the host guard | 1.50 ms/MB | | | | |",
    ]


def test_every_value_is_shown_and_whose_it_is() -> None:
    of = measured((UP, [11.8, 12.0], [10.2, 10.3]), (CPU["proxy-guard"], [1.5], []))
    assert list(of.notes()) == [
        "fresh `up` with check, this, s: 11.80 12.00",
        "fresh `up` with check, by hand, s: 10.20 10.30",
        "CPU of the host guard, this, ms/MB: 1.50",
    ]


def test_cpu_time_that_was_not_to_be_had_is_left_out_and_that_is_said() -> None:
    of = measured((UP, [11.8], [10.2]))
    assert len(lines(of)) == 1
    assert list(of.notes())[-1] == "CPU: left out, the kind nodes do not show the processes"


def test_what_fails_has_no_time() -> None:
    of = Measured()
    with pytest.raises(SystemExit), of.timed(UP, Side.THIS):
        raise SystemExit(1)
    assert of.of == {}


def test_answers_have_their_median_in_milliseconds_and_their_bytes_a_second() -> None:
    answers = Answers(seconds=[0.1, 0.3, 0.2], size=12_000_000)
    assert answers.p50 == pytest.approx(200)
    assert answers.rate == pytest.approx(20)


def test_a_guard_is_the_haproxy_in_the_pod_of_the_proxy() -> None:
    seconds = {key: value / cpu.TICK for key, value in cpu.of_pods(HOST_STATS, "proxy-server", "proxy-guard").items()}
    assert seconds == pytest.approx({("proxy-server", 29845): 876 + 1301, ("proxy-guard", 29931): 214 + 405})


def test_a_node_without_the_proxy_has_no_guard_either() -> None:
    assert cpu.of_pods(HOST_STATS, "proxy-agent", "member-guard") == {}


def test_cpu_time_is_that_of_the_processes_that_were_there_before_and_after() -> None:
    before = {("proxy-agent", 7): 1.0, ("proxy-agent", 8): 5.0, ("member-guard", 9): 0.5}
    after = {("proxy-agent", 7): 1.75, ("proxy-agent", 10): 9.0, ("member-guard", 9): 0.75}
    assert cpu.spent(before, after) == {"proxy-agent": 0.75, "member-guard": 0.25}


@pytest.mark.parametrize("name", ["proxy-server", "proxy-agent"])
def test_by_hand_the_documented_commands_run_from_the_documented_images(name: str) -> None:
    documented = next(yaml.safe_load_all((DOCUMENTED / f"{name}.yaml").read_text()))
    assert command(applied(name)) == command(documented)
    (container,) = items(documented, "spec", "template", "spec", "containers")
    assert text(container, "image") in FORK_IMAGES


def test_the_script_can_be_run() -> None:
    assert SCRIPT.stat().st_mode & 0o111
