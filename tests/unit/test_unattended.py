"""deploy/, which runs a stack without a person: the scripts, before a pulumi and a gh of ours that write down what they
are asked; the workflow and the systemd units, which may and must say what these tests say.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import pytest
import yaml

from clusters.objects import Json, at, entries, items, number, text
from tests import documents
from tests.unit.fake_programs import executable, path_with
from tools.render.stackfile import ROOT

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
WORKFLOW = ROOT / ".github" / "workflows" / "stack.yml"
PULUMIS = re.compile(r"deploy/(run\.sh|github\.sh up)")
"""A step that runs pulumi."""

ENTRYPOINT = DEPLOY / "image" / "entrypoint.sh"

GITHUBS_LIMIT = 65_536
"""Characters of a comment."""

PULUMI = """\
#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/typed"
case "$1 $2" in
"stack select") exit "${SELECTS:-0}" ;;
"stack output") echo "${BEHIND:-[]}" ;;
"stack --show-name") ;;
*)
    cat "$here/says"
    [ -z "$HANGS" ] || {
        trap 'echo interrupted >>"$here/signal"; ended=yes' INT
        until [ "$ended" ]; do sleep 0.1; done
        sleep 1
    }
    exit "${ENDS:-0}"
    ;;
esac
"""
MAKE = '#!/bin/sh\necho "$*" >>"$(dirname "$0")/made"\n'
GH = """\
#!/bin/sh
echo "$*" >>"$(dirname "$0")/asked"
case "$*" in *--jq*) echo "$FOUND" ;; esac
"""
TIMEOUT = '#!/bin/sh\necho "$*" >"$(dirname "$0")/limited"\n'
CURL = """\
#!/bin/sh
here=$(dirname "$0")
cat >"$here/config"
process=$$
while [ "$process" -gt 1 ]; do
    tr '\\0' ' ' <"/proc/$process/cmdline" >>"$here/arguments"
    process=$(sed -n 's/^PPid:\t//p' "/proc/$process/status")
done
"""
TELLS = '#!/bin/sh\n{ echo "$*"; cat; } >"$(dirname "$0")/told"\n'


def run(directory: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs one of deploy/'s scripts for the stack prod; a variable that is empty is not set."""
    for name, content in {"pulumi": PULUMI, "make": MAKE, "gh": GH, "systemd-cat": TELLS}.items():
        executable(directory / name, content)
    (directory / "says").touch()
    environment = {
        **os.environ,
        "STACK": "prod",
        "PULUMI_BACKEND_URL": "s3://bucket",
        "PULUMI_CONFIG_PASSPHRASE": "of nothing",
        "PATH": path_with(directory),
        **variables,
    }
    return subprocess.run(
        [str(DEPLOY / script), *arguments],
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def lines(file: Path) -> Sequence[str]:
    return file.read_text().splitlines() if file.exists() else []


def typed(directory: Path) -> Sequence[str]:
    """What pulumi was called with, but for what only selects the stack."""
    return [each for each in lines(directory / "typed") if not each.startswith("stack")]


# what each command runs

COMMANDS: Mapping[str, str] = {
    "up": "up --yes --skip-preview --continue-on-error",
    "drift": "refresh --preview-only --expect-no-changes",
    "preview": "preview --diff",
}


@pytest.mark.parametrize(("command", "whole"), COMMANDS.items())
def test_each_command_is_one_of_pulumis_on_that_stack_and_asks_nobody(tmp_path: Path, command: str, whole: str) -> None:
    assert run(tmp_path, "run.sh", command).returncode == 0
    assert typed(tmp_path) == [f"{whole} --color never --stack prod --non-interactive"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_machine_makes_no_stack_that_is_not_there(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, "run.sh", command, SELECTS="6")
    assert done.returncode == (2 if command == "drift" else 6)
    assert typed(tmp_path) == []
    assert not any("--create" in each for each in lines(tmp_path / "typed"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("missing", ["STACK", "PULUMI_BACKEND_URL"])
def test_without_a_stack_or_a_backend_nothing_is_begun(tmp_path: Path, command: str, missing: str) -> None:
    done = run(tmp_path, "run.sh", command, **{missing: ""})
    assert done.returncode != 0
    assert f"{missing}: " in done.stderr
    assert not (tmp_path / "typed").exists()


@pytest.mark.parametrize("script", ["run.sh", "github.sh"])
def test_what_is_no_command_is_answered_with_those_that_there_are(tmp_path: Path, script: str) -> None:
    done = run(tmp_path, script, "destroy")
    assert done.returncode == 64
    told = re.findall(r"^  ([a-z]+) ", done.stderr, re.MULTILINE)
    assert told == re.findall(r"^([a-z]+)\)$", (DEPLOY / script).read_text(), re.MULTILINE)
    assert not (tmp_path / "typed").exists()


# up


def test_an_up_that_takes_too_long_is_interrupted_and_not_killed(tmp_path: Path) -> None:
    """Once: a second interrupt would end pulumi at once."""
    done = run(tmp_path, "github.sh", "up", SESSION_SECONDS="910", HANGS="yes")
    assert lines(tmp_path / "signal") == ["interrupted"]
    assert done.returncode == 124


def test_githubs_up_is_interrupted_before_github_kills_it() -> None:
    (up,) = [each for _, each in steps() if text(each, "run") == "deploy/github.sh up"]
    (limit,) = re.findall(r"limit=\$\(\((\d+) \* 60\)\)", (DEPLOY / "github.sh").read_text())
    assert int(limit) + 15 < number(up, "timeout-minutes")


@pytest.mark.parametrize(("session", "limit"), [("", 9_600), ("43200", 9_600), ("10500", 9_600), ("3600", 2_700)])
def test_githubs_up_is_interrupted_while_it_can_still_write_the_state(tmp_path: Path, session: str, limit: int) -> None:
    executable(tmp_path / "timeout", TIMEOUT)
    assert run(tmp_path, "github.sh", "up", SESSION_SECONDS=session).returncode == 0
    assert lines(tmp_path / "limited") == [f"--foreground --signal=INT --kill-after=15m {limit} {ENTRYPOINT} up"]


@pytest.mark.parametrize("session", ["900", "899"])
def test_a_session_that_is_too_short_for_an_up_is_an_error_and_no_up_without_a_limit(
    tmp_path: Path, session: str
) -> None:
    done = run(tmp_path, "github.sh", "up", SESSION_SECONDS=session)
    assert done.returncode == 1
    assert "AWS_ROLE_SECONDS" in done.stderr
    assert typed(tmp_path) == []


def test_an_up_knows_how_long_the_session_is_that_was_taken_before_it() -> None:
    taken, up = [each for each in items(jobs()["up"], "steps") if "vars.AWS_ROLE_SECONDS" in str(each)]
    length = text(taken, "with", "role-duration-seconds").strip("${} ")
    assert text(up, "run") == "deploy/github.sh up"
    assert text(up, "env", "SESSION_SECONDS") == f"${{{{ vars.AWS_ROLE && ({length}) }}}}"


@pytest.mark.parametrize("ends", [0, 1, 255])
@pytest.mark.parametrize(("output", "said"), [("[]", "none"), ('["member4","edge-berlin"]', "member4,edge-berlin")])
def test_an_up_ends_as_pulumi_does_and_says_who_is_behind(tmp_path: Path, ends: int, output: str, said: str) -> None:
    done = run(tmp_path, "run.sh", "up", ENDS=str(ends), BEHIND=output)
    assert done.returncode == ends
    assert done.stdout.splitlines()[-1] == f"behind: {said}"
    assert (f"up failed with exit code {ends}" in done.stderr) is (ends != 0)


# drift


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [(0, 0, "no drift"), (7, 1, "drift: see above"), (1, 2, "could not"), (255, 2, "could not")],
)
def test_drift_is_told_apart_from_a_failure_to_look(tmp_path: Path, ends: int, code: int, said: str) -> None:
    (tmp_path / "says").write_text(" ~  kubernetes:apps/v1:Deployment proxy-server update [diff: ~spec]\n")
    done = run(tmp_path, "run.sh", "drift", ENDS=str(ends))
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "proxy-server update [diff: ~spec]" in done.stdout


def test_what_looks_for_drift_writes_nothing_and_prints_no_values() -> None:
    """What somebody put there by hand may be a secret that Pulumi does not know as one."""
    (command,) = re.findall(r"stack (refresh .*) \|\|", (DEPLOY / "run.sh").read_text())
    assert "--preview-only" in command
    assert not {"--yes", "--skip-preview", "--diff", "--clear-pending-creates"} & set(command.split())


# preview

MARKER = "<!-- karmada-anp: preview of prod -->"
SUMMARY = "Resources:\n    + 3 to create\n    40 unchanged\n"


def fences(markdown: str) -> int:
    return len(re.findall(r"^`{12}$", markdown, re.MULTILINE))


def test_a_preview_is_a_summary_and_what_pulumi_said_folded_away(tmp_path: Path) -> None:
    said = f"Previewing update (prod):\n    ```+ kubernetes:core/v1:Secret\n        data: [secret]\n{SUMMARY}"
    (tmp_path / "says").write_text(said)
    done = run(tmp_path, "run.sh", "preview")
    first, *_ = done.stdout.splitlines()
    above, _, below = done.stdout.partition("<details>")
    assert first == MARKER
    assert SUMMARY in above
    assert "Secret" not in above
    assert said in below
    assert (fences(above), fences(below)) == (2, 2)
    assert done.stderr == said


def test_a_preview_that_fails_is_shown_too(tmp_path: Path) -> None:
    (tmp_path / "says").write_text("error: The clusters are not ready for this stack\n")
    done = run(tmp_path, "run.sh", "preview", ENDS="1")
    assert done.returncode == 1
    assert "**The preview of `prod` failed**" in done.stdout
    assert "error: The clusters are not ready for this stack" in done.stdout
    assert fences(done.stdout) == 2


@pytest.mark.parametrize("line", ["x" * 99, "ü" * 49, "x" * 200_000], ids=["lines", "of two bytes each", "one line"])
def test_a_preview_fits_into_a_comment(tmp_path: Path, line: str) -> None:
    (tmp_path / "says").write_text(f"{line}\n" * (200_000 // len(line)) + SUMMARY)
    done = run(tmp_path, "run.sh", "preview")
    assert len(done.stdout) < GITHUBS_LIMIT
    assert "[cut here: the log of this run has the rest]\n````" in done.stdout
    assert SUMMARY in done.stdout.partition("<details>")[0]
    assert fences(done.stdout) == 4
    assert line in done.stderr


def test_no_command_shows_secrets() -> None:
    for script in DEPLOY.glob("*.sh"):
        assert not re.search(r"--show-(secrets|config)|set -\w*x|--debug|--verbose", script.read_text()), script


# GitHub


def test_a_kubeconfig_is_a_file_of_this_user_alone_outside_the_checkout(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    done = run(
        tmp_path,
        "github.sh",
        "kubeconfig",
        KUBECONFIG_CONTENT="apiVersion: v1\nkind: Config",
        RUNNER_TEMP=str(tmp_path),
        GITHUB_ENV=str(environment),
    )
    file = tmp_path / "kubeconfig"
    assert file.read_text() == "apiVersion: v1\nkind: Config\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert environment.read_text() == f"KUBECONFIG={file}\n"
    assert done.stdout + done.stderr == ""


def test_a_kubeconfig_that_is_not_set_is_an_error_and_no_empty_file(tmp_path: Path) -> None:
    done = run(tmp_path, "github.sh", "kubeconfig", RUNNER_TEMP=str(tmp_path))
    assert done.returncode != 0
    assert not (tmp_path / "kubeconfig").exists()


@pytest.mark.parametrize(
    ("found", "last"),
    [
        ("", "--method POST repos/{owner}/{repo}/issues/7/comments"),
        ("42\n43", "--method PATCH repos/{owner}/{repo}/issues/comments/42"),
    ],
)
def test_a_pull_request_has_one_comment_which_is_replaced(tmp_path: Path, found: str, last: str) -> None:
    file = tmp_path / "preview.md"
    file.write_text(f"{MARKER}\nand more\n")
    assert run(tmp_path, "github.sh", "comment", str(file), "7", FOUND=found).returncode == 0
    looked, wrote = lines(tmp_path / "asked")
    assert looked.startswith("api --paginate repos/{owner}/{repo}/issues/7/comments --jq ")
    assert 'select(.user.login == "github-actions[bot]" and (.body | startswith(env.MARKER)))' in looked
    assert wrote == f"api --silent {last} --field body=@{file}"


def test_a_preview_that_was_killed_takes_the_place_of_the_one_before_and_of_no_other_comment(tmp_path: Path) -> None:
    assert run(tmp_path, "run.sh", "preview").stdout.startswith(f"{MARKER}\n")
    file = tmp_path / "preview.md"
    file.touch()
    assert run(tmp_path, "github.sh", "comment", str(file), "7").returncode == 0
    assert lines(file) == [MARKER, "**The preview of `prod` did not finish.**"]


TITLE = "deploy/run.sh up fails for the stack prod"
LOG = "https://github.example/owner/name/actions/runs/11"


@pytest.mark.parametrize(
    ("outcome", "open_issue", "said"),
    [
        ("failure", "", f"issue create --title {TITLE} --body {LOG}"),
        ("failure", "5", f"issue comment 5 --body Again: {LOG}"),
        ("success", "5", f"issue close 5 --comment Succeeded: {LOG}"),
        ("success", "", None),
        ("skipped", "5", None),
        ("cancelled", "", None),
        ("", "5", None),
    ],
)
def test_a_failure_is_one_issue_until_it_succeeds(
    tmp_path: Path, outcome: str, open_issue: str, said: str | None
) -> None:
    run_of = {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "owner/name", "GITHUB_RUN_ID": "11"}
    done = run(tmp_path, "github.sh", "tell", "up", outcome, FOUND=open_issue, **run_of)
    assert done.returncode == 0, done.stderr
    looked, *wrote = lines(tmp_path / "asked")
    assert looked.startswith("issue list --state open ")
    assert [said is not None and each.startswith(said) for each in wrote] == [True] * (said is not None)


# the workflow


def workflow() -> Json:
    return cast("Json", yaml.safe_load(WORKFLOW.read_text()))


def jobs() -> Mapping[str, Json]:
    return entries(workflow(), "jobs")


def steps() -> Iterator[tuple[str, Json]]:
    for name, job in jobs().items():
        yield from ((name, each) for each in items(job, "steps"))


PERMISSIONS: Mapping[str, Mapping[str, str]] = {
    "preview": {"contents": "read", "pull-requests": "write", "id-token": "write"},
    "up": {"contents": "read", "id-token": "write"},
    "tell": {"contents": "read", "issues": "write"},
}


def test_a_job_may_do_what_it_needs_and_nothing_else() -> None:
    assert at(workflow(), "permissions") == {}
    assert {name: at(job, "permissions") for name, job in jobs().items()} == PERMISSIONS


def test_every_action_is_pinned_by_a_commit_that_its_version_is_beside() -> None:
    used = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert len(used) == len([each for _, each in steps() if text(each, "uses")]) > 0
    for each in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each
    for _, each in steps():
        if text(each, "uses").startswith("actions/checkout@"):
            assert at(each, "with", "persist-credentials") is False


def test_every_step_that_runs_something_runs_a_script_of_deploy_which_is_there() -> None:
    ran = [text(each, "run") for _, each in steps() if not text(each, "uses")]
    assert ran
    for each in ran:
        script, command, *others = each.split()
        assert script in ("deploy/run.sh", "deploy/github.sh")
        assert os.access(ROOT / script, os.X_OK)
        assert f"\n{command})\n" in (ROOT / script).read_text()
        assert all(re.fullmatch(r'[a-z]+|>?"\$[A-Z_]+[\w./]*"', other) for other in others), each


def test_nothing_that_others_write_is_part_of_a_command() -> None:
    assert [each for _, each in steps() if "${{" in text(each, "run")] == []


def test_nothing_runs_before_the_repository_names_a_stack() -> None:
    for name in ("preview", "up"):
        assert text(jobs()[name], "if").startswith("vars.STACK && ")
    assert text(jobs()["tell"], "needs") == "up"
    assert "needs.up.result != 'skipped'" in text(jobs()["tell"], "if")


def test_a_pull_request_from_a_fork_gets_no_secret_and_only_main_is_deployed() -> None:
    triggers = cast("Mapping[object, Json]", workflow())[True]  # YAML 1.1 reads `on` so
    assert set(entries(triggers)) == {"pull_request", "push", "schedule", "workflow_dispatch"}
    assert at(triggers, "push", "branches") == ["main"]
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    assert same in text(jobs()["preview"], "if")
    assert "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'" in text(jobs()["up"], "if")


def test_an_up_that_runs_is_not_cancelled_and_there_is_one_for_a_stack() -> None:
    assert at(jobs()["up"], "concurrency") == {"group": "up of ${{ vars.STACK }}", "cancel-in-progress": False}
    assert at(jobs()["preview"], "concurrency", "cancel-in-progress") is True
    assert "github.event.number" in text(jobs()["preview"], "concurrency", "group")


def test_a_step_of_pulumis_has_an_end_at_which_it_fails() -> None:
    """A job that takes too long counts as cancelled, and `tell` tells of none."""
    for _, each in steps():
        assert isinstance(at(each, "timeout-minutes"), int) is bool(PULUMIS.search(text(each, "run"))), each


def test_only_the_step_that_needs_a_secret_has_it() -> None:
    assert "secrets." not in str(at(workflow(), "env"))
    for name, job in jobs().items():
        assert "secrets." not in str(at(job, "env"))
        assert ("secrets." in str(job)) is (text(job, "environment") == name)
    for _, each in steps():
        named = set(re.findall(r"secrets\.(\w+)", str(each)))
        runs = text(each, "run")
        expected = (
            {"KUBECONFIG"}
            if "kubeconfig" in runs
            else {"PULUMI_CONFIG_PASSPHRASE"}
            if PULUMIS.search(runs)
            else set[str]()
        )
        assert named == expected


def test_the_documents_set_each_variable_and_each_secret_that_there_is() -> None:
    block = documents.blocks()["docs/operations.md#unattended 2"]
    kinds = {"vars": "variable", "secrets": "secret"}
    named = {(kinds[kind], name) for kind, name in re.findall(r"(vars|secrets)\.([A-Z_]+)", WORKFLOW.read_text())}
    assert named == set(re.findall(r"gh (\w+) set (\w+)", block))
    environments = {text(each, "environment") for each in jobs().values()} - {""}
    assert re.findall(r"for environment in (.*); do", block) == [" ".join(sorted(environments))]


def test_drift_is_looked_for_on_the_schedule_before_the_up_which_it_does_not_prevent() -> None:
    ran = [each for each in items(jobs()["up"], "steps") if PULUMIS.search(text(each, "run"))]
    drift, up = ran
    assert text(drift, "run") == "deploy/run.sh drift"
    assert at(drift, "continue-on-error") is True
    assert text(drift, "if") == "github.event_name == 'schedule'"
    assert text(up, "run") == "deploy/github.sh up"
    assert at(up, "if") is None


# systemd

Unit: TypeAlias = Mapping[str, Sequence[str]]
SERVICES = ("karmada-anp@.service", "karmada-anp-drift@.service")
COMMAND = {"karmada-anp@.service": "up", "karmada-anp-drift@.service": "drift"}


def unit(name: str) -> Unit:
    """A unit's settings; one that is given several times has several values."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", (UNITS / name).read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_the_units_are_these() -> None:
    timers = [each.replace(".service", ".timer") for each in SERVICES]
    assert {each.name for each in UNITS.iterdir()} == {*SERVICES, *timers, "karmada-anp-failed@.service"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_its_script_for_the_stack_that_it_is_an_instance_of(name: str) -> None:
    assert unit(name)["ExecStart"] == [f"/opt/karmada-anp/deploy/image/entrypoint.sh {COMMAND[name]}"]
    assert "STACK=%i" in unit(name)["Environment"]
    assert unit(name)["EnvironmentFile"] == ["/etc/karmada-anp/%i.env"]
    assert unit(name)["OnFailure"] == ["karmada-anp-failed@%n.service"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_services_secrets_are_credentials_and_in_no_environment(name: str) -> None:
    assert unit(name)["LoadCredential"] == [
        f"{each}:/etc/karmada-anp/%i.{each}" for each in ("passphrase", "kubeconfig")
    ]
    assert "PULUMI_CONFIG_PASSPHRASE_FILE=%d/passphrase KUBECONFIG=%d/kubeconfig" in unit(name)["Environment"]


HARDENING: Mapping[str, str] = {
    "DynamicUser": "yes",
    "UMask": "0077",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "RestrictNamespaces": "yes",
    "SystemCallFilter": "@system-service",
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_nowhere_but_in_its_own_directory(name: str) -> None:
    assert {key: unit(name).get(key) for key in HARDENING} == {key: [value] for key, value in HARDENING.items()}
    assert unit(name)["StateDirectory"] == ["karmada-anp"]
    assert "HOME=%S/karmada-anp PULUMI_HOME=%S/karmada-anp/pulumi" in unit(name)["Environment"]
    assert not {"ReadWritePaths", "BindPaths"} & set(unit(name))


def test_a_run_that_is_stopped_ends_as_by_an_interrupt_which_pulumi_records() -> None:
    for name in SERVICES:
        assert (unit(name)["KillSignal"], unit(name)["KillMode"]) == (["SIGINT"], ["mixed"])
        assert unit(name)["TimeoutStopSec"] == ["15min"]


def test_both_services_are_the_same_but_for_what_they_run_and_how_long_it_may_take() -> None:
    up, drift = (unit(each) for each in SERVICES)
    differ = {key for key in {*up, *drift} if up.get(key) != drift.get(key)}
    assert differ == {"Description", "After", "ExecStart", "TimeoutStartSec"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_timer_runs_its_service_daily_and_what_was_missed(name: str) -> None:
    timer = unit(name.replace(".service", ".timer"))
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d", timer["OnCalendar"][0])
    assert timer["Persistent"] == ["true"]
    assert timer["WantedBy"] == ["timers.target"]


def test_the_up_of_a_machine_that_was_off_begins_after_the_drift() -> None:
    """Both are due when it boots, each after its delay; After= waits only for what has begun or begins now."""
    up, drift = SERVICES
    assert "RandomizedDelaySec" not in unit(drift.replace(".service", ".timer"))
    assert drift.replace("@", "@%i") in unit(up)["After"]


@pytest.mark.parametrize(("command", "file"), [("", "told"), ("cat >{}/mailed", "mailed")])
def test_somebody_is_told_which_unit_failed_and_where_to_look(tmp_path: Path, command: str, file: str) -> None:
    done = run(tmp_path, "tell.sh", "karmada-anp@prod.service", TELL=command.format(tmp_path))
    assert done.returncode == 0, done.stderr
    told = (tmp_path / file).read_text()
    assert "karmada-anp@prod.service failed on " in told
    assert "journalctl --unit=karmada-anp@prod.service" in told
    if not command:
        assert told.startswith("--identifier=karmada-anp --priority=err\n")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc here")
def test_a_webhooks_url_is_in_no_argument(tmp_path: Path) -> None:
    """The example as systemd reads it from tell.env."""
    example = re.findall(r"^#   (.*)$", (UNITS / "karmada-anp-failed@.service").read_text(), re.MULTILINE)
    variables = dict(each.split("=", 1) for each in shlex.split("\n".join(example)))
    assert variables.keys() == {"HOOK", "TELL"}
    executable(tmp_path / "curl", CURL)
    done = run(tmp_path, "tell.sh", "karmada-anp@prod.service", **variables)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "config").read_text() == f"url={variables['HOOK']}\n"
    arguments = (tmp_path / "arguments").read_text()
    assert "-K - --data-binary karmada-anp@prod.service failed on " in arguments
    assert "sh -c " in arguments
    assert variables["HOOK"] not in arguments


def test_the_documents_make_each_file_that_the_units_read() -> None:
    block = documents.blocks()["docs/operations.md#unattended"]
    for name in SERVICES:
        read = re.findall(r"/etc/\S+", " ".join([*unit(name)["EnvironmentFile"], *unit(name)["LoadCredential"]]))
        assert len(read) == 3
        assert [each for each in read if each.replace("%i", "prod") not in re.split(r"[\s>]", block)] == []
        assert name.replace("@.service", "@prod.timer") in block
        assert f"git clone REPOSITORY {unit(name)['WorkingDirectory'][0]} " in block


def verified(directory: Path, checkout: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of the units as they are on a machine with the checkout there."""
    names: list[str] = []
    for each in UNITS.iterdir():
        instance = "karmada-anp@prod.service" if "failed" in each.name else "prod"
        name = each.name.replace("@", f"@{instance}")
        content = each.read_text().replace("/opt/karmada-anp", checkout)
        for file in (each.name, name):
            (directory / file).write_text(content)
        names.append(str(directory / name))
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:"}
    return subprocess.run(
        ["systemd-analyze", "verify", *names], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    done = verified(tmp_path, str(ROOT))
    assert (done.returncode, "karmada-anp" in done.stdout + done.stderr) == (0, False), done.stderr
    assert "is not executable" in verified(tmp_path, "/nowhere").stderr


# the linters, where they are


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not here")
def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    done = subprocess.run(["shellcheck", *DEPLOY.glob("*.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not here")
def test_actionlint_finds_nothing_in_the_workflow() -> None:
    done = subprocess.run(["actionlint", WORKFLOW], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
