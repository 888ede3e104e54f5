"""Security contexts of the proxies' pods: those of the Pod Security level `restricted`.

On the host network a pod does not meet that level, for the host network alone.
"""

from __future__ import annotations

from pulumi_kubernetes.core.v1 import PodSecurityContextArgsDict, SecurityContextArgsDict

READABLE_BY_POD = 0o440
"""Mode of a Secret's files: readable by root, who owns them, and by the pod's own group (fsGroup)."""


def of_pod(user: int) -> PodSecurityContextArgsDict:
    """The pod's: not root, the runtime's default seccomp profile, and an fsGroup, to which Secrets' files belong."""
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def of_container() -> SecurityContextArgsDict:
    """A container's: no capabilities, no privilege escalation, a read-only root filesystem."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
