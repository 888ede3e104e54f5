"""The Pod Security Standard `restricted`, control by control as its page has it (Kubernetes 1.36).

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/, Baseline and Restricted. Of a pod template
as it is written, and as an API server completes it: on the host network a container's port is the host's.
"""

from __future__ import annotations

from clusters.objects import Json, at, entries, items, text

UNSET = (None, False)
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
PROBES, HOOKS = ("livenessProbe", "readinessProbe", "startupProbe"), ("postStart", "preStop")
VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
}
SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(template: Json) -> set[str]:
    """The controls that a pod template does not keep, by their names on the page."""
    spec, pod = entries(template, "spec"), at(template, "spec", "securityContext")
    containers = [each for kind in CONTAINERS for each in items(spec, kind)]
    own = [at(each, "securityContext") for each in containers]
    every = [pod, *own]
    handlers = [
        *(at(each, probe) for each in containers for probe in PROBES),
        *(at(each, "lifecycle", hook) for each in containers for hook in HOOKS),
    ]
    ports = [port for each in containers for port in items(each, "ports")]
    hosts = "containerPort" if at(spec, "hostNetwork") is True else "hostPort"
    seccomp = [at(each, "seccompProfile", "type") for each in every]
    kept = {
        # Baseline
        "HostProcess": all(at(each, "windowsOptions", "hostProcess") in UNSET for each in every),
        "Host Namespaces": all(at(spec, each) in UNSET for each in ("hostNetwork", "hostPID", "hostIPC")),
        "Privileged Containers": all(at(each, "privileged") in UNSET for each in own),
        "HostPath Volumes": all(at(each, "hostPath") is None for each in items(spec, "volumes")),
        "Host Ports": all(entries(each).get("hostPort", at(each, hosts)) in (None, 0) for each in ports),
        "Host Probes / Lifecycle Hooks": all(
            at(each, kind, "host") in (None, "") for each in handlers for kind in ("httpGet", "tcpSocket")
        ),
        "AppArmor": all(at(each, "appArmorProfile", "type") in (None, "RuntimeDefault", "Localhost") for each in every),
        "SELinux": all(
            at(each, "seLinuxOptions", "type") in SELINUX
            and not text(each, "seLinuxOptions", "user")
            and not text(each, "seLinuxOptions", "role")
            for each in every
        ),
        "/proc Mount Type": all(at(each, "procMount") in (None, "Default") for each in own),
        "Sysctls": all(at(each, "name") in SYSCTLS for each in items(pod, "sysctls")),
        # Restricted
        "Volume Types": all(
            VOLUMES & entries(each).keys() and len(entries(each)) == 2 for each in items(spec, "volumes")
        ),
        "Privilege Escalation": all(at(each, "allowPrivilegeEscalation") is False for each in own),
        "Running as Non-root": all(entries(each).get("runAsNonRoot", at(pod, "runAsNonRoot")) is True for each in own),
        "Running as Non-root user": all(at(each, "runAsUser") != 0 for each in every),
        "Seccomp": all(each in ("RuntimeDefault", "Localhost") for each in seccomp if each is not None)
        and (seccomp[0] is not None or None not in seccomp[1:]),
        "Capabilities": all(
            "ALL" in items(each, "capabilities", "drop")
            and set(map(str, items(each, "capabilities", "add"))) <= {"NET_BIND_SERVICE"}
            for each in own
        ),
    }
    return {control for control, is_kept in kept.items() if not is_kept}
