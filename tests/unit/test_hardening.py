"""What the pods of a guarded stack may do, and what they are given: no more than they need."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clusters.objects import Json, at, entries, items, number, text
from tests.pod_security import violations
from tests.unit.reading import (
    agents,
    altered,
    arguments,
    containers,
    files,
    guard_configuration,
    member_guard_configuration,
    pods,
)
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
    "a pause at another host": (
        "spec/containers/1/lifecycle/preStop",
        {"httpGet": {"host": "x", "port": 80}},
        "Host Probes / Lifecycle Hooks",
    ),
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


VOLUMES = {
    "proxy-server": {"cert": "secret", "guard": "secret", "frontend": "emptyDir"},
    "member3-proxy-agent": {"cert": "secret", "guard": "secret"},
}
"""What each pod has for volumes, by name."""


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize(("path", "value", "control"), BREACHES.values(), ids=BREACHES.keys())
def test_the_check_finds_what_is_not_restricted(
    load_balancer: Run, path: str, value: Json, control: str, name: str
) -> None:
    pod = pods(load_balancer)[name]
    assert control not in violations(pod)
    assert control in violations(altered(pod, path, value))


@pytest.mark.parametrize("name", VOLUMES)
def test_both_pods_are_restricted_with_each_volume_that_they_have(load_balancer: Run, name: str) -> None:
    pod = pods(load_balancer)[name]
    found = {str(at(each, "name")): (entries(each).keys() - {"name"}).pop() for each in items(pod, "spec", "volumes")}
    assert found == VOLUMES[name]
    assert violations(pod) == set()


def test_no_pod_gets_a_token_for_the_api_which_none_asks(guarded_stack: Run) -> None:
    tokens = {name: at(pod, "spec", "automountServiceAccountToken") for name, pod in pods(guarded_stack).items()}
    assert tokens == dict.fromkeys(tokens, False)


def test_no_container_can_write_but_to_the_memory_that_it_shares_with_its_guard(guarded_stack: Run) -> None:
    for pod in pods(guarded_stack).values():
        in_memory = [at(each, "name") for each in items(pod, "spec", "volumes") if at(each, "emptyDir") is not None]
        for container in containers(pod).values():
            assert at(container, "securityContext", "readOnlyRootFilesystem") is True
            mounts = items(container, "volumeMounts")
            assert mounts
            writable = [at(each, "name") for each in mounts if at(each, "readOnly") is not True]
            assert writable in ([], in_memory)


def test_the_socket_between_server_and_guard_is_in_a_little_memory_of_their_pod_alone(guarded_stack: Run) -> None:
    pod = pods(guarded_stack)["proxy-server"]
    (socket,) = [each for each in items(pod, "spec", "volumes") if at(each, "emptyDir") is not None]
    assert at(socket, "emptyDir") == {"medium": "Memory", "sizeLimit": "1Mi"}
    places = {
        name: [text(each, "mountPath") for each in items(container, "volumeMounts") if at(each, "name") == "frontend"]
        for name, container in containers(pod).items()
    }
    assert places == {"proxy-server": ["/run/proxy-server"], "proxy-guard": ["/run/proxy-server"]}
    assert arguments(pod, "proxy-server")["uds-name"] == "/run/proxy-server/frontend.sock"
    assert "server frontend unix@/run/proxy-server/frontend.sock" in guard_configuration(guarded_stack)


def test_behind_its_guard_a_server_listens_for_karmada_on_no_port(guarded_stack: Run) -> None:
    given = arguments(pods(guarded_stack)["proxy-server"], "proxy-server")
    assert given["server-port"] == "0"
    assert given.keys().isdisjoint({"server-ca-cert", "server-cert", "server-key"})


def test_keys_are_readable_by_roots_and_the_pods_own_group_alone(guarded_stack: Run) -> None:
    """Secrets' files are root's. Without a group a pod that is not root could not read them, unless everybody can."""
    for pod in pods(guarded_stack).values():
        secrets = [each for each in items(pod, "spec", "volumes") if at(each, "secret") is not None]
        assert secrets
        assert [number(each, "secret", "defaultMode") for each in secrets] == [0o440] * len(secrets)
        assert number(pod, "spec", "securityContext", "fsGroup") > 0


def test_each_container_of_an_agents_pod_sees_the_files_that_are_its_own_and_no_other(guarded_stack: Run) -> None:
    """They are in one Secret: the guard, which needs no key, gets none."""
    for name in agents(guarded_stack):
        pod = pods(guarded_stack)[name]
        volumes = {text(each, "name"): at(each, "secret") for each in items(pod, "spec", "volumes")}
        assert {text(each, "secretName") for each in volumes.values()} == {"proxy-agent-cert"}
        seen = {
            container: {
                f"{text(mount, 'mountPath')}/{text(file, 'path')}": text(file, "key")
                for mount in items(each, "volumeMounts")
                for file in items(volumes[text(mount, "name")], "items")
            }
            for container, each in containers(pod).items()
        }
        keys = ("ca.crt", "proxy-agent.crt", "proxy-agent.key")
        assert seen == {
            "proxy-agent": {f"/var/certs/agent/{key}": key for key in keys},
            "member-guard": {"/usr/local/etc/haproxy/haproxy.cfg": "haproxy.cfg"},
        }
        assert files(guarded_stack, f"{name}-cert").keys() == {*keys, "haproxy.cfg"}


def test_a_guard_runs_as_another_user_than_what_it_guards_and_as_one_of_its_group(guarded_stack: Run) -> None:
    """Each may signal or trace what runs as itself; the server's socket is its group's too."""
    for pod in pods(guarded_stack).values():
        (proxy, guard) = containers(pod).values()
        assert 0 < number(guard, "securityContext", "runAsUser") != number(pod, "spec", "securityContext", "runAsUser")
        for container in (proxy, guard):
            assert "runAsGroup" not in entries(container, "securityContext")
        assert number(pod, "spec", "securityContext", "runAsGroup") > 0


def test_a_member_guard_is_as_restricted_as_the_agent_and_has_limits_and_probes_of_its_own(guarded_stack: Run) -> None:
    for name in agents(guarded_stack):
        guard = containers(pods(guarded_stack)[name])["member-guard"]
        assert at(guard, "securityContext") == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "runAsUser": 99,
        }
        assert at(guard, "resources") == {
            "requests": {"cpu": "50m", "memory": "32Mi"},
            "limits": {"memory": "256Mi"},
        }
        assert items(guard, "ports") == [{"name": "guard-metrics", "containerPort": 8096}]


def test_guards_are_asked_for_health_by_http_on_a_port_of_their_own_and_not_for_what_is_behind_them(
    guarded_stack: Run,
) -> None:
    """One that hangs still accepts; and a member's API server that is away is no reason to end its guard."""
    for pod in pods(guarded_stack).values():
        (_, guard) = containers(pod).values()
        for probe in ("livenessProbe", "readinessProbe"):
            asked = {"scheme": "HTTP", **entries(guard, probe, "httpGet")}
            assert asked == {"scheme": "HTTP", "path": "/healthz", "port": 8096}
    for configuration in (
        guard_configuration(guarded_stack),
        *(
            member_guard_configuration(guarded_stack, name.removesuffix("-proxy-agent"))
            for name in agents(guarded_stack)
        ),
    ):
        metrics = configuration.partition("frontend metrics\n")[2]
        assert "monitor-uri /healthz\n" in metrics
        assert "monitor fail" not in metrics


def test_what_a_container_said_last_is_what_up_says_of_it(guarded_stack: Run) -> None:
    """A guard that finds its port taken ends with an error, which its log alone names."""
    for pod in pods(guarded_stack).values():
        for name, each in containers(pod).items():
            assert text(each, "terminationMessagePolicy") == "FallbackToLogsOnError", name
