"""deploy/Dockerfile, deploy/image, deploy/cluster and deploy/operator, by which a stack runs in the cluster.

The scripts are run before a pulumi of ours; the files may and must say what these tests say. Nothing builds the image.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
import yaml

from clusters import kubeconfig
from clusters.objects import Json, at, entries, items, number, text
from tests import documents, pod_security
from tests.unit.fake_programs import executable, path_with
from tests.unit.reading import altered
from tests.unit.test_requirements import packages
from tools.render.stackfile import ROOT, config_of

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
RUNS = ("up", "drift")
SECRETS = "/etc/karmada-anp/secret/"
"""Where the Secret is mounted: kubeconfig and passphrase."""


def objects(file: str) -> Sequence[Json]:
    """The objects in a file of deploy/, `cluster/up.yaml`."""
    return [cast("Json", each) for each in yaml.safe_load_all((DEPLOY / file).read_text())]


def the(file: str, kind: str) -> Json:
    """The one object of a kind in a file."""
    (found,) = [each for each in objects(file) if text(each, "kind") == kind]
    return found


def job(run: str) -> Json:
    """The Job that a CronJob makes."""
    return at(the(f"cluster/{run}.yaml", "CronJob"), "spec", "jobTemplate")


def pod(run: str) -> Json:
    return at(job(run), "spec", "template")


def container(template: Json) -> Json:
    (found,) = items(template, "spec", "containers")
    return found


def environment(run: str) -> Mapping[str, Json]:
    return {text(each, "name"): each for each in items(container(pod(run)), "env")}


def stack() -> Json:
    return at(the("operator/stack.yaml", "Stack"), "spec")


def workspace() -> Json:
    """The pod template that the operator's own is merged with."""
    return at(stack(), "workspaceTemplate", "spec", "podTemplate")


# the image


def instructions(name: str) -> Sequence[str]:
    """The arguments of a Dockerfile's instructions of a name, lines joined."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)


def copied() -> Iterator[Path]:
    """The files and directories of the checkout that are in the image."""
    for each in instructions("COPY"):
        *sources, _ = each.split()
        for source in sources:
            yield from ROOT.glob(source)


def image_environment() -> Mapping[str, str]:
    return dict(pair.split("=", 1) for each in instructions("ENV") for pair in each.split())


def test_the_images_cli_is_of_the_version_that_the_requirements_pin_and_renovate_moves_both() -> None:
    pulumi = packages("requirements.txt")["pulumi"]
    (base,) = instructions("FROM")
    assert base == f"docker.io/pulumi/pulumi-python-3.13:{pulumi}"
    assert f'org.opencontainers.image.base.name="{base}"' in DOCKERFILE


def test_the_images_plugins_are_those_of_the_requirements_which_the_dockerfile_does_not_spell_again() -> None:
    (command,) = [each for each in instructions("RUN") if "plugin install" in each]
    expression = re.findall(r"sed -n '(.*?)' requirements\.txt", command)[0]
    done = subprocess.run(
        ["sed", "-n", expression, "requirements.txt"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    read = dict(line.split() for line in done.stdout.splitlines())
    asked = packages("requirements.txt")
    assert read == {name.removeprefix("pulumi-"): asked[name] for name in asked if name.startswith("pulumi-")}
    assert {"kubernetes", "tls", "command", "docker"} <= read.keys()
    assert [each for each in read.values() if each in DOCKERFILE] == []
    assert 'resource "$name" "$version" --exact' in command


def test_packages_are_installed_by_the_hashes_of_the_lock_where_pulumi_yaml_looks_for_them() -> None:
    virtual_environment = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["runtime"]["options"]["virtualenv"]
    (command,) = [each for each in instructions("RUN") if "pip install" in each]
    assert f"python3 -m venv {virtual_environment} " in command
    assert "--require-hashes --requirement requirements.lock" in command
    assert f"cp requirements.lock {virtual_environment}/" in command


def test_the_image_downloads_nothing_when_it_runs_and_runs_as_nobody_special() -> None:
    assert image_environment()["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert instructions("USER") == ["1000:1000"]
    assert image_environment()["HOME"] == "/tmp"
    assert image_environment()["PULUMI_HOME"].startswith("/tmp/")


def test_the_image_has_the_program_with_all_that_it_imports() -> None:
    found = list(copied())
    files = {file for each in found for file in (each.rglob("*.py") if each.is_dir() else [each])}
    own = {each.name for each in ROOT.iterdir() if (each / "__init__.py").exists()}
    assert ROOT / "__main__.py" in files
    for file in (each for each in files if each.suffix == ".py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in own:
                module = ROOT / node.module.replace(".", "/")
                assert {module.with_suffix(".py"), module / "__init__.py"} & files, (file, node.module)


def test_nothing_else_of_a_checkout_gets_into_a_layer_or_to_the_builder() -> None:
    found = {str(each.relative_to(ROOT)) for each in copied()}
    assert not [each for each in found if re.search(r"Pulumi\.\w+\.yaml|^\.|\.env$", each)]
    assert "." not in [source for each in instructions("COPY") for source in each.split()]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert sent - {"stack_transforms.py"} == found - {"stack_transforms.py"}
    assert [line for line in ignored if line[0] not in "!#"] == ["*", "**/__pycache__"]


def test_no_argument_of_the_build_is_a_secret() -> None:
    assert instructions("ARG") == ["REVISION=unknown"]
    assert "--mount=type=secret" not in DOCKERFILE


# what runs in it

PULUMI = """\
#!/usr/bin/env bash
echo "$*" >>"$(dirname "$0")/typed"
case "$1" in
up)
    trap 'echo "interrupted, recorded"; exit 255' INT
    touch "$(dirname "$0")/begun"
    for _ in $(seq "${TENTHS:-0}"); do sleep 0.1; done
    exit "${ENDS:-0}"
    ;;
stack) [ "$2" != output ] || echo "[]" ;;
esac
"""
MAKE = '#!/bin/sh\ntouch "$(dirname "$0")/made"\n'


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The image's directory of the program, with the scripts, and beside it programs of ours."""
    directory = tmp_path / "image"
    for file in ("deploy/run.sh", "deploy/image", "tools/pulumi.sh", "requirements.lock", "requirements.txt"):
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / file).is_dir() else shutil.copy)(ROOT / file, directory / file)
    (directory / ".venv").mkdir()
    shutil.copy(ROOT / "requirements.lock", directory / ".venv")
    (directory / "Pulumi.prod.yaml").touch()
    executable(tmp_path / "pulumi", PULUMI)
    executable(tmp_path / "make", MAKE)
    return directory


def variables(image: Path, **more: str) -> dict[str, str]:
    """The environment of a container, with our programs where the real ones are."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(image / "deploy" / "image"), path_with(image.parent)]),
        "PULUMI_HOME": str(image.parent / "home" / "pulumi"),
        "STACK": "prod",
        "PULUMI_BACKEND_URL": "s3://bucket",
        "PULUMI_CONFIG_PASSPHRASE": "of nothing",
        **more,
    }


def typed(image: Path) -> Sequence[str]:
    file = image.parent / "typed"
    return file.read_text().splitlines() if file.exists() else []


def started(image: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """The image's first process."""
    return subprocess.Popen(
        [str(image / "deploy/image/entrypoint.sh"), *arguments],
        env=variables(image, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def own_pulumi(image: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs pulumi as the image has it on PATH."""
    return subprocess.run(
        ["sh", "-c", 'exec pulumi "$@"', "sh", *arguments],
        cwd=where,
        env=variables(image),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("ends", [0, 1, 255])
def test_the_first_process_ends_as_what_it_runs(image: Path, ends: int) -> None:
    process = started(image, "up", ENDS=str(ends))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == ends
    assert said.splitlines()[-1] == "behind: none"
    assert "up --yes --skip-preview --continue-on-error --color never --stack prod --non-interactive" in typed(image)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_container_ends_pulumi_as_an_interrupt_does_and_waits_for_it(image: Path, sent: int) -> None:
    process = started(image, "up", TENTHS="300")
    for _ in range(300):
        if (image.parent / "begun").exists():
            break
        time.sleep(0.1)
    process.send_signal(sent)
    said, _ = process.communicate(timeout=20)
    assert "interrupted, recorded" in said
    assert "up failed with exit code 255" in said
    assert process.returncode == 255


def test_what_is_no_command_is_answered_with_those_that_there_are(image: Path) -> None:
    process = started(image, "destroy")
    assert "up  " in process.communicate(timeout=60)[0]
    assert process.returncode == 64


def test_where_the_lock_is_installed_nothing_is_made(image: Path) -> None:
    started(image, "up").communicate(timeout=60)
    assert not (image.parent / "made").exists()


def test_where_another_lock_is_installed_make_is_asked(image: Path) -> None:
    (image / ".venv" / "requirements.lock").write_text("")
    started(image, "up").communicate(timeout=60)
    assert (image.parent / "made").exists()


def test_plugins_are_the_images_in_a_home_that_begins_empty(image: Path) -> None:
    for _ in range(2):
        assert own_pulumi(image, image, "stack", "ls").returncode == 0
    plugins = image.parent / "home" / "pulumi" / "plugins"
    assert plugins.is_symlink()
    assert f"PULUMI_HOME={os.readlink(plugins)}".removesuffix("/plugins") + " pulumi plugin install" in DOCKERFILE
    assert typed(image) == ["stack ls", "stack ls"]


INSTALLS = (("install",), ("--non-interactive", "install"), ("install", "--non-interactive"))


@pytest.mark.parametrize("arguments", INSTALLS)
def test_the_operators_install_gives_a_checkout_the_images_packages(
    image: Path, tmp_path: Path, arguments: Sequence[str]
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copy(ROOT / "requirements.lock", checkout)
    for _ in range(2):
        done = own_pulumi(image, checkout, *arguments)
        assert done.returncode == 0, done.stderr
    assert (checkout / ".venv").resolve() == image / ".venv"
    assert typed(image) == []


@pytest.mark.parametrize("arguments", INSTALLS)
def test_a_checkout_that_wants_other_packages_is_refused(image: Path, tmp_path: Path, arguments: Sequence[str]) -> None:
    (tmp_path / "requirements.lock").write_text("pulumi==9\n")
    done = own_pulumi(image, tmp_path, *arguments)
    assert done.returncode == 1
    assert "build the image from this commit" in done.stderr
    assert not (tmp_path / ".venv").exists()


# the CronJobs


@pytest.mark.parametrize("run", RUNS)
def test_a_cronjobs_pod_keeps_the_pod_security_level_restricted(run: str) -> None:
    assert pod_security.violations(pod(run)) == set()
    assert pod_security.violations(altered(pod(run), "spec/securityContext/runAsNonRoot", False)) != set()


@pytest.mark.parametrize("run", RUNS)
def test_a_cronjobs_container_may_write_in_one_empty_directory_and_nowhere_else(run: str) -> None:
    context = at(container(pod(run)), "securityContext")
    assert at(context, "readOnlyRootFilesystem") is True
    assert at(context, "capabilities") == {"drop": ["ALL"]}
    assert at(pod(run), "spec", "securityContext", "runAsUser") == 1000
    mounts = items(container(pod(run)), "volumeMounts")
    (writable,) = [each for each in mounts if at(each, "readOnly") is not True]
    assert writable == {"name": "tmp", "mountPath": image_environment()["HOME"]}
    (volume,) = [each for each in items(pod(run), "spec", "volumes") if at(each, "name") == "tmp"]
    assert text(volume, "emptyDir", "sizeLimit")


@pytest.mark.parametrize("run", RUNS)
def test_no_secret_is_in_a_cronjobs_environment(run: str) -> None:
    assert environment(run).keys() == {"STACK", "PULUMI_BACKEND_URL", "KUBECONFIG", "PULUMI_CONFIG_PASSPHRASE_FILE"}
    assert at(container(pod(run)), "envFrom") is None
    assert not [each for each in environment(run).values() if at(each, "valueFrom", "secretKeyRef") is not None]
    assert text(environment(run)["PULUMI_CONFIG_PASSPHRASE_FILE"], "value") == f"{SECRETS}passphrase"
    assert text(environment(run)["KUBECONFIG"], "value").endswith(f":{SECRETS}kubeconfig")


@pytest.mark.parametrize("run", RUNS)
def test_a_cronjob_runs_one_command_at_a_time_and_what_failed_not_at_once_again(run: str) -> None:
    (found,) = objects(f"cluster/{run}.yaml")
    assert items(container(pod(run)), "args") == [run]
    assert text(found, "spec", "concurrencyPolicy") == "Forbid"
    assert re.fullmatch(r"\d+ \d+ \* \* \*", text(found, "spec", "schedule"))
    assert text(pod(run), "spec", "restartPolicy") == "Never"
    assert at(job(run), "spec", "backoffLimit") == 0
    for key in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        assert number(found, "spec", key) > 0


def test_a_drift_that_begins_late_has_ended_when_the_up_begins() -> None:
    """After an outage both are due at once; one that would begin later than its deadline is left out."""
    drift = the("cluster/drift.yaml", "CronJob")
    latest = number(drift, "spec", "startingDeadlineSeconds") + number(job("drift"), "spec", "activeDeadlineSeconds")
    up, due = (minute_of_the_day(text(the(f"cluster/{run}.yaml", "CronJob"), "spec", "schedule")) for run in RUNS)
    assert latest + number(pod("drift"), "spec", "terminationGracePeriodSeconds") <= (up - due) * 60


def minute_of_the_day(schedule: str) -> int:
    minute, hour, *_ = schedule.split()
    return int(hour) * 60 + int(minute)


def test_a_run_may_take_as_long_as_under_systemd_and_has_as_long_to_stop() -> None:
    for run, unit in (("up", "karmada-anp@.service"), ("drift", "karmada-anp-drift@.service")):
        content = (DEPLOY / "systemd" / unit).read_text()
        hours = {"3h": 10_800, "30min": 1_800}
        assert (
            number(job(run), "spec", "activeDeadlineSeconds") == hours[re.findall("TimeoutStartSec=(.*)", content)[0]]
        )
        assert "TimeoutStopSec=15min" in content
        assert number(pod(run), "spec", "terminationGracePeriodSeconds") == 15 * 60


@pytest.mark.parametrize("run", RUNS)
def test_a_cronjobs_container_says_what_it_takes(run: str) -> None:
    resources = at(container(pod(run)), "resources")
    assert entries(resources, "requests").keys() == {"cpu", "memory"}
    assert entries(resources, "limits").keys() == {"memory"}


def test_both_cronjobs_are_the_same_but_for_what_they_run_when_and_how_long_it_may_take() -> None:
    (found,) = objects("cluster/drift.yaml")
    spec = "spec/jobTemplate/spec"
    for path, value in (
        ("metadata/name", "prod-up"),
        ("spec/schedule", "0 4 * * *"),
        ("spec/startingDeadlineSeconds", 21_600),
        (f"{spec}/activeDeadlineSeconds", 10_800),
        (f"{spec}/template/spec/containers/0/args", ["up"]),
    ):
        assert altered(found, path, value) != found
        found = altered(found, path, value)
    assert [found] == list(objects("cluster/up.yaml"))


@pytest.mark.parametrize("run", RUNS)
def test_the_stacks_file_is_mounted_beside_the_program(run: str) -> None:
    name = f"Pulumi.{text(environment(run)['STACK'], 'value')}.yaml"
    assert {
        "name": "stack",
        "mountPath": f"{instructions('WORKDIR')[0]}/{name}",
        "subPath": name,
        "readOnly": True,
    } in (items(container(pod(run)), "volumeMounts"))


# as whom


def test_the_pod_reaches_the_host_by_its_own_token_in_the_context_that_the_stack_names() -> None:
    host = entries(config_of("prod", ROOT), "karmada-anp:host")
    own = cast("Json", yaml.safe_load(text(the("cluster/access.yaml", "ConfigMap"), "data", "kubeconfig")))
    assert [text(each, "name") for each in items(own, "contexts")] == [host["context"]]
    assert text(own, "current-context") == host["context"]
    (user,) = items(own, "users")
    assert entries(user, "user").keys() == {"tokenFile"}
    for template in (*map(pod, RUNS), workspace()):
        assert at(template, "spec", "automountServiceAccountToken") is True
    assert at(the("cluster/access.yaml", "ServiceAccount"), "automountServiceAccountToken") is False


def test_the_program_reads_the_hosts_kubeconfig_before_that_of_the_secret_and_each_token_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("of the pod")
    (tmp_path / "ca.crt").write_text("a CA")
    content = text(the("cluster/access.yaml", "ConfigMap"), "data", "kubeconfig")
    (tmp_path / "host").write_text(content.replace("/var/run/secrets/kubernetes.io/serviceaccount", str(tmp_path)))
    cluster, user = "cluster: {server: https://elsewhere.example}", "user: {token: other}"
    entry = f"{{name: NAME, {cluster}, {user}, context: {{cluster: NAME}}}}"
    both = [entry.replace("NAME", name) for name in ("karmada-host", "karmada-apiserver")]
    lists = "".join(f"{key}: [{', '.join(both)}]\n" for key in ("clusters", "contexts", "users"))
    (tmp_path / "secret").write_text(f"apiVersion: v1\nkind: Config\n{lists}")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'host'}:{tmp_path / 'secret'}")
    assert kubeconfig.servers("") == {
        "karmada-host": "https://kubernetes.default.svc",
        "karmada-apiserver": "https://elsewhere.example",
    }
    host = kubeconfig.Context("", "karmada-host")
    assert list(kubeconfig.configuration(host).api_key.values()) == ["Bearer of the pod"]
    (tmp_path / "token").write_text("renewed")
    assert list(kubeconfig.configuration(host).api_key.values()) == ["Bearer renewed"]


def test_a_pod_has_the_rights_of_roles_yaml_in_the_stacks_namespace_and_no_others() -> None:
    roles = [text(each, "metadata", "name") for each in yaml.safe_load_all((ROOT / "docs" / "roles.yaml").read_text())]
    bound = [each for file in ("cluster", "operator") for each in objects(f"{file}/access.yaml") if at(each, "roleRef")]
    names = {text(each, "roleRef", "name"): each for each in bound}
    assert names.keys() == {"karmada-anp-proxies", "system:auth-delegator"}
    assert "karmada-anp-proxies" in roles
    host = entries(config_of("prod", ROOT), "karmada-anp:host")
    assert text(names["karmada-anp-proxies"], "metadata", "namespace") == host["namespace"]
    account = the("cluster/access.yaml", "ServiceAccount")
    for each in bound:
        assert items(each, "subjects") == [
            {"kind": "ServiceAccount", **{key: text(account, "metadata", key) for key in ("name", "namespace")}}
        ]


def test_everything_is_in_the_namespace_that_enforces_the_level() -> None:
    namespace = the("cluster/access.yaml", "Namespace")
    assert at(namespace, "metadata", "labels") == {"pod-security.kubernetes.io/enforce": "restricted"}
    runs = [
        the("cluster/up.yaml", "CronJob"),
        the("cluster/drift.yaml", "CronJob"),
        the("operator/stack.yaml", "Stack"),
    ]
    for each in runs:
        assert text(each, "metadata", "namespace") == text(namespace, "metadata", "name")


# Pulumi's operator

FIELDS = {
    *("stack", "backend", "useLocalStackOnly", "projectRepo", "branch", "shallow", "resyncFrequencySeconds"),
    *("continueResyncOnCommitMatch", "refresh", "destroyOnFinalize", "workspaceReclaimPolicy", "serviceAccountName"),
    *("envRefs", "updateTemplate", "workspaceTemplate"),
}
WORKSPACE_FIELDS = {"image", "securityProfile", "resources", "podTemplate"}
UPDATE_FIELDS = {"continueOnError"}
"""The fields of a Stack's spec, of its workspaceTemplate's and of its updateTemplate's, as deploy/crds/
pulumi.com_stacks.yaml of pulumi/pulumi-kubernetes-operator has them at v2.9.0: a CRD drops what it does not know."""


def test_a_stack_has_only_fields_that_the_operator_knows() -> None:
    found = the("operator/stack.yaml", "Stack")
    assert text(found, "apiVersion") == "pulumi.com/v1"
    assert entries(stack()).keys() == FIELDS
    assert entries(stack(), "workspaceTemplate", "spec").keys() == WORKSPACE_FIELDS
    assert entries(stack(), "updateTemplate", "spec").keys() == UPDATE_FIELDS


def test_the_operator_makes_no_stack_refreshes_nothing_and_destroys_nothing() -> None:
    assert at(stack(), "useLocalStackOnly") is True
    assert at(stack(), "refresh") is False
    assert at(stack(), "destroyOnFinalize") is False


def test_the_operator_renews_daily_what_is_due_though_no_commit_is_new() -> None:
    assert at(stack(), "continueResyncOnCommitMatch") is True
    assert number(stack(), "resyncFrequencySeconds") == 24 * 60 * 60


def test_the_operators_pod_is_as_the_cronjobs_are_but_for_the_stacks_file_which_its_checkout_has() -> None:
    up = pod("up")
    for key in ("automountServiceAccountToken", "terminationGracePeriodSeconds"):
        assert at(workspace(), "spec", key) == at(up, "spec", key)
    assert items(workspace(), "spec", "volumes") == [
        each for each in items(up, "spec", "volumes") if text(each, "name") != "stack"
    ]
    own = container(workspace())
    assert text(own, "name") == "pulumi"
    assert items(own, "volumeMounts") == [
        each for each in items(container(up), "volumeMounts") if text(each, "name") != "stack"
    ]
    assert at(own, "securityContext") == {"readOnlyRootFilesystem": True}
    assert at(stack(), "workspaceTemplate", "spec", "securityProfile") == "restricted"
    assert at(stack(), "workspaceTemplate", "spec", "resources") == at(container(up), "resources")


def test_no_secret_is_in_the_environment_that_the_operator_makes() -> None:
    references = entries(stack(), "envRefs")
    assert {text(each, "type") for each in references.values()} == {"Literal"}
    expected = environment("up")
    assert {name: text(each, "literal", "value") for name, each in references.items()} == {
        name: text(expected[name], "value") for name in ("KUBECONFIG", "PULUMI_CONFIG_PASSPHRASE_FILE")
    }


# what is told of it


@pytest.mark.parametrize("file", sorted(f"{each.parent.name}/{each.name}" for each in DEPLOY.glob("[co]*/*")))
def test_the_documents_name_each_file(file: str) -> None:
    assert f"`deploy/{file}`" in documents.content("docs/operations.md")


@pytest.mark.parametrize("block", ["docs/operations.md#unattended 3", "docs/operations.md#unattended 4"])
def test_the_documents_make_what_the_pods_mount_and_replace_what_stands_for_something(block: str) -> None:
    commands = documents.blocks()[block]
    for key in ("kubeconfig", "passphrase"):
        assert f"--from-file={key}=" in commands.partition("create secret generic prod ")[2].partition("\n")[0]
    made = commands.partition("create configmap prod ")[2].partition("\n")[0]
    key = text(environment("drift")["PULUMI_BACKEND_URL"], "valueFrom", "configMapKeyRef", "key")
    assert f"--from-literal={key}=" in made
    assert "--from-file=Pulumi.prod.yaml" in made
    assert re.search(
        r"sed 's\|image: IMAGE\|.* deploy/cluster/(\$each|drift)\.yaml \| kubectl apply", commands.partition(made)[2]
    )
    if block.endswith("4"):
        assert [each for each in ("REPOSITORY", "BACKEND") if f"s|{each}|" not in commands] == []
    assert "s|image: IMAGE|" in commands
    for word in ("IMAGE", "REPOSITORY", "BACKEND"):
        assert len(re.findall(rf": {word}$", (DEPLOY / "operator/stack.yaml").read_text(), re.MULTILINE)) == 1
