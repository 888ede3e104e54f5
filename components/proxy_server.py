"""ProxyServer: proxy-server in the host cluster, with its Secrets, and the guard beside it in a guarded stack.

How it is reached is entry.py's, what its pods are server_pod.py's. It does not wait for members by itself: a pod is
ready once any agent is connected, so agents must not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict, DeploymentStrategyArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from checks.commands import free_strategy, renamed, server_ready
from checks.delivered import Delivered
from components import anp, haproxy, host_guard, server_pod
from components.availability import disruption_budget, longest_rollout, progress_deadline, rollout_minutes
from components.entry import SKIP_AWAIT
from components.images import Image, loaded_into_kind
from components.local_command import local_command
from components.network_policy import server_policy
from components.pki import TunnelPki
from components.revision import revision
from components.secret_files import SecretFiles, combined, secret_files
from config.proxy_settings import Exposure, Frontend, GuardedProxy, Proxy
from config.settings import MemberSettings, Settings


@dataclass(frozen=True, kw_only=True)
class ProxyServerArgs:
    """What proxy-server runs and presents. By the settings' frontend there is a guard, which knows credentials by
    `mac_keys`, or it is the documented Deployment as it is.

    `adopts` is whether it takes the place of what was made by hand. `renaming` are the members whose agents are known
    by another identifier until this `up`: it waits for them, so that a request finds them by either. `ready` are,
    where Karmada alone gets at every member, those of them that are Ready in Karmada.
    """

    settings: Settings
    image: Image
    pki: TunnelPki
    mac_keys: Sequence[Output[str]]
    adopts: bool
    renaming: Sequence[MemberSettings] = ()
    ready: Sequence[MemberSettings] | None = None


class ProxyServer(ComponentResource):
    """Agents on :8091, health and metrics on :8092, the plain port for Karmada; the guard's own health on :8096."""

    ready: Resource
    """When it is there, pods are ready to let requests through."""
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
        # a NetworkPolicy does not see what is on the host network; elsewhere no pod is there before it
        outside = proxy.exposure is not Exposure.HOST_NETWORK
        policies = [server_policy(host, proxy, settings.monitoring, child)] if outside else []
        # of members that Karmada alone gets at, Karmada tells whether an agent is to be expected at all
        alone = args.ready is not None
        metadata: ObjectMetaArgsDict = {"name": anp.SERVER, "namespace": host.namespace}
        deployment = Deployment(
            name,
            metadata={**metadata, "annotations": SKIP_AWAIT} if alone else metadata,
            spec=_spec(args, files),
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod that started before its Secret is changed would keep what it read
                    depends_on=[
                        *loaded,
                        *_prepared(name, args, loaded, child),
                        *(each.secret for each in files),
                        *policies,
                    ],
                    custom_timeouts=longest_rollout(proxy, proxy.replicas),
                    # Kubernetes keeps the host's ports that it filled in for a pod on the host network; and one
                    # server cannot become several by rolling: agents of the one look for no other
                    replace_on_changes=["spec.template.spec.hostNetwork", "spec.strategy.type"],
                    delete_before_replace=True,
                ),
            ),
        )
        if proxy.replicas > 1:
            disruption_budget(anp.SERVER, anp.SERVER, host.namespace, child)
        self.revision = revision(deployment)
        self.ready = _waiting(f"{name}-ready", args, self.revision, deployment, child) if alone else deployment
        self.register_outputs({})


def _waiting(
    name: str, args: ProxyServerArgs, rolled: Output[str], deployment: Deployment, opts: ResourceOptions
) -> local.Command:
    host, proxy, stack = args.settings.host, args.settings.proxy, pulumi.get_stack()
    given = server_ready.ServerReadyInput(
        host=host.api,
        namespace=host.namespace,
        members=[Delivered(member=each.name, stack=stack, karmada=host.karmada) for each in args.ready or ()],
        seconds=60 * rollout_minutes(proxy, proxy.replicas),
    )
    return local.Command(
        name,
        create=local_command("server_ready"),
        stdin=given.model_dump_json(),
        triggers=[rolled],
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[deployment])),
    )


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
        **progress_deadline(proxy),
        "selector": {"match_labels": {"app": anp.SERVER}},
        "template": template,
    }


def _prepared(name: str, args: ProxyServerArgs, loaded: Sequence[Resource], opts: ResourceOptions) -> list[Resource]:
    """What must be done before the Deployment takes the place of another, made by hand or by an earlier version."""
    host, found = args.settings.host, list[Resource]()
    if args.adopts and args.settings.proxy.replicas == 1:
        free = free_strategy.FreeStrategyInput(host=host.api, namespace=host.namespace, deployment=anp.SERVER)
        create = local_command("free_strategy")
        found.append(local.Command(f"{name}-strategy", create=create, stdin=free.model_dump_json(), opts=opts))
    if args.renaming:
        agents = [renamed.Renaming(member=each.name, at=each.api, namespace=each.namespace) for each in args.renaming]
        given = renamed.RenamedInput(agents=agents, seconds=renamed.SECONDS)
        waiting = local.Command(
            f"{name}-agents-first",
            create=local_command("renamed"),
            stdin=given.model_dump_json(),
            # in each `up` until it has ended well
            triggers=[datetime.now(UTC).isoformat(), args.image.reference],
            # as long as it takes to build and load images, agents are not rolled either
            opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(loaded))),
        )
        found.append(waiting)
    return found


def _strategy(proxy: Proxy) -> DeploymentStrategyArgsDict:
    """An agent looks for a server while it lacks one, so that a new one is found when an old one has gone; one of
    several goes on until the others are replaced. On the host network a second pod would find its ports taken."""
    if proxy.replicas == 1:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rolling_update": {"max_surge": 0, "max_unavailable": proxy.replicas - 1}}


def _certificates(pki: TunnelPki, namespace: str, opts: ResourceOptions) -> SecretFiles:
    """The documented Secret: three keys for agents' side and, where there is one, three for the frontend's."""
    files: dict[str, Input[str]] = {
        "cluster-ca-cert.crt": pki.agent_trust,
        "cluster-cert.crt": pki.agent_server.cert_pem,
        "cluster-key.key": pki.agent_server.key_pem,
    }
    if pki.frontend:
        files |= {
            "server-ca-cert.crt": pki.frontend.trust,
            "server-cert.crt": pki.frontend.server.cert_pem,
            "server-key.key": pki.frontend.server.key_pem,
        }
    return secret_files(anp.SERVER_CERT_SECRET, anp.SERVER_CERT_SECRET, namespace, files, opts)


def _guard_files(args: ProxyServerArgs, proxy: GuardedProxy, opts: ResourceOptions) -> SecretFiles:
    """The guard's configuration: the same whichever members there are."""

    def configuration(keys: Sequence[str]) -> str:
        rules = host_guard.Rules(
            port=proxy.port,
            sources=host_guard.listened_to(proxy.allowed_sources) if proxy.exposure is Exposure.HOST_NETWORK else (),
            keys=keys,
            stall=proxy.stall_seconds,
            grace=server_pod.ending(proxy).grace,
        )
        return host_guard.configuration(rules)

    files = {haproxy.CONFIGURATION: Output.all(*args.mac_keys).apply(configuration)}
    return secret_files(anp.GUARD, anp.GUARD, args.settings.host.namespace, files, opts)
