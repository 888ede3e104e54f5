"""ProxyAgent: proxy-agent in a member cluster, with the Secret it reads. It dials out; nothing reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, PodTemplateSpecArgsDict

from components import anp
from components.certificate import Certificate
from components.images import Image
from components.revision import revision
from components.secret_files import CHECKSUM_ANNOTATION, SecretFiles, secret_files

CERT_VOLUME = "cert"


@dataclass(frozen=True, kw_only=True)
class ProxyAgentArgs:
    """`server` is where it dials proxy-server, `member_host` the host of the member's API endpoint.

    `documented` makes the documented Deployment as it is; otherwise it has a readiness probe, keepalive and endless
    reconnection, and rolls when its certificate changes.
    """

    namespace: str
    image: Image
    server: Input[str]
    server_ca_pem: Output[str]
    certificate: Certificate
    member_host: str
    documented: bool
    after: Sequence[Resource] = ()


class ProxyAgent(ComponentResource):
    """A Deployment of one proxy-agent and its Secret `proxy-agent-cert`."""

    deployment: Deployment
    needs: Sequence[Resource]
    """What must be there before the Deployment."""
    revision: Output[str]
    """Another one after each rollout that this stack caused."""

    def __init__(self, name: str, args: ProxyAgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyAgent", name, None, opts)
        child = ResourceOptions(parent=self)
        files = secret_files(
            f"{name}-cert",
            anp.AGENT_CERT_SECRET,
            args.namespace,
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
            metadata={"name": anp.AGENT, "namespace": args.namespace, "labels": {"app": anp.AGENT}},
            spec=_documented(args) if args.documented else _lasting(args, files),
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # a pod that started before its Secret is changed would keep what it read
                    depends_on=list(self.needs),
                    custom_timeouts=CustomTimeouts(create="3m", update="3m"),
                ),
            ),
        )
        self.revision = revision(self.deployment)
        self.register_outputs({})


def _documented(args: ProxyAgentArgs) -> DeploymentSpecArgsDict:
    """The documented Deployment, field by field."""
    return _spec({"metadata": {"labels": {"app": anp.AGENT}}, "spec": _pod(_documented_agent(args))})


def _lasting(args: ProxyAgentArgs, files: SecretFiles) -> DeploymentSpecArgsDict:
    """The documented Deployment with readiness, keepalive and reconnection; it rolls by checksum."""
    agent: ContainerArgsDict = {
        **_documented_agent(args),
        "args": [*_arguments(args), *anp.LASTING_AGENT_ARGS],
        "readiness_probe": {"http_get": {"path": "/readyz", "port": anp.AGENT_HEALTH_PORT}, "period_seconds": 1},
    }
    return _spec(
        {
            "metadata": {"labels": {"app": anp.AGENT}, "annotations": {CHECKSUM_ANNOTATION: files.checksum}},
            "spec": {
                **_pod(agent),
                "automount_service_account_token": False,
                "termination_grace_period_seconds": anp.AGENT_TERMINATION_SECONDS,
            },
        }
    )


def _spec(template: PodTemplateSpecArgsDict) -> DeploymentSpecArgsDict:
    return {"replicas": 1, "selector": {"match_labels": {"app": anp.AGENT}}, "template": template}


def _pod(agent: ContainerArgsDict) -> PodSpecArgsDict:
    return {
        "containers": [agent],
        "volumes": [{"name": CERT_VOLUME, "secret": {"secret_name": anp.AGENT_CERT_SECRET}}],
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
        Output.format("--proxy-server-host={0}", args.server),
        f"--proxy-server-port={anp.AGENT_PORT}",
        f"--agent-identifiers=host={args.member_host}",
    ]
