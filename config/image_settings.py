"""The section `images`: ANP's, which are either built or published, and the guards'."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from config.fields import Commit, ImagePrefix, ImageReference, ImageTag, Model, Name, Text
from config.problems import Wrong, config_rm, config_set, set_to

UPSTREAM = "https://github.com/kubernetes-sigs/apiserver-network-proxy"


class Build(Model):
    """Sources of ANP, pinned. Without keys: upstream's current release."""

    repository: Text = Field(UPSTREAM, description="git repository of the sources")
    ref: Text = Field("v0.36.0", description="Tag or branch that is fetched")
    commit: Commit = Field("e8432610cab5a696fcbdb37969ac1aacb8bcf7f8", description="Commit that the ref must be")
    args: Mapping[str, str] = Field(
        {"GO_TOOLCHAIN": "golang", "GO_VERSION": "1.26", "BASEIMAGE": "scratch"},
        description="Build arguments of its Dockerfiles, beside the architecture",
    )
    tag: ImageTag = Field("", description="Tag of the built images; without, one that names ref, commit and args")

    @model_validator(mode="after")
    def _is_pinned(self) -> Build:
        missing = sorted({"ref", "commit"} - self.model_fields_set)
        if missing and self.model_fields_set & {"ref", "commit", "repository"}:
            raise Wrong(
                "it is missing: sources are pinned by ref and commit together", set_to(missing[0].upper()), missing[0]
            )
        return self

    @property
    def is_upstream(self) -> bool:
        """Whether the sources are upstream's, however that is spelt."""
        return self.repository.removesuffix("/").removesuffix(".git").endswith(UPSTREAM.split("://")[1])

    @property
    def image_tag(self) -> str:
        """The tag of the built images: another source or argument is another tag, so that pods roll."""
        source = json.dumps([self.repository, self.commit, dict(self.args)], sort_keys=True)
        return self.tag or f"{self.ref.replace('/', '-')}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"


class Credentials(Model):
    """What a registry of images asks for."""

    username: Text = Field(description="User of the registry")
    password: SecretStr = Field(description="Password or token, as a secret: `pulumi config set --secret`")


class PodImages(Model):
    """What pods need of either."""

    pull_secrets: Sequence[Name] = Field((), description="Secrets with which pods pull, there in every namespace used")
    guard: ImageReference = Field("haproxy:3.2-alpine", description="Image of both guards (HAProxy 2.6 or later)")


class BuiltImages(PodImages):
    """ANP's images, built here from source."""

    when: ClassVar[str] = "images that are built (images.build)"
    about: ClassVar[str] = "they are built or published, not both"

    build: Build = Field(
        default_factory=lambda: Build.model_validate({}),
        description="Build ANP's images from source, as it is done without `server` and `agent`",
    )
    push: bool = Field(False, description="Push the built images to `registry`, from where the clusters pull them")
    registry: ImagePrefix = Field(
        "localhost/karmada-anp", description="Prefix of the built images' names", validate_default=True
    )
    credentials: Credentials | None = Field(None, description="With which built images are pushed to `registry`")

    @field_validator("registry")
    @classmethod
    def _is_pulled_from(cls, registry: str, read: ValidationInfo) -> str:
        if read.data.get("push") and registry.startswith("localhost/"):
            why = f'"{registry}" is no registry that the clusters could pull from, though images.push is true'
            raise Wrong(why, set_to("REGISTRY/PREFIX"))
        return registry

    @field_validator("credentials")
    @classmethod
    def _push(cls, credentials: Credentials | None, read: ValidationInfo) -> Credentials | None:
        if credentials and read.data.get("push") is False:
            why = "it is given, but nothing is pushed (images.push); pods pull with images.pullSecrets"
            raise Wrong(why, lambda key: f"{config_rm(key)}, or {config_set('images.push', 'true')}")
        return credentials


class PublishedImages(PodImages):
    """ANP's images, which somebody has published."""

    when: ClassVar[str] = "images that are published (images.server, images.agent)"
    about: ClassVar[str] = "nothing is built"

    server: ImageReference = Field(description="Published image of proxy-server, best with its digest; with `agent`")
    agent: ImageReference = Field(description="Published image of proxy-agent, best with its digest; with `server`")


Images = BuiltImages | PublishedImages


def variant_of_images(keys: Mapping[str, object]) -> type[Images]:
    """Published ones where one is named, unless there is a build."""
    return PublishedImages if {"server", "agent"} & set(keys) and "build" not in keys else BuiltImages
