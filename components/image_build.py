"""A built image: one `docker:Image` for each platform, and a manifest list that joins those of several platforms.

Nothing here notices that an image was deleted from the engine, and neither does `docker:Image`: it builds again when an
input changes, or on `pulumi up --replace`. Destroy leaves what was built and what was pushed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi_docker as docker
from pulumi import Output, ResourceOptions
from pulumi_command import local

from checks.commands.manifest_list import ManifestListInput
from components.local_command import local_command
from config.image_settings import PLATFORM, Build, BuiltImages
from config.problems import Problem, config_rm
from config.run_error import refusal


@dataclass(frozen=True, kw_only=True)
class InEngine:
    """A built image that was not pushed, so it must be loaded into nodes: its image id, platform, and resource URN."""

    id: Output[str]
    platform: str
    urn: Output[str]


def built(
    name: str, dockerfile: str, context: str, args: BuiltImages, opts: ResourceOptions
) -> tuple[Output[str], InEngine | None]:
    """Builds an image. Returns its reference and, where it is not pushed, how to load it into nodes.

    The reference of a pushed image has the registry's digest. Raises pulumi.RunError where it would need emulation.
    """
    build, several = args.build, len(args.build.architectures) > 1
    _refuse_emulation(dockerfile, build)

    def image(architecture: str) -> docker.Image:
        # upstream's Dockerfiles want both BUILDARCH and TARGETARCH, the fork's ARCH, and neither works without
        known = {"ARCH": architecture, "BUILDARCH": build.builder, "TARGETARCH": architecture}
        return docker.Image(
            f"{name}-{architecture}" if several else name,
            image_name=f"{args.registry}/{name}:{build.tag_of(architecture)}",
            build=docker.DockerBuildArgs(
                context=context,
                dockerfile=dockerfile,
                args={**known, **build.args},
                platform=PLATFORM.format(architecture),
            ),
            skip_push=not args.push,
            registry=_registry(args),
            opts=opts,
        )

    images = [image(each) for each in build.architectures]
    if several:
        return _joined(name, [each.repo_digest for each in images], args, opts), None
    (only,) = images
    if args.push:
        return only.repo_digest, None
    platform = PLATFORM.format(build.architectures[0])
    return only.image_name, InEngine(id=only.repo_digest, platform=platform, urn=only.urn)


def _registry(args: BuiltImages) -> docker.RegistryArgs | None:
    """The registry's login for a push; None where the login of this machine's Docker is used."""
    if not args.push or not args.credentials:
        return None
    return docker.RegistryArgs(
        server=args.registry.split("/", 1)[0],
        username=args.credentials.username,
        password=Output.secret(args.credentials.password.get_secret_value()),
    )


def _joined(name: str, digests: Sequence[Output[str]], args: BuiltImages, opts: ResourceOptions) -> Output[str]:
    """The reference, by digest, of a manifest list of pushed images. Any other digest makes a new list."""
    tagged, credentials = f"{args.registry}/{name}:{args.build.image_tag}", args.credentials

    def given(images: Sequence[str]) -> str:
        found = ManifestListInput(name=tagged, images=images)
        if credentials:
            password = credentials.password.get_secret_value()
            found = found.model_copy(update={"username": credentials.username, "password": password})
        return found.model_dump_json()

    stdin = Output.all(*digests).apply(given)
    joined = local.Command(
        f"{name}-platforms",
        create=local_command("manifest_list"),
        stdin=Output.secret(stdin) if credentials else stdin,
        opts=opts,
    )
    # a secret input makes every output secret, and with it the pod templates that use the reference
    return Output.unsecret(joined.stdout)


def _refuse_emulation(dockerfile: str, build: Build) -> None:
    """Raises pulumi.RunError where another platform's Dockerfile stages would have to run under emulation."""
    others = [PLATFORM.format(each) for each in build.architectures if each != build.builder]
    # pulumi-docker itself reports a Dockerfile that does not exist
    if others and Path(dockerfile).is_file() and is_built_on_its_platform(Path(dockerfile).read_text()):
        why = f"{build.ref} of {build.repository} is built on the platform that it is for, {' and '.join(others)}: "
        why += f"this machine, {PLATFORM.format(build.builder)}, could but emulate that"
        remedy = (
            f"{config_rm('images.build.platforms')}, or build there and name what you publish: images.server and agent"
        )
        raise refusal("ANP cannot be built here for other platforms", [Problem("images.build.platforms", why, remedy)])


def is_built_on_its_platform(dockerfile: str) -> bool:
    """Whether a stage of the Dockerfile has a RUN but no `--platform`: it runs on the platform that is built for."""
    stages = re.split(r"^FROM\s+", dockerfile, flags=re.MULTILINE | re.IGNORECASE)[1:]
    runs = re.compile(r"^RUN\s", re.MULTILINE | re.IGNORECASE)
    return any(runs.search(each) and not each.startswith("--platform=") for each in stages)
