"""KarmadaAgentPatch: the two flags by which karmada-agent reports the tunnel; nothing else of its Deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.apps.v1 import DeploymentPatch

from checks.commands import agent_gone, disown_args
from components.anp import ENDPOINT_FLAG, PROXY_FLAG
from components.field_manager import ANNOTATION, field_manager
from components.local_command import local_command
from components.revision import revision
from config.settings import Host, MemberSettings

DISOWN_SECONDS = 10
"""How long it is tried to take over what was set by hand."""


@dataclass(frozen=True, kw_only=True)
class KarmadaAgentPatchArgs:
    """The member, the host (to ask what its Cluster object says), and the address of the tunnel's plain port.

    `grant` is what the agent needs to report the tunnel: it outlives the flags. `beside` is what the tunnel's own
    Deployments need. `adopts` is whether args may be there that were set by hand.
    """

    member: MemberSettings
    host: Host
    proxy_url: Input[str]
    grant: Sequence[Resource]
    beside: Sequence[Resource]
    adopts: bool = False


class KarmadaAgentPatch(ComponentResource):
    """Owns `args` of the container karmada-agent: its `command` is an atomic list of somebody else's, args come after
    it, and the last flag wins.

    Destroy gives back what was there. It ends only when the agent has come back without the flags and has said so on
    its Cluster object: what lets it do so (`grant`) must not go earlier. What gives back is there before anything that
    is to be given back, so that an `up` that fails half-way leaves nothing.
    """

    gone: local.Command
    """What gives back the flags, and the credential."""
    revision: Output[str]
    """Another one after each rollout that this stack caused."""

    def __init__(self, name: str, args: KarmadaAgentPatchArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:KarmadaAgentPatch", name, None, opts)
        self._name, self._args = name, args
        # Pulumi destroys level by level: at the level of the tunnel's Deployments, the waits run side by side
        after = ResourceOptions(parent=self, depends_on=[*args.grant, *args.beside])
        self.gone = given_back(name, args.member, args.host, args.proxy_url, after)
        self.revision = Output.from_input("")
        self.register_outputs({})

    def report(self, tunnel: Sequence[Resource]) -> None:
        """Has karmada-agent report the tunnel, once that runs."""
        name, args, child = self._name, self._args, ResourceOptions(parent=self)
        agent = args.member.agent
        patch = DeploymentPatch(
            name,
            metadata={
                "name": agent.deployment,
                "namespace": agent.namespace,
                "annotations": {ANNOTATION: field_manager()},
            },
            spec={
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": agent.container,
                                "args": [
                                    f"{ENDPOINT_FLAG}{args.member.api_endpoint}",
                                    Output.concat(PROXY_FLAG, args.proxy_url),
                                ],
                            }
                        ]
                    }
                }
            },
            opts=ResourceOptions.merge(
                child,
                # the step gives up what is there still; Pulumi would fail where karmada-agent has gone, or has moved
                ResourceOptions(
                    depends_on=[self.gone, *_disowned(name, args, tunnel, child), *tunnel], retain_on_delete=True
                ),
            ),
        )
        self.revision = revision(patch)


def given_back(
    name: str, member: MemberSettings, host: Host, proxy_url: Input[str], opts: ResourceOptions
) -> local.Command:
    """What waits in the end until karmada-agent runs without what the stack has set, and gives that back."""

    def given(url: str) -> str:
        return agent_gone.AgentGoneInput(
            cluster=member.name,
            proxy_url=url,
            karmada=host.karmada,
            member=member.api,
            namespace=member.agent.namespace,
            deployment=member.agent.deployment,
            container=member.agent.container,
            manager=field_manager(),
            stack=pulumi.get_stack(),
            gone=member.gone,
        ).model_dump_json()

    return local.Command(
        f"{name}-gone",
        create="cat",
        update=local_command("agent_moved"),
        delete=local_command("agent_gone"),
        logging=local.Logging.STDERR,
        stdin=Output.from_input(proxy_url).apply(given),
        opts=opts,
    )


def _disowned(
    name: str, args: KarmadaAgentPatchArgs, tunnel: Sequence[Resource], opts: ResourceOptions
) -> list[Resource]:
    """What makes args that were set by hand the stack's alone, so that they go with it."""
    if not args.adopts:
        return []
    given = disown_args.DisownArgsInput(
        member=args.member.api,
        namespace=args.member.agent.namespace,
        deployment=args.member.agent.deployment,
        container=args.member.agent.container,
        manager=field_manager(),
        seconds=DISOWN_SECONDS,
    )
    # not before the tunnel stands: until then the flags are to stay whose they are
    after = ResourceOptions.merge(opts, ResourceOptions(depends_on=list(tunnel)))
    create = local_command("disown_args")
    return [local.Command(f"{name}-args", create=create, stdin=given.model_dump_json(), opts=after)]
