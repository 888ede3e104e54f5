"""CPU time of the tunnel's processes, user and system, read from `/proc/PID/stat` on the two kind nodes.

A kind node is a container that sees its pods' processes, wherever its Docker engine is. A guard is told from other
HAProxys by its parent: containerd has one shim for each pod, the parent of all its containers. Processes that begin or
end between two readings are left out. The kernel counts in hundredths of a second. Probes and metrics count too.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping

from clusters.errors import Unavailable
from clusters.programs import output_of
from components.anp import AGENT, GUARD, MEMBER_GUARD, SERVER

HOST_NODE, MEMBER_NODE = "karmada-host-control-plane", "member3-control-plane"

STAT = re.compile(r"^(\d+) \((.*)\) \S (\d+)(?: \S+){9} (\d+) (\d+) ", re.MULTILINE)
"""A process's id, name, parent, and ticks in user and system mode (`man 5 proc_pid_stat`)."""

TICK = 1 / os.sysconf("SC_CLK_TCK")

Reading = Mapping[tuple[str, int], float]
"""Seconds of CPU time so far, by the process's role (`proxy-server`) and its id."""


def read() -> Reading:
    """Reads all of the tunnel's processes; empty where the nodes cannot be read."""
    try:
        return {**of_pods(_stats(HOST_NODE), SERVER, GUARD), **of_pods(_stats(MEMBER_NODE), AGENT, MEMBER_GUARD)}
    except Unavailable:
        return {}


def of_pods(stats: str, proxy: str, guard: str) -> Reading:
    """The proxies in a node's `/proc/*/stat`, and the HAProxys in the same pods, which are their guards."""
    found = STAT.findall(stats)
    pods = {parent for _, name, parent, _, _ in found if name == proxy}
    names = {proxy: proxy, "haproxy": guard}
    return {
        (names[name], int(pid)): (int(user) + int(system)) * TICK
        for pid, name, parent, user, system in found
        if name in names and parent in pods
    }


def spent(before: Reading, after: Reading) -> Mapping[str, float]:
    """Seconds of CPU time between two readings, by the processes' role."""
    sums: defaultdict[str, float] = defaultdict(float)
    for what, pid in before.keys() & after.keys():
        sums[what] += after[what, pid] - before[what, pid]
    return sums


def _stats(node: str) -> str:
    # `true`, since a process may end before its file is read
    return output_of(["docker", "exec", node, "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true"])
