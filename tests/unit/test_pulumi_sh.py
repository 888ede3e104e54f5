"""tools/pulumi.sh, which make runs: what it types, before a pulumi of ours that writes it down."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from config.problems import TYPED, config_set, pulumi_command
from tests.unit.fake_programs import executable, path_with
from tools.render.stackfile import ROOT

PULUMI = """\
#!/bin/sh
printf '%s ' "$@" >>"$(dirname "$0")/typed"
echo >>"$(dirname "$0")/typed"
"""


def typed(
    directory: Path, stack: str, *command: str, stdin: int = subprocess.DEVNULL, root: Path = ROOT
) -> Sequence[str]:
    """What pulumi was called with for a command, a line a call."""
    executable(directory / "pulumi", PULUMI)
    environment = {
        **os.environ,
        "STACK": stack,
        "PATH": path_with(directory),
        "PULUMI_BACKEND_URL": f"file://{directory}",
        "PULUMI_CONFIG_PASSPHRASE": "of nothing",
    }
    whole = [str(root / "tools" / "pulumi.sh"), *command]
    subprocess.run(whole, env=environment, stdin=stdin, check=True, timeout=60)
    return [line.strip() for line in (directory / "typed").read_text().splitlines()]


@pytest.mark.parametrize(
    ("stack", "command"),
    [("dev", ["up", "--yes"]), ("org/dev", ["preview", "--diff"]), ("dev", ["config", "--json"])],
)
def test_a_command_is_pulumis_own_on_that_stack(tmp_path: Path, stack: str, command: Sequence[str]) -> None:
    *_, last = typed(tmp_path, stack, *command)
    assert last == " ".join([*command, f"--stack {stack} --non-interactive"])


@pytest.mark.parametrize("command", ["up", "preview", "config", "config set a b", "config set-all", "config rm a"])
def test_what_deploys_or_configures_makes_the_stack_if_it_is_not_there(tmp_path: Path, command: str) -> None:
    assert typed(tmp_path, "prod", *command.split())[0] == "stack select --non-interactive --create prod"


@pytest.mark.parametrize("said", ["awskms://alias/x?region=y", '"awskms://alias/x?region=y"'])
def test_a_stack_is_made_with_the_secrets_provider_of_its_file(tmp_path: Path, said: str) -> None:
    """Without it, Pulumi takes that line and the wrapped key out of the file."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", checkout / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", checkout)
    (checkout / "Pulumi.kms.yaml").write_text(f"secretsprovider: {said}\nencryptedkey: x\n")
    creates = "stack select --non-interactive --create --secrets-provider=awskms://alias/x?region=y org/kms"
    assert typed(tmp_path, "org/kms", "up", root=checkout)[0] == creates
    assert typed(tmp_path, "org/kms", "destroy", root=checkout)[2] == "stack select --non-interactive org/kms"


@pytest.mark.parametrize("command", ["up", "preview", "config"])
@pytest.mark.parametrize("stack", ["prdo", "org/prdo"])
def test_a_mistyped_stack_is_no_new_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], stack: str, command: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        typed(tmp_path, stack, command)
    said = capfd.readouterr().err
    assert f"STACK={stack} is no stack: there is no Pulumi.prdo.yaml; there are " in said
    assert {"dev", "fork", "prod"} <= set(said.split())
    assert "cp Pulumi.prod.yaml Pulumi.prdo.yaml" in said
    assert not (tmp_path / "typed").exists()


@pytest.mark.parametrize("command", ["destroy", "stack", "refresh", "config --json", "config get a"])
def test_what_looks_or_takes_away_does_not(tmp_path: Path, command: str) -> None:
    assert typed(tmp_path, "prod", *command.split())[0] == "stack select --non-interactive prod"


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        (["up"], True),
        (["destroy"], True),
        (["up", "--yes"], False),
        (["destroy", "--yes"], False),
        (["preview"], False),
        (["config", "set", "--secret", "a"], True),
    ],
)
def test_who_sits_at_a_terminal_is_asked_unless_it_is_said_that_he_need_not_be(
    tmp_path: Path, command: Sequence[str], asks: bool
) -> None:
    keyboard, terminal = pty.openpty()
    try:
        *_, last = typed(tmp_path, "prod", *command, stdin=terminal)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert ("--non-interactive" in last) is not asks


@pytest.mark.parametrize("target", ["up", "down"])
@pytest.mark.parametrize(("stack", "asks"), [("dev", False), ("fork", False), ("prod", True), ("org/prod", True)])
def test_a_stack_of_ones_own_is_shown_and_asked_about_before_it_is_changed(target: str, stack: str, asks: bool) -> None:
    said = subprocess.check_output(["make", "--dry-run", target, f"STACK={stack}"], cwd=ROOT, text=True)
    assert ("--yes --skip-preview" in said) is not asks


def test_what_is_to_be_typed_is_pulumis_own_or_as_make_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_set("proxy.port", "9000") == "pulumi config set --path 'karmada-anp:proxy.port' 9000"
    monkeypatch.setenv(TYPED, "STACK=dev tools/pulumi.sh")
    assert (
        config_set("proxy.port", "9000") == "STACK=dev tools/pulumi.sh config set --path 'karmada-anp:proxy.port' 9000"
    )
    assert pulumi_command("up") == "STACK=dev tools/pulumi.sh up"


@pytest.mark.parametrize("target", ["up", "down", "preview", "status", "doctor", "rotate-ca"])
def test_make_says_it_to_what_tells_people_to_type(target: str) -> None:
    """And to nothing else: tests are told nothing."""
    makefile = (ROOT / "Makefile").read_text()
    (exported,) = re.findall(
        rf"^([a-z -]+): export {TYPED} = STACK=\$\(STACK\) tools/pulumi\.sh$", makefile, re.MULTILINE
    )
    assert target in exported.split()
    assert {"test", "prove"} & set(exported.split()) == set()


@pytest.mark.parametrize(("stack", "needs"), [("dev", True), ("fork", True), ("prod", False)])
def test_where_images_are_built_an_engine_that_does_not_answer_is_told_before_anything_else(
    tmp_path: Path, stack: str, needs: bool
) -> None:
    executable(tmp_path / "docker", "#!/bin/sh\nexit 1\n")
    environment = {**os.environ, "PATH": path_with(tmp_path)}
    done = subprocess.run(
        ["make", "engine", f"STACK={stack}"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) is needs
    assert ("There is no Docker engine that answers" in done.stderr) is needs
    dry = subprocess.check_output(["make", "--dry-run", "--always-make", "up"], cwd=ROOT, text=True)
    assert dry.index("docker version") < dry.index("pip install")


def test_without_pythons_venv_module_that_is_said_each_time(tmp_path: Path) -> None:
    """Debian's python3 without python3-venv fails with half an environment made, which has no pip."""
    for name in ("Makefile", "requirements.lock"):
        shutil.copy2(ROOT / name, tmp_path / name)
    executable(tmp_path / "python", "#!/bin/sh\nmkdir -p .venv/bin && cp /bin/false .venv/bin/python && exit 1\n")
    command = ["make", "PYTHON=./python", ".venv/requirements.lock"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "install Python 3.11 or later with its venv module" in done.stderr
        assert done.returncode != 0


def checkout(directory: Path, **programs: str) -> dict[str, str]:
    """A checkout of the scripts alone, and an environment in which these programs come first."""
    (directory / "tools").mkdir()
    for name in ("uninstall.sh", "local-karmada.sh", "pulumi.sh"):
        shutil.copy2(ROOT / "tools" / name, directory / "tools" / name)
    shutil.copy2(ROOT / "requirements.txt", directory)
    (directory / ".venv" / "bin").mkdir(parents=True)
    (directory / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for name, script in programs.items():
        executable(directory / name, f"#!/bin/sh\n{script}\n")
    others = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return {**others, "STACK": "dev", "PATH": path_with(directory), "HOME": str(directory)}


IMAGES = """\
case "$*" in *" ls "*) echo localhost/karmada-anp/proxy-server:v1 ;; esac
echo "$*" >>"$(dirname "$0")/asked"
"""

STACKS = """\
echo "$* in ${PULUMI_BACKEND_URL:-where it is logged in}" >>"$(dirname "$0")/typed"
cat "$(dirname "$0")/stacks" 2>&1
"""


@pytest.mark.parametrize("others", [[], ["fork"]])
def test_uninstalling_removes_state_and_images_unless_another_stack_is_in_the_state(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], others: Sequence[str]
) -> None:
    stacks = tmp_path / ".state" / ".pulumi" / "stacks" / "karmada-anp"
    stacks.mkdir(parents=True)
    (stacks / "dev.json.bak").touch()
    for each in others:
        (stacks / f"{each}.json").touch()
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  a: b\nencryptionsalt: v1:x\n")
    environment = checkout(tmp_path, docker=IMAGES, pulumi=STACKS)
    (tmp_path / "stacks").write_text("[]")
    done = subprocess.run(["tools/uninstall.sh"], cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, (tmp_path / ".state").exists()) == ((1, True) if others else (0, False))
    if others:
        assert "other stacks are in .state: fork" in capfd.readouterr().err
        assert not (tmp_path / "asked").exists()
    else:
        assert (tmp_path / "asked").read_text().splitlines()[-1] == "image rm localhost/karmada-anp/proxy-server:v1"
        assert (tmp_path / "Pulumi.dev.yaml").read_text() == "config:\n  a: b\n"


@pytest.mark.parametrize("backend", ["s3://bucket", "where it is logged in"])
@pytest.mark.parametrize(
    ("stacks", "said"),
    [
        (
            '[{"name": "fork", "resourceCount": 40}, {"name": "old", "resourceCount": 0}]',
            "other stacks may use it: fork\n",
        ),
        ('[{"name": "org/fork"}]', "other stacks may use it: org/fork\n"),
        (None, "could not be found out"),
        ('[{"name": "old", "resourceCount": 0}]', ""),
    ],
)
def test_uninstalling_removes_nothing_that_a_stack_in_another_backend_may_use(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], backend: str, stacks: str | None, said: str
) -> None:
    environment = checkout(tmp_path, docker=IMAGES, pulumi=STACKS)
    if backend.startswith("s3:"):
        environment["PULUMI_BACKEND_URL"] = backend
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi" / "credentials.json").write_text('{"current": "https://api.pulumi.com"}')
    if stacks is not None:
        (tmp_path / "stacks").write_text(stacks)
    done = subprocess.run(["tools/uninstall.sh"], cwd=tmp_path, env=environment, check=False)
    assert (tmp_path / "typed").read_text() == f"stack ls --json --non-interactive in {backend}\n"
    assert said in capfd.readouterr().err
    assert (done.returncode, (tmp_path / "asked").exists()) == ((1, False) if said else (0, True))


FAILS = "echo it does not answer >&2; exit 1"


@pytest.mark.parametrize(
    ("docker", "kubectl", "begins"),
    [
        ("", "echo mine", True),
        ("echo 4f2a", "echo mine", False),
        ("", "echo mine; echo member3", False),
        (FAILS, "echo mine", None),
        ("", FAILS, None),
    ],
    ids=["nothing is there", "a kind cluster", "a context", "docker fails", "kubectl fails"],
)
def test_a_local_karmada_is_not_made_over_what_is_there_or_may_be(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], docker: str, kubectl: str, begins: bool | None
) -> None:
    """Its script deletes kind clusters of the same names, and writes the same kubeconfigs."""
    environment = checkout(tmp_path, docker=docker, kubectl=kubectl, git="", go="")
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "members.config").touch()
    karmadas_script(tmp_path, "local-up-karmada.sh", "made")
    done = subprocess.run(["tools/local-karmada.sh", "up"], cwd=tmp_path, env=environment, check=False)
    assert ((tmp_path / "made").exists(), done.returncode == 0) == (begins is True, begins is not None)
    assert ("it does not answer" in capfd.readouterr().err) is (begins is None)


def karmadas_script(directory: Path, name: str, file: str) -> None:
    """A script of Karmada's, in its sources, that makes a file."""
    local_karmada = (directory / "tools" / "local-karmada.sh").read_text()
    (release,) = re.findall(r"^release=(\S+)$", local_karmada, re.MULTILINE)
    script = directory / ".tools" / f"karmada-{release}" / "hack" / name
    script.parent.mkdir(parents=True)
    executable(script, f"#!/bin/sh\ntouch {directory}/{file}\n")


@pytest.mark.parametrize("made", [".local-karmada-made", ".tools/local-karmada-made", ""])
def test_a_local_karmada_is_removed_only_where_this_checkout_has_made_it(tmp_path: Path, made: str) -> None:
    checkout(tmp_path)
    karmadas_script(tmp_path, "local-down-karmada.sh", "removed")
    if made:
        (tmp_path / made).touch()
    for _ in range(2):
        subprocess.run([tmp_path / "tools" / "local-karmada.sh", "down"], check=True)
    assert (tmp_path / "removed").exists() is bool(made)
    assert not (tmp_path / ".local-karmada-made").exists()
