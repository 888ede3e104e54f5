"""What the proxies' pods may do: as little as the Pod Security level `restricted` asks for. They need nothing more.

On the host network a pod is not `restricted`, for that alone.
"""

from __future__ import annotations

from pulumi_kubernetes.core.v1 import PodSecurityContextArgsDict, SecurityContextArgsDict

READABLE_BY_POD = 0o440
"""Mode of a Secret's files: for root, who owns them, and the pod's own group."""


def of_pod(user: int) -> PodSecurityContextArgsDict:
    """No root, the runtime's own system calls, and a group of its own, to which Secrets' files belong."""
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def of_container() -> SecurityContextArgsDict:
    """No capability, no way to gain one, and nothing to write to."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
