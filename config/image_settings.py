"""The section `images`: ANP's images, which are either built or published, and the guards' image."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr, SecretStr, ValidationInfo, field_validator, model_validator

from config.fields import Commit, ImagePrefix, ImageReference, ImageTag, Model, Name, Text
from config.problems import InvalidValue, config_rm, config_set, set_to

UPSTREAM = "https://github.com/kubernetes-sigs/apiserver-network-proxy"

FIRST_MINOR = 36
"""Of ANP's releases v0.N, the first whose proxy-server has all flags that a guarded one is given."""

PUBLISHED = re.compile(r"/kas-network-proxy/proxy-server:v0\.(\d+)\.")
"""Upstream's own image, with a release."""

PLATFORM = "linux/{}"
"""An OCI platform, made from an architecture (`amd64`)."""

Platform = Literal["linux/amd64", "linux/arm64"]
"""Platforms that the config may name. The engine's own may be another, if images are built for it alone."""


class Build(Model):
    """ANP's sources, pinned by ref and commit; by default upstream's current release."""

    repository: Text = Field(UPSTREAM, description="Git repository of ANP's sources")
    ref: Text = Field("v0.36.0", description="Tag or branch to fetch")
    commit: Commit = Field("e8432610cab5a696fcbdb37969ac1aacb8bcf7f8", description="Commit that `ref` must point to")
    args: Mapping[str, str] = Field(
        {"GO_TOOLCHAIN": "golang", "GO_VERSION": "1.26", "BASEIMAGE": "scratch"},
        description="Build arguments for the Dockerfiles, beside the architecture",
    )
    platforms: Sequence[Platform] = Field(
        (),
        description="Build for `linux/amd64`, `linux/arm64` or, with `push`, both; by default for this machine's own",
    )
    tag: ImageTag = Field(
        "", description="Tag of the built images; by default made from ref, commit, args and platform"
    )
    _builder: str = PrivateAttr("")

    @model_validator(mode="after")
    def _is_pinned(self) -> Build:
        missing = sorted({"ref", "commit"} - self.model_fields_set)
        if missing and self.model_fields_set & {"ref", "commit", "repository"}:
            raise InvalidValue(
                "it is missing: sources are pinned by ref and commit together", set_to(missing[0].upper()), missing[0]
            )
        return self

    @model_validator(mode="after")
    def _has_the_flags(self) -> Build:
        if self.is_upstream:
            _require_flags(self.ref, re.match(r"v0\.(\d+)\.", self.ref), "ref")
        return self

    @field_validator("platforms")
    @classmethod
    def _are_distinct(cls, platforms: Sequence[Platform]) -> Sequence[Platform]:
        if not platforms:
            raise InvalidValue("it names no platform", config_rm)
        for index, platform in enumerate(platforms):
            if platform in platforms[:index]:
                why = f"{json.dumps(list(platforms))} names {platform} twice"
                raise InvalidValue(why, lambda key, at=index: config_rm(f"{key}[{at}]"))
        return platforms

    def on(self, architecture: str) -> Build:
        """A copy that knows the architecture (`amd64`) of the building engine, which is the default of `platforms`."""
        platforms = self.platforms or (PLATFORM.format(architecture),)
        build = self.model_copy(update={"platforms": platforms})
        build._builder = architecture
        return build

    @property
    def builder(self) -> str:
        """The architecture of the engine that builds."""
        return self._builder

    @property
    def architectures(self) -> Sequence[str]:
        """The architectures to build for, sorted: their order in the config must not matter."""
        return sorted(each.removeprefix(PLATFORM.format("")) for each in self.platforms)

    @property
    def is_upstream(self) -> bool:
        """Whether the repository is upstream's, ignoring the scheme, a final slash and a final `.git`."""
        return self.repository.removesuffix("/").removesuffix(".git").endswith(UPSTREAM.split("://")[1])

    @property
    def image_tag(self) -> str:
        """The tag of the built images. By default it changes with the sources and arguments, so that pods roll."""
        source = json.dumps([self.repository, self.commit, dict(self.args)], sort_keys=True)
        return self.tag or f"{self.ref.replace('/', '-')}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"

    def tag_of(self, architecture: str) -> str:
        """The tag of one architecture's image. It ends in the architecture, unless `tag` is set for just one."""
        own = self.tag if len(self.platforms) == 1 else ""
        return own or f"{self.image_tag}-{architecture}"


class Credentials(Model):
    """Login for a registry of images."""

    username: Text = Field(description="User name for the registry")
    password: SecretStr = Field(description="Password or token; set it with `pulumi config set --secret`")


class PodImages(Model):
    """Keys that built and published images share."""

    pull_secrets: Sequence[Name] = Field(
        (), description="imagePullSecrets of the pods; they must exist in every namespace used"
    )
    guard: ImageReference = Field("haproxy:3.2-alpine", description="Image of both guards (HAProxy 2.6 or later)")


class BuiltImages(PodImages):
    """ANP's images, built here from source."""

    when: ClassVar[str] = "images that are built (images.build)"
    about: ClassVar[str] = "they are built or published, not both"

    build: Build = Field(
        default_factory=lambda: Build.model_validate({}),
        description="Build ANP's images from source; this is the default without `server` and `agent`",
    )
    push: bool = Field(
        False,
        description="Push the built images to `registry`, and let the clusters pull them from there",
        validate_default=True,
    )
    registry: ImagePrefix = Field(
        "localhost/karmada-anp", description="Prefix of the built images' names", validate_default=True
    )
    credentials: Credentials | None = Field(None, description="Login with which to push to `registry`")

    @field_validator("push")
    @classmethod
    def _gives_each_cluster_its_platform(cls, push: bool, read: ValidationInfo) -> bool:
        build = read.data.get("build")
        if isinstance(build, Build) and len(build.platforms) > 1 and not push:
            why = (
                "it is false, but images.build.platforms are several, of which an engine gives a kind node but its own"
            )
            raise InvalidValue(why, set_to("true"))
        return push

    @field_validator("registry")
    @classmethod
    def _is_pulled_from(cls, registry: str, read: ValidationInfo) -> str:
        if read.data.get("push") and registry.startswith("localhost/"):
            why = f'"{registry}" is no registry that the clusters could pull from, though images.push is true'
            raise InvalidValue(why, set_to("REGISTRY/PREFIX"))
        return registry

    @field_validator("credentials")
    @classmethod
    def _push(cls, credentials: Credentials | None, read: ValidationInfo) -> Credentials | None:
        if credentials and read.data.get("push") is False:
            why = "it is given, but nothing is pushed (images.push); pods pull with images.pullSecrets"
            raise InvalidValue(why, lambda key: f"{config_rm(key)}, or {config_set('images.push', 'true')}")
        return credentials


class PublishedImages(PodImages):
    """ANP's images, published by somebody."""

    when: ClassVar[str] = "images that are published (images.server, images.agent)"
    about: ClassVar[str] = "nothing is built"

    server: ImageReference = Field(description="Published image of proxy-server, best by digest; needs `agent` too")
    agent: ImageReference = Field(description="Published image of proxy-agent, best by digest; needs `server` too")

    @field_validator("server")
    @classmethod
    def _has_the_flags(cls, server: str) -> str:
        _require_flags(server, PUBLISHED.search(server))
        return server


Images = BuiltImages | PublishedImages


def _require_flags(named: str, release: re.Match[str] | None, at: str = "") -> None:
    """Raises InvalidValue for a release that is known to be too old."""
    if release and int(release[1]) < FIRST_MINOR:
        why = f'"{named}" has a proxy-server without --backend-dial-timeout, which it would be started with'
        first = re.sub(r"v0\.\d+\..*", f"v0.{FIRST_MINOR}.0", named)
        raise InvalidValue(why, lambda key: f"{config_set(key, first)}, or a later one", at)


def variant_of_images(keys: Mapping[str, object]) -> type[Images]:
    """The variant that the section's keys ask for: published images if one is named, unless there is a `build` too."""
    return PublishedImages if {"server", "agent"} & set(keys) and "build" not in keys else BuiltImages
