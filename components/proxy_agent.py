"""ProxyAgent: proxy-agent in a member cluster, with the Secret it reads. It dials out; nothing reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from pulumi import ComponentResource, CustomResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    ResourceRequirementsArgsDict,
)

from components import anp, haproxy, member_guard, pod_knobs, security_context
from components.availability import (
    disruption_budget,
    guard_probes,
    liveness,
    longest_rollout,
    progress_deadline,
    spread_over_nodes,
)
from components.certificate import Certificate
from components.entry import Entry
from components.images import Image
from components.network_policy import agent_policy
from components.revision import revision
from components.secret_files import SecretFiles, secret_files, volume
from components.server_pod import ending
from components.works import Makes
from config.proxy_settings import Frontend, GuardedProxy
from config.settings import MemberSettings, Settings

CERT_VOLUME = "cert"
GUARD_VOLUME = "guard"

RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"memory": "512Mi"},
}
"""Measured: 34 MB idle, 40 MB and 0.2 cores with 200 requests at once (140 a second)."""

GUARD_RESOURCES: ResourceRequirementsArgsDict = {
    "requests": {"cpu": "50m", "memory": "32Mi"},
    "limits": {"memory": "256Mi"},
}
"""Measured: 29 MiB with all its connections idle (3.3 KiB each), 156 MiB with all of them full both ways."""


@dataclass(frozen=True, kw_only=True)
class ProxyAgentArgs:
    """The stack's settings, the member, and where it dials proxy-server (`entry`).

    By the settings' frontend it is the documented Deployment as it is, or one with a guard, readiness and keepalive,
    which rolls when its certificate changes; its pods end as proxy-server's do. Until all parts go by the member's
    name, its agents are to be found by `former` hosts too. `make` is how the member gets all of it.
    """

    make: Makes
    settings: Settings
    member: MemberSettings
    image: Image
    entry: Entry
    server_ca_pem: Output[str]
    certificate: Certificate
    former: Sequence[str] = ()
    after: Sequence[Resource] = ()


class ProxyAgent(ComponentResource):
    """A Deployment of proxy-agents, all under one identifier, and their Secret `proxy-agent-cert`."""

    deployment: CustomResource
    needs: list[Resource]
    """What must be there before the Deployment."""
    revision: Output[str]
    """Another one after each rollout that this stack caused."""

    def __init__(self, name: str, args: ProxyAgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyAgent", name, None, opts)
        child = ResourceOptions(parent=self)
        proxy, namespace, app = args.settings.proxy, args.member.namespace, args.member.agents_name
        replicas = args.settings.agents(args.member)
        certificate: dict[str, Input[str]] = {
            "ca.crt": args.server_ca_pem,
            "proxy-agent.crt": args.certificate.cert_pem,
            "proxy-agent.key": args.certificate.key_pem,
        }
        guard: Mapping[str, str] = {}
        if proxy.frontend is Frontend.GUARDED:
            guard = _guard_file(args.member, proxy)
        files = secret_files(
            f"{name}-cert",
            anp.AGENT_CERT_SECRET,
            namespace,
            {**certificate, **guard},
            child,
            make=args.make,
            a_name_each=args.member.delivered,
        )
        self.needs = [*args.after, files.secret]
        spec = _documented(args, replicas)
        if guard:
            spec = _guarded(args, replicas, files, list(certificate))
            ports = args.entry.port.apply(lambda port: [*_ports_out(args.member, port), *_api_ports(args)])
            # no pod is there before what it may do
            monitoring = args.settings.monitoring
            self.needs.append(agent_policy(f"{name}-policy", app, namespace, monitoring, ports, child, make=args.make))
        self.deployment = args.make(
            Deployment,
            name,
            metadata={"name": app, "namespace": namespace, "labels": {"app": app}},
            spec=spec,
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod that started before its Secret is changed would keep what it read
                    depends_on=list(self.needs),
                    custom_timeouts=longest_rollout(args.member, replicas),
                ),
            ),
        )
        if replicas > 1:
            disruption_budget(name, app, namespace, child, make=args.make)
        self.revision = revision(self.deployment)
        self.register_outputs({})


def _documented(args: ProxyAgentArgs, replicas: int) -> DeploymentSpecArgsDict:
    """The documented Deployment, field by field."""
    return {
        "replicas": replicas,
        **progress_deadline(args.member),
        "selector": {"match_labels": {"app": anp.AGENT}},
        "template": {
            "metadata": {"labels": {"app": anp.AGENT}},
            "spec": {
                "containers": [_documented_agent(args)],
                "volumes": [volume(CERT_VOLUME, anp.AGENT_CERT_SECRET)],
            },
        },
    }


def _guarded(
    args: ProxyAgentArgs, replicas: int, files: SecretFiles, certificate: Sequence[str]
) -> DeploymentSpecArgsDict:
    """The documented Deployment with a guard, readiness, keepalive and what `restricted` asks for.

    It rolls by checksum, and a new pod is connected before an old one goes. Of the Secret's files each container sees
    its own: the agent those of its certificate.
    """
    agent: ContainerArgsDict = {
        **_documented_agent(args),
        "args": [*_arguments(args), *anp.AGENT_ARGS, f"--v={args.member.log_level}"],
        "ports": [{"name": anp.METRICS, "container_port": anp.AGENT_HEALTH_PORT}],
        **_egress_proxy(args.member),
        "liveness_probe": liveness(anp.AGENT_HEALTH_PORT, 15),
        "readiness_probe": {"http_get": {"path": "/readyz", "port": anp.AGENT_HEALTH_PORT}, "period_seconds": 1},
        "termination_message_policy": anp.LAST_WORDS,
        "resources": pod_knobs.resources(args.member.resources, RESOURCES),
        "security_context": security_context.of_container(),
        "volume_mounts": [{"name": CERT_VOLUME, "mount_path": anp.AGENT_CERT_DIR, "read_only": True}],
    }
    ends, servers, app = ending(args.settings.proxy), args.settings.proxy.replicas, args.member.agents_name
    return {
        "replicas": replicas,
        **progress_deadline(args.member),
        "min_ready_seconds": anp.AGENT_READY_SECONDS * servers if ends is anp.HANDING_OVER else 0,
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
        "selector": {"match_labels": {"app": app}},
        "template": {
            "metadata": pod_knobs.metadata(app, args.member, files.checksum),
            "spec": {
                **pod_knobs.placement(args.member),
                "automount_service_account_token": False,
                "termination_grace_period_seconds": ends.grace,
                "security_context": security_context.of_pod(anp.SERVER_USER),
                "image_pull_secrets": [{"name": each} for each in args.image.pull_secrets],
                "topology_spread_constraints": [spread_over_nodes(app)],
                "host_aliases": [{"ip": "127.0.0.1", "hostnames": [anp.IDENTIFIER.format(args.member.name)]}],
                "containers": [agent, _guard(args, ends)],
                "volumes": [
                    volume(CERT_VOLUME, files.name, security_context.READABLE_BY_POD, certificate),
                    volume(GUARD_VOLUME, files.name, security_context.READABLE_BY_POD, [haproxy.CONFIGURATION]),
                ],
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


def _guard(args: ProxyAgentArgs, ends: anp.Ending) -> ContainerArgsDict:
    """The guard beside the agent. It outlives the agent's signal to end, as what runs through both does."""
    return {
        "name": anp.MEMBER_GUARD,
        "image": args.member.guard_image or args.settings.images.guard,
        "image_pull_policy": "IfNotPresent",
        "ports": [{"name": anp.GUARD_METRICS, "container_port": anp.GUARD_METRICS_PORT}],
        **guard_probes(),
        "termination_message_policy": anp.LAST_WORDS,
        "lifecycle": {"pre_stop": {"exec_": {"command": ["sleep", str(ends.grace)]}}},
        "resources": pod_knobs.resources(args.member.guard_resources, GUARD_RESOURCES),
        "security_context": {**security_context.of_container(), "run_as_user": anp.GUARD_USER},
        "volume_mounts": [{"name": GUARD_VOLUME, "mount_path": haproxy.DIRECTORY, "read_only": True}],
    }


def _guard_file(member: MemberSettings, proxy: GuardedProxy) -> Mapping[str, str]:
    """The guard's configuration. Nothing in it is secret, but it is in the Secret that the member has already: a paused
    member gets no object that it did not have."""
    to = member_guard.Forwarding(address=member.api_address, stall=proxy.stall_seconds, grace=ending(proxy).grace)
    return {haproxy.CONFIGURATION: member_guard.configuration(to)}


class _Environment(TypedDict, total=False):
    env: list[EnvVarArgsDict]


def _egress_proxy(member: MemberSettings) -> _Environment:
    """gRPC dials proxy-server through it. The guard is dialled without: that is no gRPC."""
    if not member.egress_proxy:
        return {}
    said = {"HTTPS_PROXY": member.egress_proxy.url, "NO_PROXY": ",".join(member.egress_proxy.no_proxy)}
    return {"env": [{"name": name, "value": value} for name, value in said.items() if value]}


def _ports_out(member: MemberSettings, port: int) -> list[int]:
    """Where the agent's pods leave the cluster: proxy-server's, the proxy's, or by what is excepted either."""
    if not member.egress_proxy:
        return [port]
    return [member.egress_proxy.port, *([port] if member.egress_proxy.no_proxy else [])]


def _api_ports(args: ProxyAgentArgs) -> list[int]:
    """Where the agent's pods dial API servers: the guard, and by a former identifier the agent itself."""
    former = [args.member.endpoint_port] if args.former else []
    return sorted({*args.member.api_ports, *args.member.address_ports, *former})


def _arguments(args: ProxyAgentArgs) -> list[Input[str]]:
    """The documented arguments: where the server is, and the host whose requests this agent takes."""
    hosts = [args.member.host]
    if args.settings.proxy.frontend is Frontend.GUARDED:
        hosts = [*args.former, anp.IDENTIFIER.format(args.member.name)]
    return [
        f"--ca-cert={anp.AGENT_CERT_DIR}/ca.crt",
        f"--agent-cert={anp.AGENT_CERT_DIR}/proxy-agent.crt",
        f"--agent-key={anp.AGENT_CERT_DIR}/proxy-agent.key",
        Output.format("--proxy-server-host={0}", args.entry.address),
        Output.format("--proxy-server-port={0}", args.entry.port),
        anp.IDENTIFIERS_FLAG + "&".join(f"host={each}" for each in hosts),
    ]
