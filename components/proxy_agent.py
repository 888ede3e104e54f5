"""ProxyAgent: proxy-agent in a member cluster, with the Secret it reads. It dials out; nothing reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import ContainerArgsDict, ResourceRequirementsArgsDict

from components import anp, security_context
from components.availability import disruption_budget, longest_rollout, spread_over_nodes
from components.certificate import Certificate
from components.entry import Entry
from components.images import Image
from components.network_policy import agent_policy
from components.revision import revision
from components.secret_files import CHECKSUM_ANNOTATION, SecretFiles, secret_files, volume
from components.server_pod import ending
from config.proxy_settings import Frontend
from config.settings import MemberSettings, Settings

CERT_VOLUME = "cert"

RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"memory": "512Mi"},
}
"""Measured: 34 MB idle, 40 MB and 0.2 cores with 200 requests at once (140 a second)."""


@dataclass(frozen=True, kw_only=True)
class ProxyAgentArgs:
    """The stack's settings, the member, and where it dials proxy-server (`entry`).

    By the settings' frontend it is the documented Deployment as it is, or one with a readiness probe, keepalive and
    endless reconnection, which rolls when its certificate changes; its pods end as proxy-server's do.
    """

    settings: Settings
    member: MemberSettings
    image: Image
    entry: Entry
    server_ca_pem: Output[str]
    certificate: Certificate
    after: Sequence[Resource] = ()


class ProxyAgent(ComponentResource):
    """A Deployment of proxy-agents, all under one identifier, and their Secret `proxy-agent-cert`."""

    deployment: Deployment
    needs: Sequence[Resource]
    """What must be there before the Deployment."""
    revision: Output[str]
    """Another one after each rollout that this stack caused."""

    def __init__(self, name: str, args: ProxyAgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyAgent", name, None, opts)
        child = ResourceOptions(parent=self)
        frontend, namespace = args.settings.proxy.frontend, args.member.namespace
        replicas = args.settings.agents(args.member)
        files = secret_files(
            f"{name}-cert",
            anp.AGENT_CERT_SECRET,
            namespace,
            {
                "ca.crt": args.server_ca_pem,
                "proxy-agent.crt": args.certificate.cert_pem,
                "proxy-agent.key": args.certificate.key_pem,
            },
            child,
        )
        self.needs = [*args.after, files.secret]
        self.deployment = Deployment(
            name,
            metadata={"name": anp.AGENT, "namespace": namespace, "labels": {"app": anp.AGENT}},
            spec=_documented(args, replicas) if frontend is Frontend.DOCUMENTED else _lasting(args, replicas, files),
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod that started before its Secret is changed would keep what it read
                    depends_on=list(self.needs),
                    custom_timeouts=longest_rollout(replicas),
                ),
            ),
        )
        if frontend is Frontend.GUARDED:
            agent_policy(f"{name}-policy", namespace, args.settings.monitoring, child)
        if replicas > 1:
            disruption_budget(name, anp.AGENT, namespace, child)
        self.revision = revision(self.deployment)
        self.register_outputs({})


def _documented(args: ProxyAgentArgs, replicas: int) -> DeploymentSpecArgsDict:
    """The documented Deployment, field by field."""
    return {
        "replicas": replicas,
        "selector": {"match_labels": {"app": anp.AGENT}},
        "template": {
            "metadata": {"labels": {"app": anp.AGENT}},
            "spec": {
                "containers": [_documented_agent(args)],
                "volumes": [volume(CERT_VOLUME, anp.AGENT_CERT_SECRET)],
            },
        },
    }


def _lasting(args: ProxyAgentArgs, replicas: int, files: SecretFiles) -> DeploymentSpecArgsDict:
    """The documented Deployment with readiness, keepalive, reconnection and what `restricted` asks for; it rolls by
    checksum, and a new pod is connected before an old one goes."""
    agent: ContainerArgsDict = {
        **_documented_agent(args),
        "args": [*_arguments(args), *anp.LASTING_AGENT_ARGS],
        "ports": [{"name": anp.METRICS, "container_port": anp.AGENT_HEALTH_PORT}],
        "readiness_probe": {"http_get": {"path": "/readyz", "port": anp.AGENT_HEALTH_PORT}, "period_seconds": 1},
        "resources": RESOURCES,
        "security_context": security_context.of_container(),
        "volume_mounts": [{"name": CERT_VOLUME, "mount_path": anp.AGENT_CERT_DIR, "read_only": True}],
    }
    ends = ending(args.settings.proxy)
    return {
        "replicas": replicas,
        "min_ready_seconds": anp.AGENT_READY_SECONDS if ends is anp.HANDING_OVER else 0,
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
        "selector": {"match_labels": {"app": anp.AGENT}},
        "template": {
            "metadata": {"labels": {"app": anp.AGENT}, "annotations": {CHECKSUM_ANNOTATION: files.checksum}},
            "spec": {
                "automount_service_account_token": False,
                "termination_grace_period_seconds": ends.grace,
                "security_context": security_context.of_pod(anp.SERVER_USER),
                "image_pull_secrets": [{"name": each} for each in args.image.pull_secrets],
                "topology_spread_constraints": [spread_over_nodes(anp.AGENT)],
                "containers": [agent],
                "volumes": [volume(CERT_VOLUME, anp.AGENT_CERT_SECRET, security_context.READABLE_BY_POD)],
            },
        },
    }


def _documented_agent(args: ProxyAgentArgs) -> ContainerArgsDict:
    return {
        "name": anp.AGENT,
        "image": args.image.reference,
        "image_pull_policy": "IfNotPresent",
        "command": [f"/{anp.AGENT}"],
        "args": _arguments(args),
        "liveness_probe": {
            "http_get": {"path": "/healthz", "port": anp.AGENT_HEALTH_PORT, "scheme": "HTTP"},
            "initial_delay_seconds": 15,
            "timeout_seconds": 60,
        },
        "volume_mounts": [{"name": CERT_VOLUME, "mount_path": anp.AGENT_CERT_DIR}],
    }


def _arguments(args: ProxyAgentArgs) -> list[Input[str]]:
    """The documented arguments: where the server is, and the host whose requests this agent takes."""
    return [
        f"--ca-cert={anp.AGENT_CERT_DIR}/ca.crt",
        f"--agent-cert={anp.AGENT_CERT_DIR}/proxy-agent.crt",
        f"--agent-key={anp.AGENT_CERT_DIR}/proxy-agent.key",
        Output.format("--proxy-server-host={0}", args.entry.address),
        Output.format("--proxy-server-port={0}", args.entry.port),
        f"--agent-identifiers=host={args.member.host}",
    ]
