"""KarmadaAgentPatch: a patch of karmada-agent's Deployment with the two flags by which it reports the tunnel.

It is for members with a kubeconfig; delivery.py serves those with `access: karmada`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.apps.v1 import DeploymentPatch

from checks.commands import agent_gone, disown_args
from components.anp import ENDPOINT_FLAG, PROXY_FLAG
from components.field_manager import field_manager
from components.local_command import local_command
from components.revision import revision
from config.settings import Host, MemberSettings

DISOWN_SECONDS = 10
"""How long the Command tries to take over args that were set by hand; somebody may change the Deployment meanwhile."""


@dataclass(frozen=True, kw_only=True)
class KarmadaAgentPatchArgs:
    """The member, the host, whose Karmada API has the Cluster object, and `proxy_url`, the URL of the plain port.

    `grant` is the RBAC with which the agent reports the tunnel, and outlives the flags. `beside` are the resources that
    the tunnel's Deployments need. `takes_over` is true where `args` may be there that were set by hand.
    """

    member: MemberSettings
    host: Host
    proxy_url: Input[str]
    grant: Sequence[Resource]
    beside: Sequence[Resource]
    takes_over: bool = False


class KarmadaAgentPatch(ComponentResource):
    """A server-side apply patch that owns `args` of the container karmada-agent, and nothing else of its Deployment.

    `command` is an atomic list that another field manager owns; args come after it, and the last flag wins. Destroy
    leaves the Deployment without these args: the Command `gone` removes them, and ends when the agent runs without them
    and has reported that on its Cluster object, for which it needs `grant`. `gone` exists before the patch, so that
    destroy also undoes an `up` that failed half-way.
    """

    gone: local.Command
    """On destroy, removes the flags from karmada-agent, and the credential from the Cluster object."""
    revision: Output[str]
    """Changes with each rollout that this stack causes; "" before report()."""

    def __init__(self, name: str, args: KarmadaAgentPatchArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:KarmadaAgentPatch", name, None, opts)
        self._name, self._args = name, args
        # Pulumi destroys level by level: at the level of the tunnel's Deployments, all members' waits run in parallel
        after = ResourceOptions(parent=self, depends_on=[*args.grant, *args.beside])
        self.gone = given_back(name, args.member, args.host, args.proxy_url, after)
        self.revision = Output.from_input("")
        self.register_outputs({})

    def report(self, tunnel: Sequence[Resource]) -> None:
        """Sets the flags, once the resources in `tunnel` exist."""
        name, args, child = self._name, self._args, ResourceOptions(parent=self)
        agent = args.member.agent
        patch = DeploymentPatch(
            name,
            metadata={"name": agent.deployment, "namespace": agent.namespace},
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
                # `gone` removes the args instead of Pulumi, which would fail where karmada-agent is gone or has moved
                ResourceOptions(
                    depends_on=[self.gone, *_disowned(name, args, tunnel, child), *tunnel], retain_on_delete=True
                ),
            ),
        )
        self.revision = revision(patch)


def given_back(
    name: str, member: MemberSettings, host: Host, proxy_url: Input[str], opts: ResourceOptions
) -> local.Command:
    """A Command that, on destroy, removes what the stack has set and waits until karmada-agent runs without it.

    It does nothing when created. When the config names another Deployment, its update clears the args of the former.
    """

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
    """A Command that takes args set by hand from their field managers, so that they go when the stack's patch does."""
    if not args.takes_over:
        return []
    given = disown_args.DisownArgsInput(
        member=args.member.api,
        namespace=args.member.agent.namespace,
        deployment=args.member.agent.deployment,
        container=args.member.agent.container,
        manager=field_manager(),
        seconds=DISOWN_SECONDS,
    )
    # only once the tunnel runs: until then the flags stay with whoever set them
    after = ResourceOptions.merge(opts, ResourceOptions(depends_on=list(tunnel)))
    create = local_command("disown_args")
    return [local.Command(f"{name}-args", create=create, stdin=given.model_dump_json(), opts=after)]
