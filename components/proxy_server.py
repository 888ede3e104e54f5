"""ProxyServer: proxy-server's Deployment in the host cluster and its Secrets, in a guarded stack with the host guard.

entry.py has its Services, server_pod.py its pod template. A pod is ready once any agent is connected, so agents must
not wait for this component.
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

UNAWAITED = {**SKIP_AWAIT, "pulumi.com/deletionPropagationPolicy": "background"}
"""Annotations of a Deployment that Pulumi does not wait for: its object goes at once, and not after its pods. Otherwise
one that replaces it, or that an `up` makes soon after a `destroy`, would meet one of the same name."""


@dataclass(frozen=True, kw_only=True)
class ProxyServerArgs:
    """The stack's settings, the image, and `mac_keys`, the host guard's, none with `frontend: documented`.

    `takes_over` lets it take over what was made by hand. `renaming` are members whose agents get a new identifier in
    this `up`: the Deployment waits for them, so that a request finds them under either. `ready` is set where every
    active member has `access: karmada`: those of them that are Ready in Karmada.
    """

    settings: Settings
    image: Image
    pki: TunnelPki
    mac_keys: Sequence[Output[str]]
    takes_over: bool
    renaming: Sequence[MemberSettings] = ()
    ready: Sequence[MemberSettings] | None = None


class ProxyServer(ComponentResource):
    """Agents on :8091, health and metrics on :8092, Karmada on the plain port; the guard's health on :8096."""

    ready: Resource
    """The resource to depend on in order to wait until proxy-server's pods are ready."""
    revision: Output[str]
    """Changes with each rollout that this stack causes."""

    def __init__(self, name: str, args: ProxyServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyServer", name, None, opts)
        child = ResourceOptions(parent=self)
        settings, host, proxy = args.settings, args.settings.host, args.settings.proxy
        files = [_certificates(args.pki, host.namespace, child)]
        if proxy.frontend is Frontend.GUARDED:
            files.append(_guard_files(args, proxy, child))
        loaded = loaded_into_kind(f"{name}-image", args.image, host.kind, settings.node(host), child)
        # a NetworkPolicy does not apply to pods on the host network; elsewhere it exists before the first pod does
        outside = proxy.exposure is not Exposure.HOST_NETWORK
        policies = [server_policy(host, proxy, settings.monitoring, child)] if outside else []
        # with `access: karmada` alone, Karmada tells whether any agent can connect: `server_ready` waits, not Pulumi
        alone = args.ready is not None
        metadata: ObjectMetaArgsDict = {"name": anp.SERVER, "namespace": host.namespace}
        deployment = Deployment(
            name,
            metadata={**metadata, "annotations": UNAWAITED} if alone else metadata,
            spec=_spec(args, files),
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod reads its Secret once: one that starts before the Secret is changed keeps the old files
                    depends_on=[
                        *loaded,
                        *_prepared(name, args, loaded, child),
                        *(each.secret for each in files),
                        *policies,
                    ],
                    custom_timeouts=longest_rollout(proxy, proxy.replicas),
                    # Kubernetes fills in hostPorts on the host network, and keeps them when that is turned off; and one
                    # server cannot become several by a rollout, since agents of a single server look for no other
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
    """A Command that waits for the Deployment instead of Pulumi, for agents of members that are Ready in Karmada."""
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
    """Commands that must run before the Deployment replaces one that was made by hand or by an earlier version."""
    host, found = args.settings.host, list[Resource]()
    if args.takes_over and args.settings.proxy.replicas == 1:
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
            # the time makes it run in each `up`, until one has ended well and nothing is left to rename
            triggers=[datetime.now(UTC).isoformat(), args.image.reference],
            # agents do not roll before images are built and loaded, so the wait begins only then
            opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(loaded))),
        )
        found.append(waiting)
    return found


def _strategy(proxy: Proxy) -> DeploymentStrategyArgsDict:
    """The update strategy. A single server is recreated: on the host network a second pod would find its ports taken.

    Of several servers one goes on until the others are replaced, and none is added (maxSurge 0): an agent looks for
    servers only while it is connected to fewer than there are, so it finds a new one once an old one is gone.
    """
    if proxy.replicas == 1:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rolling_update": {"max_surge": 0, "max_unavailable": proxy.replicas - 1}}


def _certificates(pki: TunnelPki, namespace: str, opts: ResourceOptions) -> SecretFiles:
    """The documented Secret: three files for the agents' side and, with a frontend CA, three for Karmada's side."""
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
    """The Secret with the host guard's configuration, which does not depend on the members."""

    def configuration(keys: Sequence[str]) -> str:
        rules = host_guard.Rules(
            port=proxy.port,
            sources=host_guard.accepted_sources(proxy.allowed_sources)
            if proxy.exposure is Exposure.HOST_NETWORK
            else (),
            keys=keys,
            stall=proxy.stall_seconds,
            grace=server_pod.shutdown_times(proxy).grace,
        )
        return host_guard.configuration(rules)

    files = {haproxy.CONFIGURATION: Output.all(*args.mac_keys).apply(configuration)}
    return secret_files(anp.GUARD, anp.GUARD, args.settings.host.namespace, files, opts)
