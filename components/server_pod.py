"""The pod template of proxy-server: the documented one, and the guarded one, which adds the host guard to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pulumi import Input
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    LifecycleArgsDict,
    PodTemplateSpecArgsDict,
    ProbeArgsDict,
    ResourceRequirementsArgsDict,
    VolumeMountArgsDict,
)

from components import anp, haproxy, pod_knobs, security_context
from components.availability import SERVED, guard_probes, liveness, spread_over_nodes, startup
from components.images import Image
from components.secret_files import volume
from config.fields import APP
from config.proxy_settings import Exposure, GuardedProxy, Proxy

CERT_VOLUME = "cert"
GUARD_VOLUME = "guard"
FRONTEND_VOLUME = "frontend"

SERVER_MEMORY = "512Mi"
"""The memory limit of proxy-server by default."""

SERVER_RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"memory": SERVER_MEMORY},
}
"""Measured: 34 MB idle, 51 MB and 0.2 cores with 200 requests at once (140 a second). The memory limit is ten times
that. There is no CPU limit: it would slow down the sessions that run through."""

GUARD_RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "100m", "memory": "32Mi"},
    "limits": {"memory": "1024Mi"},
}
"""Measured: 15 MB idle, 27 MB and 0.15 cores with 200 requests at once; 75 MiB with all its connections open and idle
(7.4 KiB each), and 825 MiB with all of them stalled both ways (101 KiB each)."""

FRONTEND_MOUNT: VolumeMountArgsDict = {"name": FRONTEND_VOLUME, "mount_path": anp.FRONTEND_DIR}
"""The volume in which proxy-server makes its unix socket. The guard's user is in the same group and may connect."""


@dataclass(frozen=True, kw_only=True)
class GuardedPodArgs:
    """`checksum` changes with the Secrets' files, which rolls the pods.

    `awaits_agents` makes the pod ready only once an agent is connected; False where the stack has no active member.
    """

    image: Image
    guard_image: str
    proxy: GuardedProxy
    checksum: Input[str]
    awaits_agents: bool


def shutdown_times(proxy: Proxy) -> anp.ShutdownTimes:
    """How a proxy-server pod shuts down: a single one has no other to hand over to."""
    return anp.ALONE if proxy.replicas == 1 else anp.HANDING_OVER


def labels(proxy: Proxy) -> dict[str, str]:
    """The labels by which agents' Service selects a pod, among several servers also the count that it tells agents.

    An agent believes the server that it connected to last. So where the count changes, none of the old count is dialled
    any more: the agent would take up with too few, or look for more for ever. Connections that are open stay open.
    """
    several = {anp.SERVER_COUNT: str(proxy.replicas)} if proxy.replicas > 1 else {}
    return {APP: anp.SERVER, **several}


def documented(image: Input[str]) -> PodTemplateSpecArgsDict:
    """The pod of Karmada's documentation, field by field."""
    return {
        "metadata": {"labels": {"app": anp.SERVER}},
        "spec": {
            "host_network": True,
            "restart_policy": "Always",
            "containers": [_documented_server(image)],
            "volumes": [volume(CERT_VOLUME, anp.SERVER_CERT_SECRET)],
        },
    }


def guarded(args: GuardedPodArgs) -> PodTemplateSpecArgsDict:
    """The documented pod with the host guard in front, as the Pod Security level `restricted` has it.

    On the host network a pod cannot meet that level, for the host network alone.
    """
    proxy = args.proxy
    return {
        "metadata": pod_knobs.metadata(labels(proxy), proxy, args.checksum),
        "spec": {
            "host_network": proxy.exposure is Exposure.HOST_NETWORK,
            "restart_policy": "Always",
            "termination_grace_period_seconds": shutdown_times(proxy).termination,
            "automount_service_account_token": False,
            "security_context": security_context.of_pod(anp.SERVER_USER),
            "image_pull_secrets": [{"name": each} for each in args.image.pull_secrets],
            **pod_knobs.placement(proxy),
            "topology_spread_constraints": [spread_over_nodes(anp.SERVER)],
            "containers": [_server(args), _guard(args)],
            "volumes": [
                volume(CERT_VOLUME, anp.SERVER_CERT_SECRET, security_context.READABLE_BY_POD),
                volume(GUARD_VOLUME, anp.GUARD, security_context.READABLE_BY_POD),
                {"name": FRONTEND_VOLUME, "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}},
            ],
        },
    }


def _documented_server(image: Input[str]) -> ContainerArgsDict:
    return {
        "name": anp.SERVER,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": [f"/{anp.SERVER}"],
        "args": list(anp.DOCUMENTED_SERVER_ARGS),
        "liveness_probe": {
            "http_get": {"path": "/healthz", "port": anp.SERVER_HEALTH_PORT, "scheme": "HTTP"},
            "failure_threshold": 3,
            "initial_delay_seconds": 10,
            "period_seconds": 10,
            "success_threshold": 1,
            "timeout_seconds": 60,
        },
        "volume_mounts": [{"name": CERT_VOLUME, "mount_path": anp.SERVER_CERT_DIR}],
    }


def _server(args: GuardedPodArgs) -> ContainerArgsDict:
    proxy, shutdown = args.proxy, shutdown_times(args.proxy)
    waits = args.awaits_agents and shutdown is anp.HANDING_OVER
    ready: ProbeArgsDict = {
        "http_get": {"path": "/readyz" if args.awaits_agents else "/healthz", "port": anp.SERVER_HEALTH_PORT},
        "period_seconds": SERVED,
        "initial_delay_seconds": anp.READY_SECONDS * proxy.replicas if waits else 0,
    }
    return {
        **_documented_server(args.image.reference),
        "args": anp.guarded_server_args(shutdown, proxy.replicas, proxy.log_level),
        "ports": [
            {"name": "agents", "container_port": anp.AGENT_PORT},
            {"name": anp.METRICS, "container_port": anp.SERVER_HEALTH_PORT},
        ],
        "startup_probe": startup(anp.SERVER_HEALTH_PORT),
        # a process that hangs cannot hand over its sessions, so it is killed after 1 s
        "liveness_probe": {**liveness(anp.SERVER_HEALTH_PORT, 10), "termination_grace_period_seconds": 1},
        "readiness_probe": ready,
        "termination_message_policy": anp.LAST_WORDS,
        "resources": pod_knobs.resources(proxy.resources, SERVER_RESOURCES),
        "security_context": security_context.of_container(),
        **_pausing(shutdown.pause),
        "volume_mounts": [
            {"name": CERT_VOLUME, "mount_path": anp.SERVER_CERT_DIR, "read_only": True},
            FRONTEND_MOUNT,
        ],
    }


def _guard(args: GuardedPodArgs) -> ContainerArgsDict:
    return {
        "name": anp.GUARD,
        "image": args.guard_image,
        "image_pull_policy": "IfNotPresent",
        "ports": [
            {"name": "plain", "container_port": args.proxy.port},
            {"name": anp.GUARD_METRICS, "container_port": anp.GUARD_METRICS_PORT},
        ],
        **guard_probes(SERVED),
        "termination_message_policy": anp.LAST_WORDS,
        "resources": pod_knobs.resources(args.proxy.guard_resources, GUARD_RESOURCES),
        "security_context": {**security_context.of_container(), "run_as_user": anp.GUARD_USER},
        **_pausing(shutdown_times(args.proxy).guard_pause),
        "volume_mounts": [
            {"name": GUARD_VOLUME, "mount_path": haproxy.DIRECTORY, "read_only": True},
            FRONTEND_MOUNT,
        ],
    }


class _Pausing(TypedDict, total=False):
    lifecycle: LifecycleArgsDict


def _pausing(seconds: int) -> _Pausing:
    """A preStop hook that sleeps for some seconds before SIGTERM, while Services remove the pod; none for 0."""
    return {"lifecycle": {"pre_stop": {"sleep": {"seconds": seconds}}}} if seconds else {}
