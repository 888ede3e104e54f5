"""What runs on the clusters' nodes, which are containers: found, killed, stopped, cut off, and what memory it holds.

It ends nothing but what a test names: a pod, one container's process by its id, one node by its name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager

from clusters.errors import Unavailable
from clusters.objects import Json, at, is_terminating, items, number, text
from clusters.programs import output_of
from components import anp
from tests.stack import environment
from tests.stack.environment import HOST, NAMESPACE, member
from tests.stack.kubectl import kubectl, objects

HOST_NODE = "karmada-host-control-plane"
RESIDENT = "process_resident_memory_bytes"


def node_of(name: str) -> str:
    """The container that is a member's node."""
    return f"{name}-control-plane"


def answers_itself(name: str) -> bool:
    """Whether it is a member's own node that is listed through Karmada."""
    return node_of(name) in output_of([*environment.through_karmada(name), "get", "nodes", "--output=name"])


def address_of(node: str) -> str:
    """A node's address on the clusters' Docker network."""
    return output_of(["docker", "inspect", "--format={{.NetworkSettings.Networks.kind.IPAddress}}", node]).strip()


def pods(end: tuple[str, str], app: str, namespace: str = NAMESPACE) -> Sequence[Json]:
    """An app's pods that run and are not about to end."""
    found = objects(kubectl(*end, "get", "pods", f"--namespace={namespace}", f"--selector=app={app}"))
    return [each for each in found if not is_terminating(each) and text(each, "status", "phase") == "Running"]


def running_images(end: tuple[str, str], app: str) -> list[str]:
    """The image of ANP's container in each of an app's pods that go on."""
    return [text(items(pod, "spec", "containers")[0], "image") for pod in pods(end, app)]


def shell(name: str, namespace: str, *command: str, **variables: str) -> Json:
    """A pod that runs a command, of an image with a shell that every node has: the guard's."""
    container: Json = {
        "name": "shell",
        "image": "haproxy:3.2-alpine",
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "env": [{"name": variable, "value": value} for variable, value in variables.items()],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }


def name_of(pod: Json) -> str:
    return text(pod, "metadata", "name")


def namespace_of(pod: Json) -> str:
    return text(pod, "metadata", "namespace")


def uid_of(pod: Json) -> str:
    return text(pod, "metadata", "uid")


def container(pod: Json, name: str) -> Json:
    """What a pod's status says of one of its containers."""
    return next(each for each in items(pod, "status", "containerStatuses") if text(each, "name") == name)


def kill_pod(end: tuple[str, str], pod: Json) -> None:
    """Deletes a pod without any grace."""
    at_once = ["--grace-period=0", "--force"]
    output_of(kubectl(*end, "delete", f"pod/{name_of(pod)}", f"--namespace={namespace_of(pod)}", *at_once), 60)


def process(node: str, pod: Json, name: str) -> int:
    """The id, on its node, of the process that a pod's container is."""
    wanted = text(container(pod, name), "containerID").removeprefix("containerd://")
    listed = output_of(["docker", "exec", node, "ctr", "--namespace=k8s.io", "tasks", "ls"])
    return next(int(line.split()[1]) for line in listed.splitlines() if wanted and line.startswith(wanted))


def signal(node: str, name: str, pid: int) -> None:
    """Sends a signal to one process on a node."""
    output_of(["docker", "exec", node, "kill", f"-{name}", str(pid)])


def api_server(name: str) -> int:
    """The process of a member's API server."""
    (pid,) = output_of(["docker", "exec", node_of(name), "pgrep", "--exact", "kube-apiserver"]).split()
    return int(pid)


def restart(node: str) -> None:
    """Ends all that runs on a node, without asking it, and starts the node again."""
    output_of(["docker", "restart", "--time=1", node], 60)


def stops(node: str) -> None:
    """Ends all that runs on a node, without asking it; it stays so."""
    output_of(["docker", "stop", "--time=1", node], 60)


def starts(node: str) -> None:
    """Starts one that is stopped; one that runs goes on."""
    output_of(["docker", "start", node], 60)


@contextmanager
def cut_off(node: str, address: str, port: int) -> Generator[None]:
    """Drops what a node's pods send to a port of an address, and what comes from there, until the block is left."""
    filtering = ["docker", "exec", node, "iptables", "--wait"]
    ways = ["--destination", address, "--dport", str(port)], ["--source", address, "--sport", str(port)]
    with ExitStack() as rules:
        for way in ways:
            rule = ["FORWARD", "--protocol", "tcp", *way, "--jump", "DROP"]
            output_of([*filtering, "--insert", *rule])
            rules.callback(output_of, [*filtering, "--delete", *rule])
        yield


def metric(end: tuple[str, str], pod: Json, port: int, name: str) -> float:
    """A metric of a pod, read through its cluster's API; 0 where it has none. Raises Unavailable."""
    path = f"/api/v1/namespaces/{namespace_of(pod)}/pods/{name_of(pod)}:{port}/proxy/metrics"
    printed = output_of(kubectl(*end, "get", "--raw", path, "--request-timeout=5s"))
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", printed, re.MULTILINE)
    return float(found[1]) if found else 0.0


def resident(node: str, pid: int) -> int:
    """Bytes of memory that a process and its children hold."""
    script = f"grep VmRSS /proc/{pid}/status; cat /proc/{pid}/task/{pid}/children"
    held, *children = output_of(["docker", "exec", node, "sh", "-c", script]).splitlines()
    return int(held.split()[1]) * 1024 + sum(resident(node, int(child)) for child in " ".join(children).split())


def memory_of_server() -> dict[str, int]:
    """Resident bytes of proxy-server and its guard, of which there is one each."""
    (server,) = pods(HOST, anp.SERVER)
    return {
        anp.SERVER: int(metric(HOST, server, anp.SERVER_HEALTH_PORT, RESIDENT)),
        anp.GUARD: resident(HOST_NODE, process(HOST_NODE, server, anp.GUARD)),
    }


def memory(name: str) -> dict[str, int]:
    """The same, with a member's proxy-agent, of which there is one."""
    (agent,) = pods(member(name), anp.AGENT)
    return {**memory_of_server(), anp.AGENT: int(metric(member(name), agent, anp.AGENT_HEALTH_PORT, RESIDENT))}


def in_mebibytes(held: dict[str, int]) -> str:
    """Processes' memory, for people."""
    return ", ".join(f"{name} {each / 2**20:.1f}" for name, each in held.items()) + " MiB"


def whole(servers: int) -> bool:
    """Whether the stack has all its pods, ready, and each agent is connected to as many servers as there are."""
    gauge = "konnectivity_network_proxy_agent_open_server_connections"
    try:
        if not complete(HOST, anp.SERVER):
            return False
        for name in environment.members():
            if not complete(member(name), anp.AGENT):
                return False
            agents = pods(member(name), anp.AGENT)
            if not all(metric(member(name), each, anp.AGENT_HEALTH_PORT, gauge) == servers for each in agents):
                return False
    except Unavailable:
        return False
    return True


def complete(end: tuple[str, str], app: str) -> bool:
    """Whether a Deployment is rolled out: as many pods as it wants, all of the newest kind and available, no others."""
    (found,) = objects(kubectl(*end, "get", f"deployment/{app}", f"--namespace={NAMESPACE}"))
    wanted, status = number(found, "spec", "replicas"), at(found, "status")
    counts = [number(status, key) for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    current = number(status, "observedGeneration") == number(found, "metadata", "generation")
    return current and counts == [wanted] * 4 and len(pods(end, app)) == wanted


def whole_within(seconds: float, servers: int) -> bool:
    """Whether the stack is whole before so many seconds are over."""
    ends = time.monotonic() + seconds
    while not (found := whole(servers)) and time.monotonic() < ends:
        time.sleep(1)
    return found
