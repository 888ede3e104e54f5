"""The Pod Security Standard `restricted`, control by control as its page has it (Kubernetes 1.36).

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/, Baseline and Restricted. Of a pod template
as it is written, and as an API server completes it: on the host network a container's port is the host's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusters.objects import Json, at, entries, items, text

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop")
VOLUME_TYPES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(template: Json) -> set[str]:
    """The controls that a pod template does not keep, by their names on the page."""
    return {*_baseline(template), *_restricted(template)}


def _baseline(template: Json) -> Iterator[str]:
    spec, each = entries(template, "spec"), _containers(template)
    contexts = [at(spec, "securityContext"), *_contexts(template)]
    handlers = [_handler(container, name) for container in each for name in HANDLERS]
    yield from _unless(
        {
            "HostProcess": all(at(one, "windowsOptions", "hostProcess") in (None, False) for one in contexts),
            "Host Namespaces": all(at(spec, name) in (None, False) for name in ("hostNetwork", "hostPID", "hostIPC")),
            "Privileged Containers": all(at(one, "privileged") in (None, False) for one in contexts),
            "HostPath Volumes": all(at(volume, "hostPath") is None for volume in items(spec, "volumes")),
            "Host Ports": all(_host_port(spec, port) in (None, 0) for one in each for port in items(one, "ports")),
            "Host Probes / Lifecycle Hooks": all(
                at(handler, kind, "host") in (None, "") for handler in handlers for kind in ("httpGet", "tcpSocket")
            ),
            "AppArmor": all(
                at(one, "appArmorProfile", "type") in (None, "RuntimeDefault", "Localhost") for one in contexts
            ),
            "SELinux": all(
                at(one, "seLinuxOptions", "type") in SELINUX_TYPES
                and not text(one, "seLinuxOptions", "user")
                and not text(one, "seLinuxOptions", "role")
                for one in contexts
            ),
            "/proc Mount Type": all(at(one, "procMount") in (None, "Default") for one in contexts),
            "Sysctls": all(at(one, "name") in SYSCTLS for one in items(spec, "securityContext", "sysctls")),
        }
    )


def _restricted(template: Json) -> Iterator[str]:
    pod, contexts = at(template, "spec", "securityContext"), _contexts(template)
    profiles = [at(one, "seccompProfile", "type") for one in contexts]
    of_pod = at(pod, "seccompProfile", "type")
    yield from _unless(
        {
            "Volume Types": all(
                VOLUME_TYPES & entries(volume).keys() and len(entries(volume)) == 2
                for volume in items(template, "spec", "volumes")
            ),
            "Privilege Escalation": all(at(one, "allowPrivilegeEscalation") is False for one in contexts),
            "Running as Non-root": all(
                at(one, "runAsNonRoot") is True or (at(one, "runAsNonRoot") is None and at(pod, "runAsNonRoot") is True)
                for one in contexts
            ),
            "Running as Non-root user": all(at(one, "runAsUser") != 0 for one in (pod, *contexts)),
            "Seccomp": all(one in ("RuntimeDefault", "Localhost") for one in (*profiles, of_pod) if one is not None)
            and (of_pod is not None or None not in profiles),
            "Capabilities": all(
                "ALL" in items(one, "capabilities", "drop")
                and set(map(str, items(one, "capabilities", "add"))) <= {"NET_BIND_SERVICE"}
                for one in contexts
            ),
        }
    )


def _unless(kept: Mapping[str, bool]) -> Iterator[str]:
    return (control for control, is_kept in kept.items() if not is_kept)


def _containers(template: Json) -> Sequence[Json]:
    return [each for kind in CONTAINERS for each in items(template, "spec", kind)]


def _contexts(template: Json) -> Sequence[Json]:
    return [at(each, "securityContext") for each in _containers(template)]


def _handler(container: Json, name: str) -> Json:
    return at(container, name) if name.endswith("Probe") else at(container, "lifecycle", name)


def _host_port(spec: Json, port: Json) -> Json:
    given = at(port, "hostPort")
    return at(port, "containerPort") if given is None and at(spec, "hostNetwork") is True else given
