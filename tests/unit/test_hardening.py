"""What the pods of a guarded stack may do, and what they are given: no more than they need."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clusters.objects import Json, at, items, number
from tests.pod_security import violations
from tests.unit.reading import altered, containers, pods
from tools.render.program import Run

BREACHES: Mapping[str, tuple[str, Json, str]] = {
    "the host's network": ("spec/hostNetwork", True, "Host Namespaces"),
    "the host's processes": ("spec/hostPID", True, "Host Namespaces"),
    "a host's port": ("spec/containers/0/ports", [{"containerPort": 80, "hostPort": 80}], "Host Ports"),
    "a privileged container": ("spec/containers/1/securityContext/privileged", True, "Privileged Containers"),
    "a privileged init container": (
        "spec/initContainers",
        [{"securityContext": {"privileged": True}}],
        "Privileged Containers",
    ),
    "a directory of the host": ("spec/volumes/0", {"name": "x", "hostPath": {"path": "/"}}, "HostPath Volumes"),
    "a directory of NFS": ("spec/volumes/0", {"name": "x", "nfs": {"path": "/"}}, "Volume Types"),
    "a probe of another host": ("spec/containers/0/readinessProbe/httpGet/host", "x", "Host Probes / Lifecycle Hooks"),
    "no AppArmor": ("spec/securityContext/appArmorProfile", {"type": "Unconfined"}, "AppArmor"),
    "another SELinux role": ("spec/containers/0/securityContext/seLinuxOptions", {"role": "x"}, "SELinux"),
    "an unmasked /proc": ("spec/containers/0/securityContext/procMount", "Unmasked", "/proc Mount Type"),
    "an unsafe sysctl": ("spec/securityContext/sysctls", [{"name": "kernel.msgmax"}], "Sysctls"),
    "gaining privileges": ("spec/containers/1/securityContext/allowPrivilegeEscalation", True, "Privilege Escalation"),
    "no word of gaining privileges": ("spec/containers/0/securityContext", {}, "Privilege Escalation"),
    "root for all it says": ("spec/securityContext/runAsNonRoot", None, "Running as Non-root"),
    "root by number": ("spec/containers/0/securityContext/runAsUser", 0, "Running as Non-root user"),
    "no seccomp": ("spec/securityContext/seccompProfile", None, "Seccomp"),
    "seccomp off in one": ("spec/containers/0/securityContext/seccompProfile", {"type": "Unconfined"}, "Seccomp"),
    "capabilities kept": ("spec/containers/0/securityContext/capabilities", {"drop": ["NET_RAW"]}, "Capabilities"),
    "a capability more": ("spec/containers/1/securityContext/capabilities/add", ["SYS_ADMIN"], "Capabilities"),
}
"""Where a restricted pod is changed, to what, and the control that it then breaks."""


@pytest.mark.parametrize(("path", "value", "control"), BREACHES.values(), ids=BREACHES.keys())
def test_the_check_finds_what_is_not_restricted(load_balancer: Run, path: str, value: Json, control: str) -> None:
    pod = pods(load_balancer)["proxy-server"]
    assert control not in violations(pod)
    assert control in violations(altered(pod, path, value))


def test_no_pod_gets_a_token_for_the_api_which_none_asks(guarded_stack: Run) -> None:
    tokens = {name: at(pod, "spec", "automountServiceAccountToken") for name, pod in pods(guarded_stack).items()}
    assert tokens == dict.fromkeys(tokens, False)


def test_no_container_can_write_to_its_own_files(guarded_stack: Run) -> None:
    for pod in pods(guarded_stack).values():
        for container in containers(pod).values():
            assert at(container, "securityContext", "readOnlyRootFilesystem") is True
            assert [each for each in items(container, "volumeMounts") if at(each, "readOnly") is not True] == []


def test_keys_are_readable_by_roots_and_the_pods_own_group_alone(guarded_stack: Run) -> None:
    """Secrets' files are root's. Without a group a pod that is not root could not read them, unless everybody can."""
    for pod in pods(guarded_stack).values():
        volumes = items(pod, "spec", "volumes")
        assert volumes
        assert [number(each, "secret", "defaultMode") for each in volumes] == [0o440] * len(volumes)
        assert number(pod, "spec", "securityContext", "fsGroup") > 0


def test_the_guard_runs_as_another_user_than_the_server(guarded_stack: Run) -> None:
    """Each may signal or trace what runs as itself."""
    pod = pods(guarded_stack)["proxy-server"]
    guard = number(containers(pod)["proxy-guard"], "securityContext", "runAsUser")
    assert 0 < guard != number(pod, "spec", "securityContext", "runAsUser") > 0
