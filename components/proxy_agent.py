"""ProxyAgent: proxy-agent in a member cluster, with its Secret. It dials out; no Service or open port leads to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from pulumi import CustomResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    ResourceRequirementsArgsDict,
)

from components import anp, haproxy, member_guard, pod_knobs, security_context
from components.availability import (
    ROLLED,
    disruption_budget,
    guard_probes,
    liveness,
    longest_rollout,
    progress_deadline,
    spread_over_nodes,
    startup,
)
from components.certificate import Certificate
from components.entry import Entry
from components.images import Image
from components.moved import moved_out_of
from components.network_policy import agent_policy
from components.revision import revision
from components.secret_files import SecretFiles, secret_files, volume
from components.server_pod import shutdown_times
from components.works import Makes
from config.fields import APP
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
"""Measured: 29 MiB with all its connections open and idle (3.3 KiB each), 156 MiB with all of them full both ways."""


@dataclass(frozen=True, kw_only=True)
class ProxyAgentArgs:
    """The stack's settings, the member, and `entry`, where its agents dial proxy-server.

    `make` creates the objects: directly, or as Works. `former` are hosts from before, under which proxy-server must
    still find the member's agents, until Karmada and the guard use the member's name. `after` must exist first.
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


class ProxyAgent:
    """A Deployment of proxy-agents, all with the same agent identifiers, and their Secret `proxy-agent-cert`.

    Not a component (moved.py says why): its resources are children of `opts.parent`.

    With `frontend: documented` it is the documented Deployment. A guarded one adds the member guard, readiness and
    keepalive, and rolls when its certificate changes; its pods shut down as proxy-server's do.
    """

    deployment: CustomResource
    secret_name: Input[str]
    needs: list[Resource]
    """Resources that must exist before the Deployment."""
    revision: Output[str]
    """Changes with each rollout that this stack causes."""

    def __init__(self, name: str, args: ProxyAgentArgs, opts: ResourceOptions) -> None:
        child = moved_out_of("ProxyAgent", name, opts)
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
            name_by_checksum=args.member.delivered,
        )
        self.secret_name = files.name
        self.needs = [*args.after, files.secret]
        spec = _documented(args, replicas)
        if guard:
            spec = _guarded(args, replicas, files, list(certificate))
            ports = args.entry.port.apply(lambda port: [*_ports_out(args.member, port), *_api_ports(args)])
            # the policy exists before the first pod does
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
                    # a pod reads its Secret once: one that starts before the Secret is changed keeps the old files
                    depends_on=list(self.needs),
                    custom_timeouts=longest_rollout(args.member, replicas),
                ),
            ),
        )
        if replicas > 1:
            disruption_budget(name, app, namespace, child, make=args.make)
        self.revision = revision(self.deployment)


def _documented(args: ProxyAgentArgs, replicas: int) -> DeploymentSpecArgsDict:
    """The Deployment of Karmada's documentation, field by field."""
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
    """The documented Deployment with the member guard, readiness, keepalive and the Pod Security level `restricted`.

    A checksum annotation rolls it, and a new pod is connected before an old one goes. Each container mounts only its
    own files of the Secret; `certificate` names the agent's.
    """
    agent: ContainerArgsDict = {
        **_documented_agent(args),
        "args": [*_arguments(args), *anp.AGENT_ARGS, f"--v={args.member.log_level}"],
        "ports": [{"name": anp.METRICS, "container_port": anp.AGENT_HEALTH_PORT}],
        **_egress_proxy(args.member),
        "startup_probe": startup(anp.AGENT_HEALTH_PORT),
        "liveness_probe": liveness(anp.AGENT_HEALTH_PORT, 15),
        "readiness_probe": {"http_get": {"path": "/readyz", "port": anp.AGENT_HEALTH_PORT}, "period_seconds": ROLLED},
        "termination_message_policy": anp.LAST_WORDS,
        "resources": pod_knobs.resources(args.member.resources, RESOURCES),
        "security_context": security_context.of_container(),
        "volume_mounts": [{"name": CERT_VOLUME, "mount_path": anp.AGENT_CERT_DIR, "read_only": True}],
    }
    shutdown, servers, app = shutdown_times(args.settings.proxy), args.settings.proxy.replicas, args.member.agents_name
    return {
        "replicas": replicas,
        **progress_deadline(args.member),
        "min_ready_seconds": anp.AGENT_READY_SECONDS * servers if shutdown is anp.HANDING_OVER else 0,
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
        "selector": {"match_labels": {"app": app}},
        "template": {
            "metadata": pod_knobs.metadata({APP: app}, args.member, files.checksum),
            "spec": {
                **pod_knobs.placement(args.member),
                "automount_service_account_token": False,
                "termination_grace_period_seconds": shutdown.grace,
                "security_context": security_context.of_pod(anp.SERVER_USER),
                "image_pull_secrets": [{"name": each} for each in args.image.pull_secrets],
                "topology_spread_constraints": [spread_over_nodes(app)],
                "host_aliases": [{"ip": "127.0.0.1", "hostnames": [anp.IDENTIFIER.format(args.member.name)]}],
                "containers": [agent, _guard(args, shutdown)],
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


def _guard(args: ProxyAgentArgs, shutdown: anp.ShutdownTimes) -> ContainerArgsDict:
    """The member guard's container. Its preStop hook keeps it running after the agent's SIGTERM, while open sessions
    through both still end."""
    return {
        "name": anp.MEMBER_GUARD,
        "image": args.member.guard_image or args.settings.images.guard,
        "image_pull_policy": "IfNotPresent",
        "ports": [{"name": anp.GUARD_METRICS, "container_port": anp.GUARD_METRICS_PORT}],
        **guard_probes(ROLLED),
        "termination_message_policy": anp.LAST_WORDS,
        "lifecycle": {"pre_stop": {"exec_": {"command": ["sleep", str(shutdown.grace)]}}},
        "resources": pod_knobs.resources(args.member.guard_resources, GUARD_RESOURCES),
        "security_context": {**security_context.of_container(), "run_as_user": anp.GUARD_USER},
        "volume_mounts": [{"name": GUARD_VOLUME, "mount_path": haproxy.DIRECTORY, "read_only": True}],
    }


def _guard_file(member: MemberSettings, proxy: GuardedProxy) -> Mapping[str, str]:
    """The guard's configuration, a file in the Secret of the agent's certificate. It is not secret, but an object of
    its own could not be made in a member that is paused."""
    to = member_guard.Forwarding(
        address=member.api_address, stall=proxy.stall_seconds, grace=shutdown_times(proxy).grace
    )
    return {haproxy.CONFIGURATION: member_guard.configuration(to)}


class _Environment(TypedDict, total=False):
    env: list[EnvVarArgsDict]


def _egress_proxy(member: MemberSettings) -> _Environment:
    """Environment variables by which gRPC dials proxy-server through the HTTP proxy; the guard is dialled directly."""
    if not member.egress_proxy:
        return {}
    said = {"HTTPS_PROXY": member.egress_proxy.url, "NO_PROXY": ",".join(member.egress_proxy.no_proxy)}
    return {"env": [{"name": name, "value": value} for name, value in said.items() if value]}


def _ports_out(member: MemberSettings, port: int) -> list[int]:
    """Egress ports towards proxy-server: its own or the HTTP proxy's; both where `noProxy` may except proxy-server."""
    if not member.egress_proxy:
        return [port]
    return [member.egress_proxy.port, *([port] if member.egress_proxy.no_proxy else [])]


def _api_ports(args: ProxyAgentArgs) -> list[int]:
    """Egress ports towards API servers, which the guard dials and, under a former identifier, the agent itself."""
    former = [args.member.endpoint_port] if args.former else []
    return sorted({*args.member.api_ports, *args.member.address_ports, *former})


def _arguments(args: ProxyAgentArgs) -> list[Input[str]]:
    """The documented arguments: certificates, proxy-server's address, and the agent identifiers, which are the hosts
    whose requests proxy-server sends to this agent."""
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
