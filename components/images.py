"""ProxyImages: ANP's two images, built from pinned sources or published, and how a built one reaches a cluster.

Without anything to build it needs no Docker engine. It does not touch the guard's image, which is a published one.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_docker as docker
from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_command import local

from clusters.workstation import KindNode
from components.anp import AGENT, SERVER
from config.image_settings import Build, BuiltImages, Images
from config.problems import Problem, config_set, refusal

SOURCES = ".sources"
"""Where sources are checked out, below the program: a relative path, the same in every checkout."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What Go and OCI call this machine's processor. Upstream's Dockerfiles want it as BUILDARCH and TARGETARCH, the fork's
as ARCH, and neither works without."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that a pod can run, with the names of Secrets to pull it with.

    `id` is a built image's own, where nodes must be given it; None where they pull.
    """

    reference: Output[str]
    pull_secrets: Sequence[str]
    id: Output[str] | None = None


class ProxyImages(ComponentResource):
    """The images of proxy-server and proxy-agent."""

    server: Image
    agent: Image

    def __init__(self, name: str, args: Images, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:ProxyImages", name, None, opts)
        child = ResourceOptions(parent=self)
        if isinstance(args, BuiltImages):
            sources = checkout(args.build)
            self.server = _built(SERVER, "server", args, sources, child)
            self.agent = _built(AGENT, "agent", args, sources, child)
        else:
            self.server = Image(reference=Output.from_input(args.server), pull_secrets=args.pull_secrets)
            self.agent = Image(reference=Output.from_input(args.agent), pull_secrets=args.pull_secrets)
        self.register_outputs({"server": self.server.reference, "agent": self.agent.reference})


def checkout(build: Build) -> str:
    """The relative path of the sources, fetched if they are not there. Raises pulumi.RunError.

    It runs in every preview and up: a Command would run once in the stack's life, and a colleague's checkout would have
    no sources.
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
        mend = f"correct images.build.repository, ref and commit ({config_set('images.build.commit', 'COMMIT')})"
        raise refusal("ANP's sources cannot be had", [Problem("images.build", why, mend)]) from None
    return directory


def _built(name: str, dockerfile: str, args: BuiltImages, sources: str, opts: ResourceOptions) -> Image:
    """A built image. One that is pushed is known by the digest that the registry gave it."""
    architecture = ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower())
    image = docker.Image(
        name,
        image_name=f"{args.registry}/{name}:{args.build.image_tag}",
        build=docker.DockerBuildArgs(
            context=sources,
            dockerfile=f"{sources}/artifacts/images/{dockerfile}-build.Dockerfile",
            args={"ARCH": architecture, "BUILDARCH": architecture, "TARGETARCH": architecture, **args.build.args},
            platform=f"linux/{architecture}",
        ),
        skip_push=not args.push,
        registry=_registry(args),
        opts=opts,
    )
    if args.push:
        return Image(reference=image.repo_digest, pull_secrets=args.pull_secrets)
    return Image(reference=image.image_name, pull_secrets=args.pull_secrets, id=image.repo_digest)


def _registry(args: BuiltImages) -> docker.RegistryArgs | None:
    """Whom to log in as for a push; without, as whom this machine's Docker is logged in."""
    if not args.push or not args.credentials:
        return None
    return docker.RegistryArgs(
        server=args.registry.split("/", 1)[0],
        username=args.credentials.username,
        password=Output.secret(args.credentials.password.get_secret_value()),
    )


def loaded_into_kind(
    name: str, image: Image, kind: str, node: KindNode | None, opts: ResourceOptions
) -> list[Resource]:
    """Loads a built image into a kind cluster: again when the image or the node is another, and nothing elsewhere."""
    if image.id is None or node is None:
        return []
    return [
        local.Command(
            name,
            create=Output.format("kind load docker-image {0} --name {1}", image.reference, kind),
            triggers=[image.id, node.id],
            opts=opts,
        )
    ]
