"""Joins pushed images, one for each platform, into a manifest list in their registry, and prints its reference.

`docker manifest` talks to the registry itself: it needs neither buildx nor the engine. Credentials are in no argument
and no environment variable, but in a Docker config directory for this run alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
from base64 import b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, Field

from clusters.errors import Unavailable
from clusters.programs import output_of
from config.fields import host_of, is_loopback
from config.problems import pulumi_command

SECONDS = 120

DOCKER_HUB = "https://index.docker.io/v1/"
"""The key of docker.io in Docker's config."""


class ManifestListInput(BaseModel):
    """The list's name with its tag, its images by digest, and the login; without one, this user's own for Docker."""

    name: str
    images: Sequence[str]
    username: str = ""
    password: str = Field(default="", repr=False)

    @property
    def registry(self) -> str:
        """The registry's host and port."""
        return self.name.split("/", 1)[0]


def main() -> int:
    """0 with the list's reference by digest on stdout, 1 with the reason on stderr."""
    given = ManifestListInput.model_validate_json(sys.stdin.read())
    try:
        print(f"{given.name.rpartition(':')[0]}@{push_list(given)}")
    except Unavailable as reason:
        of = f"the manifest list {given.name}, of {' and '.join(given.images)}"
        print(
            f"karmada-anp:images.build.platforms: {of}, cannot be made: {reason}\n"
            "  `docker manifest` must reach the registry and be logged in (images.credentials or `docker login`): "
            f"see to that, then: {pulumi_command('up')}",
            file=sys.stderr,
        )
        return 1
    return 0


def push_list(given: ManifestListInput) -> str:
    """Pushes the list and returns its digest. Raises Unavailable."""
    # like the engine, which talks to a registry on loopback without TLS
    options = ["--insecure"] if is_loopback(host_of(f"//{given.name}")) else []
    with docker_config(given) as directory:
        docker = ["docker", f"--config={directory}", "manifest"]
        output_of([*docker, "create", *options, given.name, *given.images], SECONDS)
        printed = output_of([*docker, "push", *options, given.name], SECONDS)
    found = re.search(r"^sha256:[0-9a-f]{64}$", printed, re.MULTILINE)
    if not found:
        raise Unavailable("`docker manifest push` named no digest")
    return found[0]


@contextmanager
def docker_config(given: ManifestListInput) -> Generator[Path]:
    """A Docker config directory, without the manifest lists that an earlier run may have left in the user's own."""
    with TemporaryDirectory() as made:
        directory = Path(made)
        if given.username:
            key = DOCKER_HUB if given.registry == "docker.io" else given.registry
            login = b64encode(f"{given.username}:{given.password}".encode()).decode()
            file = directory / "config.json"
            file.touch(0o600)
            file.write_text(json.dumps({"auths": {key: {"auth": login}}}))
        else:
            own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
            for each in own.iterdir() if own.is_dir() else ():
                if each.name != "manifests":
                    (directory / each.name).symlink_to(each.absolute())
        yield directory


if __name__ == "__main__":
    sys.exit(main())
