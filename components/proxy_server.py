"""ProxyServer: proxy-server in the host cluster, with its Secrets, and the guard beside it in a guarded stack.

How it is reached is entry.py's, what its pods are server_pod.py's. It does not wait for members by itself: a pod is
ready once any agent is connected, so agents must not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict, DeploymentStrategyArgsDict

from checks.commands import free_strategy
from components import anp, guard, server_pod
from components.availability import disruption_budget, longest_rollout
from components.images import Image, loaded_into_kind
from components.local_command import local_command
from components.network_policy import server_policy
from components.pki import TunnelPki
from components.revision import revision
from components.secret_files import SecretFiles, combined, secret_files
from config.proxy_settings import Exposure, Frontend, GuardedProxy, Proxy
from config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ProxyServerArgs:
    """What proxy-server runs and presents. By the settings' frontend there is a guard, which takes `credentials`, or it
    is the documented Deployment as it is. `adopts` is whether it takes the place of what was made by hand."""

    settings: Settings
    image: Image
    pki: TunnelPki
    credentials: Sequence[Output[str]]
    adopts: bool


class ProxyServer(ComponentResource):
    """Agents on :8091, health and metrics on :8092, the plain port for Karmada; the guard's own health on :8096."""

    deployment: Deployment
    revision: Output[str]
    """Another one after each rollout that this stack caused."""

    def __init__(self, name: str, args: ProxyServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyServer", name, None, opts)
        child = ResourceOptions(parent=self)
        settings, host, proxy = args.settings, args.settings.host, args.settings.proxy
        files = [_certificates(args.pki, host.namespace, child)]
        if proxy.frontend is Frontend.GUARDED:
            files.append(_guard_files(args, proxy, child))
        loaded = loaded_into_kind(f"{name}-image", args.image, host.kind, settings.node(host), child)
        self.deployment = Deployment(
            name,
            metadata={"name": anp.SERVER, "namespace": host.namespace},
            spec=_spec(args, files),
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod that started before its Secret is changed would keep what it read
                    depends_on=[*loaded, *_freed(name, args, child), *(each.secret for each in files)],
                    custom_timeouts=longest_rollout(proxy.replicas),
                    # Kubernetes keeps the host's ports that it filled in for a pod on the host network
                    replace_on_changes=["spec.template.spec.hostNetwork"],
                    delete_before_replace=True,
                ),
            ),
        )
        if proxy.exposure is not Exposure.HOST_NETWORK:
            # a NetworkPolicy does not see what is on the host network
            server_policy(host, proxy, settings.monitoring, child)
        if proxy.replicas > 1:
            disruption_budget(anp.SERVER, anp.SERVER, host.namespace, child)
        self.revision = revision(self.deployment)
        self.register_outputs({})


def _spec(args: ProxyServerArgs, files: Sequence[SecretFiles]) -> DeploymentSpecArgsDict:
    proxy = args.settings.proxy
    if proxy.frontend is Frontend.GUARDED:
        template = server_pod.guarded(
            server_pod.GuardedPodArgs(
                image=args.image,
                guard_image=args.settings.images.guard,
                proxy=proxy,
                checksum=combined([each.checksum for each in files]),
                awaits_agents=len(args.settings.active) > 0,
            )
        )
    else:
        template = server_pod.documented(args.image.reference)
    return {
        "replicas": proxy.replicas,
        "strategy": _strategy(proxy),
        "selector": {"match_labels": {"app": anp.SERVER}},
        "template": template,
    }


def _freed(name: str, args: ProxyServerArgs, opts: ResourceOptions) -> list[Resource]:
    """What lets a Deployment that was made by hand be given this one's strategy, where it takes its place."""
    host = args.settings.host
    if not args.adopts or args.settings.proxy.exposure is not Exposure.HOST_NETWORK:
        return []
    given = free_strategy.FreeStrategyInput(host=host.api, namespace=host.namespace, deployment=anp.SERVER)
    create = local_command("free_strategy")
    return [local.Command(f"{name}-strategy", create=create, stdin=given.model_dump_json(), opts=opts)]


def _strategy(proxy: Proxy) -> DeploymentStrategyArgsDict:
    if proxy.exposure is Exposure.HOST_NETWORK:
        # a second pod on the host network finds its ports taken: a rolling update would never end
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}}


def _certificates(pki: TunnelPki, namespace: str, opts: ResourceOptions) -> SecretFiles:
    """The documented Secret with its six documented keys."""
    files: dict[str, Input[str]] = {
        "server-ca-cert.crt": pki.frontend_trust,
        "server-cert.crt": pki.frontend_server.cert_pem,
        "server-key.key": pki.frontend_server.key_pem,
        "cluster-ca-cert.crt": pki.agent_trust,
        "cluster-cert.crt": pki.agent_server.cert_pem,
        "cluster-key.key": pki.agent_server.key_pem,
    }
    return secret_files(anp.SERVER_CERT_SECRET, anp.SERVER_CERT_SECRET, namespace, files, opts)


def _guard_files(args: ProxyServerArgs, proxy: GuardedProxy, opts: ResourceOptions) -> SecretFiles:
    """The guard's configuration, which lets through to every member, paused ones too, and what it presents."""
    host = args.settings.host

    def configuration(credentials: Sequence[str]) -> str:
        rules = guard.Rules(
            port=proxy.port,
            ipv6=":" in host.address,
            sources=proxy.allowed_sources if proxy.exposure is Exposure.HOST_NETWORK else (),
            targets=sorted(member.target for member in args.settings.members if member.host),
            credentials=credentials,
            grace=server_pod.ending(proxy).grace,
        )
        return guard.configuration(rules)

    client = args.pki.frontend_client
    files: dict[str, Input[str]] = {
        guard.CONFIGURATION: Output.all(*args.credentials).apply(configuration),
        guard.CLIENT_CERTIFICATE: Output.format("{0}{1}", client.cert_pem, client.key_pem),
        guard.SERVER_CA: args.pki.frontend_trust,
    }
    return secret_files(anp.GUARD, anp.GUARD, host.namespace, files, opts)
