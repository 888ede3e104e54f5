"""The pod of proxy-server as a template: the documented one, and the guarded one that has everything of it."""

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
from components.availability import guard_probes, liveness, spread_over_nodes
from components.images import Image
from components.secret_files import volume
from config.proxy_settings import Exposure, GuardedProxy, Proxy

CERT_VOLUME = "cert"
GUARD_VOLUME = "guard"
FRONTEND_VOLUME = "frontend"

SERVER_RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"memory": "512Mi"},
}
"""Measured: 34 MB idle, 51 MB and 0.2 cores with 200 requests at once (140 a second). The limit is ten times
that; none is set for the CPU, which would slow down what runs through it."""

GUARD_RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "100m", "memory": "32Mi"},
    "limits": {"memory": "1024Mi"},
}
"""Measured: 15 MB idle, 27 MB and 0.15 cores with the same; 75 MiB with all its connections idle (7.4 KiB each), and
825 MiB with all of them stalled both ways (101 KiB each)."""

FRONTEND_MOUNT: VolumeMountArgsDict = {"name": FRONTEND_VOLUME, "mount_path": anp.FRONTEND_DIR}
"""Where proxy-server makes its socket, and the guard, of the same group, finds it."""


@dataclass(frozen=True, kw_only=True)
class GuardedPodArgs:
    """What a guarded pod runs and where. `checksum` is another when its files are; `awaits_agents` is False where none
    is expected, so that it is ready without."""

    image: Image
    guard_image: str
    proxy: GuardedProxy
    checksum: Input[str]
    awaits_agents: bool


def ending(proxy: Proxy) -> anp.Ending:
    """How its pods end: a single one has none to hand over to."""
    return anp.ALONE if proxy.replicas == 1 else anp.HANDING_OVER


def documented(image: Input[str]) -> PodTemplateSpecArgsDict:
    """The documented pod, field by field."""
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
    """The documented pod with the guard in front, as restricted as its network lets it be."""
    proxy = args.proxy
    return {
        "metadata": pod_knobs.metadata(anp.SERVER, proxy, args.checksum),
        "spec": {
            "host_network": proxy.exposure is Exposure.HOST_NETWORK,
            "restart_policy": "Always",
            "termination_grace_period_seconds": ending(proxy).termination,
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
    proxy, ends = args.proxy, ending(args.proxy)
    waits = args.awaits_agents and ends is anp.HANDING_OVER
    ready: ProbeArgsDict = {
        "http_get": {"path": "/readyz" if args.awaits_agents else "/healthz", "port": anp.SERVER_HEALTH_PORT},
        "period_seconds": 1,
        "initial_delay_seconds": anp.READY_SECONDS * proxy.replicas if waits else 0,
    }
    return {
        **_documented_server(args.image.reference),
        "args": anp.guarded_server_args(ends, proxy.replicas, proxy.log_level),
        "ports": [
            {"name": "agents", "container_port": anp.AGENT_PORT},
            {"name": anp.METRICS, "container_port": anp.SERVER_HEALTH_PORT},
        ],
        # what hangs has nothing to hand over
        "liveness_probe": {**liveness(anp.SERVER_HEALTH_PORT, 10), "termination_grace_period_seconds": 1},
        "readiness_probe": ready,
        "termination_message_policy": anp.LAST_WORDS,
        "resources": pod_knobs.resources(proxy.resources, SERVER_RESOURCES),
        "security_context": security_context.of_container(),
        **_pausing(ends.pause),
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
        **guard_probes(),
        "termination_message_policy": anp.LAST_WORDS,
        "resources": pod_knobs.resources(args.proxy.guard_resources, GUARD_RESOURCES),
        "security_context": {**security_context.of_container(), "run_as_user": anp.GUARD_USER},
        **_pausing(ending(args.proxy).guard_pause),
        "volume_mounts": [
            {"name": GUARD_VOLUME, "mount_path": haproxy.DIRECTORY, "read_only": True},
            FRONTEND_MOUNT,
        ],
    }


class _Pausing(TypedDict, total=False):
    lifecycle: LifecycleArgsDict


def _pausing(seconds: int) -> _Pausing:
    """A pause before the signal to end, while Services forget the pod."""
    return {"lifecycle": {"pre_stop": {"sleep": {"seconds": seconds}}}} if seconds else {}
