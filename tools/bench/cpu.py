"""CPU time of the tunnel's processes, user's and system's, from `/proc/PID/stat` on the two kind nodes.

A node is a container that sees its pods' processes, wherever its Docker engine is. A guard is told from other HAProxys
by its parent: containerd has one shim a pod, the parent of all its containers. A process that begins or ends between
two readings is left out. The kernel counts in hundredths of a second; what probes and metrics take is counted too.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping

from clusters.errors import Unavailable
from clusters.programs import ask
from components.anp import AGENT, GUARD, MEMBER_GUARD, SERVER

HOST_NODE, MEMBER_NODE = "karmada-host-control-plane", "member3-control-plane"

STAT = re.compile(r"^(\d+) \((.*)\) \S (\d+)(?: \S+){9} (\d+) (\d+) ", re.MULTILINE)
"""Id, name, parent, and the user's and the system's ticks, as `man 5 proc_pid_stat` has them."""

TICK = 1 / os.sysconf("SC_CLK_TCK")

Reading = Mapping[tuple[str, int], float]
"""Seconds so far, by what a process is and its id."""


def read() -> Reading:
    """Now, of all that there are; of none where the nodes cannot be looked into."""
    try:
        return {**of_pods(_stats(HOST_NODE), SERVER, GUARD), **of_pods(_stats(MEMBER_NODE), AGENT, MEMBER_GUARD)}
    except Unavailable:
        return {}


def of_pods(stats: str, proxy: str, guard: str) -> Reading:
    """Of each proxy that a node's `/proc/*/stat` show, and of the HAProxy in the same pod, the guard."""
    found = STAT.findall(stats)
    pods = {parent for _, name, parent, _, _ in found if name == proxy}
    names = {proxy: proxy, "haproxy": guard}
    return {
        (names[name], int(pid)): (int(user) + int(system)) * TICK
        for pid, name, parent, user, system in found
        if name in names and parent in pods
    }


def spent(before: Reading, after: Reading) -> Mapping[str, float]:
    """Seconds between two readings, by what the processes are."""
    sums: defaultdict[str, float] = defaultdict(float)
    for what, pid in before.keys() & after.keys():
        sums[what] += after[what, pid] - before[what, pid]
    return sums


def _stats(node: str) -> str:
    # a process may end before it is read
    return ask(["docker", "exec", node, "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true"])
