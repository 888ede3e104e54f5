"""ProxyImages: ANP's two images, built from pinned sources or published, and the loading of built ones into kind.

It needs a Docker engine only to build. The guards' image, which is always a published one, is not made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.core.v1 import Secret

from checks.commands.kind_load import KindLoadInput
from clusters.workstation import KindNode
from components.anp import AGENT, SERVER
from components.image_build import InEngine, built
from components.local_command import local_command
from config.image_settings import Build, BuiltImages, Images
from config.problems import Problem, config_set
from config.run_error import refusal
from config.settings import Settings

SOURCES = ".sources"
"""Directory of the sources, relative to the program: an absolute path would differ in each colleague's checkout."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image reference for a pod, with the names of its imagePullSecrets.

    `in_engine` is set for a built image that must be loaded into nodes, and None for one that nodes pull.
    """

    reference: Output[str]
    pull_secrets: Sequence[str]
    in_engine: InEngine | None = None


class ProxyImages(ComponentResource):
    """The images of proxy-server and proxy-agent."""

    server: Image
    agent: Image

    def __init__(self, name: str, args: Images, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyImages", name, None, opts)
        child = ResourceOptions(parent=self)
        if isinstance(args, BuiltImages):
            sources = checkout(args.build)
            self.server = _built(SERVER, "server", sources, args, child)
            self.agent = _built(AGENT, "agent", sources, args, child)
        else:
            self.server = Image(reference=Output.from_input(args.server), pull_secrets=args.pull_secrets)
            self.agent = Image(reference=Output.from_input(args.agent), pull_secrets=args.pull_secrets)
        self.register_outputs({"server": self.server.reference, "agent": self.agent.reference})


def pull_secrets(settings: Settings, opts: ResourceOptions) -> Mapping[str, Secret]:
    """The host's imagePullSecrets by name, read only to be copied to members with `access: karmada`; else none."""
    host = settings.host
    names = settings.images.pull_secrets if any(each.delivered for each in settings.members) else ()
    # kubectl apply keeps a copy of the Secret's data in an annotation
    hidden = ResourceOptions.merge(opts, ResourceOptions(additional_secret_outputs=["metadata"]))
    return {each: Secret.get(f"pull-{each}", f"{host.namespace}/{each}", opts=hidden) for each in names}


def checkout(build: Build) -> str:
    """Fetches ANP's sources, if they are not there. Returns their relative path; raises pulumi.RunError.

    It runs in every preview and up. A Command resource would run once in the stack's life, and a colleague's checkout
    would have no sources.
    """
    directory = f"{SOURCES}/{build.commit}"
    try:
        local.run(
            command="sh checks/commands/checkout.sh",
            environment={
                "REPOSITORY": build.repository,
                "REF": build.ref,
                "COMMIT": build.commit,
                "DIRECTORY": directory,
            },
            dir=".",
            logging=local.Logging.NONE,
        )
    except Exception as error:
        said = [line for line in str(error).splitlines() if line.strip()]
        why = f"{build.ref} of {build.repository}: {' / '.join(said[-2:])}"
        remedy = f"correct images.build.repository, ref and commit ({config_set('images.build.commit', 'COMMIT')})"
        raise refusal("ANP's sources cannot be had", [Problem("images.build", why, remedy)]) from None
    return directory


def _built(name: str, part: str, sources: str, args: BuiltImages, opts: ResourceOptions) -> Image:
    """Builds the image of `part`, `server` or `agent`, from ANP's Dockerfile for it."""
    dockerfile = f"{sources}/artifacts/images/{part}-build.Dockerfile"
    reference, in_engine = built(name, dockerfile, sources, args, opts)
    return Image(reference=reference, pull_secrets=args.pull_secrets, in_engine=in_engine)


def loaded_into_kind(
    name: str, image: Image, kind: str, node: KindNode | None, opts: ResourceOptions
) -> list[Resource]:
    """A Command that loads a built image into a kind cluster, again when the image or the node changes.

    Returns nothing where the image is pulled, or the cluster is not a kind cluster.
    """
    here = image.in_engine
    if here is None or node is None:
        return []

    def given(known: Sequence[str]) -> str:
        reference, urn = known
        return KindLoadInput(image=reference, cluster=kind, platform=here.platform, urn=urn).model_dump_json()

    return [
        local.Command(
            name,
            create=local_command("kind_load"),
            stdin=Output.all(image.reference, here.urn).apply(given),
            triggers=[here.id, node.id],
            opts=opts,
        )
    ]
