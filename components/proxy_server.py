"""ProxyServer: proxy-server in the host cluster, with its Secrets, and the guard beside it in a guarded stack.

It does not wait for members by itself: a pod is ready once any agent is connected, so agents must not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, CustomTimeouts, Input, Output, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodTemplateSpecArgsDict, VolumeArgsDict

from components import anp, guard
from components.images import Image, loaded_into_kind
from components.pki import TunnelPki
from components.revision import revision
from components.secret_files import CHECKSUM_ANNOTATION, SecretFiles, combined, secret_files
from settings import Frontend, Host, Settings
from workstation import KindNode

CERT_VOLUME = "cert"
GUARD_VOLUME = "guard"


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """The guard's image, and what it lets through."""

    image: str
    targets: Sequence[str]
    credentials: Sequence[Output[str]]


@dataclass(frozen=True, kw_only=True)
class ProxyServerArgs:
    """Where proxy-server runs and what it presents. Without `guard` it is the documented Deployment, as it is."""

    host: Host
    image: Image
    pki: TunnelPki
    port: int
    """The plain port for Karmada."""
    guard: GuardArgs | None
    kind_node: KindNode | None = None
    awaits_agents: bool = True
    """False where no agent is expected, so that nothing waits for one."""


def guard_of(settings: Settings, credentials: Sequence[Output[str]]) -> GuardArgs | None:
    """The guard of a guarded stack: it lets through to every member, paused ones too. None for the builtin frontend."""
    if settings.proxy.frontend is not Frontend.GUARDED:
        return None
    return GuardArgs(
        image=settings.images.guard,
        targets=sorted(member.target for member in settings.members if member.host),
        credentials=credentials,
    )


class ProxyServer(ComponentResource):
    """proxy-server on the host network: agents on :8091, health and metrics on :8092, the plain port for Karmada."""

    deployment: Deployment
    address: Output[str]
    """Where agents dial it."""
    proxy_url: Output[str]
    """What Karmada's `--proxy-server-address` names."""
    revision: Output[str]
    """Another one after each rollout that this stack caused."""

    def __init__(self, name: str, args: ProxyServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyServer", name, None, opts)
        child = ResourceOptions(parent=self)
        certificates = _certificates(args, child)
        files = [certificates, *([_guard_files(args, args.guard, child)] if args.guard else [])]
        loaded = loaded_into_kind(f"{name}-image", args.image, args.host.kind, args.kind_node, child)
        template = _guarded(args, args.guard, files) if args.guard else _documented(args)
        self.deployment = Deployment(
            name,
            metadata={"name": anp.SERVER, "namespace": args.host.namespace},
            spec={
                "replicas": 1,
                # a second pod on the host network finds its ports taken: a rolling update would never end
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": {"app": anp.SERVER}},
                "template": template,
            },
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod that started before its Secret is changed would keep what it read
                    depends_on=[*loaded, *(each.secret for each in files)],
                    custom_timeouts=CustomTimeouts(create="3m", update="3m"),
                ),
            ),
        )
        self.address = Output.from_input(args.host.address)
        self.proxy_url = Output.format("http://{0}:{1}", _bracketed(self.address), args.port)
        self.revision = revision(self.deployment)
        self.register_outputs({"proxyUrl": self.proxy_url})


def _certificates(args: ProxyServerArgs, opts: ResourceOptions) -> SecretFiles:
    """The documented Secret with its six documented keys."""
    pki = args.pki
    files: dict[str, Input[str]] = {
        "server-ca-cert.crt": pki.frontend_ca.cert_pem,
        "server-cert.crt": pki.frontend_server.cert_pem,
        "server-key.key": pki.frontend_server.key_pem,
        "cluster-ca-cert.crt": pki.agent_ca.cert_pem,
        "cluster-cert.crt": pki.agent_server.cert_pem,
        "cluster-key.key": pki.agent_server.key_pem,
    }
    return secret_files(anp.SERVER_CERT_SECRET, anp.SERVER_CERT_SECRET, args.host.namespace, files, opts)


def _guard_files(args: ProxyServerArgs, guarded: GuardArgs, opts: ResourceOptions) -> SecretFiles:
    def configuration(credentials: Sequence[str]) -> str:
        rules = guard.Rules(
            port=args.port,
            ipv6=":" in args.host.address,
            targets=guarded.targets,
            credentials=credentials,
        )
        return guard.configuration(rules)

    client = args.pki.frontend_client
    files: dict[str, Input[str]] = {
        guard.CONFIGURATION: Output.all(*guarded.credentials).apply(configuration),
        guard.CLIENT_CERTIFICATE: Output.format("{0}{1}", client.cert_pem, client.key_pem),
        guard.SERVER_CA: args.pki.frontend_ca.cert_pem,
    }
    return secret_files(anp.GUARD, anp.GUARD, args.host.namespace, files, opts)


def _documented(args: ProxyServerArgs) -> PodTemplateSpecArgsDict:
    """The documented pod, field by field."""
    return {
        "metadata": {"labels": {"app": anp.SERVER}},
        "spec": {
            "host_network": True,
            "restart_policy": "Always",
            "containers": [_documented_server(args)],
            "volumes": [_secret_volume(CERT_VOLUME, anp.SERVER_CERT_SECRET)],
        },
    }


def _documented_server(args: ProxyServerArgs) -> ContainerArgsDict:
    return {
        "name": anp.SERVER,
        "image": args.image.reference,
        "image_pull_policy": "IfNotPresent",
        "command": [f"/{anp.SERVER}"],
        "args": list(anp.SERVER_ARGS),
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


def _guarded(args: ProxyServerArgs, guarded: GuardArgs, files: Sequence[SecretFiles]) -> PodTemplateSpecArgsDict:
    """The documented pod with the guard in front; the server's own frontend stays on the pod's loopback."""
    ready = "/readyz" if args.awaits_agents else "/healthz"
    server: ContainerArgsDict = {
        **_documented_server(args),
        "args": [*anp.SERVER_ARGS, *anp.GUARDED_SERVER_ARGS],
        "readiness_probe": {"http_get": {"path": ready, "port": anp.SERVER_HEALTH_PORT}, "period_seconds": 1},
    }
    front: ContainerArgsDict = {
        "name": anp.GUARD,
        "image": guarded.image,
        "image_pull_policy": "IfNotPresent",
        "ports": [{"name": "plain", "container_port": args.port}],
        "liveness_probe": {"tcp_socket": {"port": args.port}, "initial_delay_seconds": 10},
        "readiness_probe": {"tcp_socket": {"port": args.port}, "period_seconds": 1},
        "volume_mounts": [{"name": GUARD_VOLUME, "mount_path": guard.DIRECTORY, "read_only": True}],
    }
    return {
        "metadata": {
            "labels": {"app": anp.SERVER},
            "annotations": {CHECKSUM_ANNOTATION: combined([each.checksum for each in files])},
        },
        "spec": {
            "host_network": True,
            "restart_policy": "Always",
            "termination_grace_period_seconds": anp.TERMINATION_SECONDS,
            "automount_service_account_token": False,
            "containers": [server, front],
            "volumes": [
                _secret_volume(CERT_VOLUME, anp.SERVER_CERT_SECRET),
                _secret_volume(GUARD_VOLUME, anp.GUARD),
            ],
        },
    }


def _secret_volume(name: str, secret: str) -> VolumeArgsDict:
    return {"name": name, "secret": {"secret_name": secret}}


def _bracketed(address: Output[str]) -> Output[str]:
    """An address as a URL takes it: an IPv6 address in brackets."""
    return address.apply(lambda each: f"[{each}]" if ":" in each else each)
