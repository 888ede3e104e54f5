"""Loads an image from this machine's Docker engine into the nodes of a kind cluster.

It builds none: of one that has gone from the engine it says how it is built again, which only `pulumi up` can.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from pydantic import BaseModel

from clusters.errors import Unavailable
from clusters.programs import ask, ran
from config.problems import pulumi_command

SECONDS = 600
"""How long a command may take that moves an image."""

CONTAINERD_STORE = "io.containerd.snapshotter.v1"
"""What `docker info` says of an engine that keeps images in containerd's store."""


class KindLoadInput(BaseModel):
    """The image by its tag, the kind cluster, the platform of both (`linux/amd64`), and the URN of what builds it."""

    image: str
    cluster: str
    platform: str
    urn: str

    @property
    def again(self) -> str:
        """The command that builds the image again."""
        return pulumi_command(shlex.join(["up", "--replace", self.urn]))


def main() -> int:
    """0 once it is there, 1 with the reason and what mends it when it cannot be."""
    given = KindLoadInput.model_validate_json(sys.stdin.read())
    try:
        if not is_in_engine(given.image):
            why, mend = (
                "is not in this machine's Docker engine any more, or never was",
                f"build it again: {given.again}",
            )
        else:
            why, mend = load(given)
    except Unavailable as reason:
        why, mend = f"cannot be loaded: {reason}", f"mend that, then: {pulumi_command('up')}"
    if why:
        print(f"karmada-anp:images.build: {given.image}, for kind cluster {given.cluster}, {why}", file=sys.stderr)
        print(f"  {mend}", file=sys.stderr)
    return 1 if why else 0


def is_in_engine(image: str) -> bool:
    """Whether the engine has an image of that name. Raises Unavailable."""
    try:
        ask(["docker", "image", "inspect", "--format={{.Id}}", image])
    except Unavailable as reason:
        if "no such image" in str(reason).lower():
            return False
        raise
    return True


def load(given: KindLoadInput) -> tuple[str, str]:
    """Why the image could not be loaded, and what mends that; nothing when it was. Raises Unavailable.

    kind takes all platforms of what `docker save` gives it, and containerd's store may give it an index that names
    some which are not in the archive: https://github.com/kubernetes-sigs/kind/issues/3795.
    """
    why = why_not(["kind", "load", "docker-image", given.image, "--name", given.cluster])
    if not why:
        return "", ""
    if CONTAINERD_STORE not in ask(["docker", "info", "--format={{json .DriverStatus}}"]):
        return f"cannot be loaded: {why}", f"mend that, then: {pulumi_command('up')}"
    with TemporaryDirectory() as directory:
        archive = f"{directory}/image.tar"
        saved = why_not(["docker", "save", f"--platform={given.platform}", f"--output={archive}", given.image])
        why = saved or why_not(["kind", "load", "image-archive", archive, "--name", given.cluster])
    if not why:
        return "", ""
    mend = (
        "the engine keeps images in containerd's store, and saves one platform from Docker 28 on: update it, or turn "
        'the store off ({"features": {"containerd-snapshotter": false}} in its daemon.json) and restart it\n'
        f"  then build the image again: {given.again}"
    )
    return f"cannot be loaded: {why}", mend


def why_not(command: Sequence[str]) -> str:
    """The last lines of a command's errors, or nothing after one that went well. Raises Unavailable."""
    done = ran(command, SECONDS)
    # kind says what ran, and behind it what that said
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit {done.returncode}"]
    return " / ".join(said[-2:]) if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
