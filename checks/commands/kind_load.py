"""Loads an image from this machine's Docker engine into the nodes of a kind cluster.

It builds nothing: for an image that the engine no longer has, it prints the `pulumi up` that builds it again.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from pydantic import BaseModel

from clusters.errors import Unavailable
from clusters.programs import output_of, run_program
from config.problems import pulumi_command

SECONDS = 600
"""The timeout of a command that moves an image."""

CONTAINERD_STORE = "io.containerd.snapshotter.v1"
"""The driver in `docker info` of an engine that keeps images in containerd's store."""


class KindLoadInput(BaseModel):
    """The image's tag, the kind cluster, the platform of both (`linux/amd64`), and the URN of the image's resource."""

    image: str
    cluster: str
    platform: str
    urn: str

    @property
    def again(self) -> str:
        """The command that builds the image again."""
        return pulumi_command(shlex.join(["up", "--replace", self.urn]))


def main() -> int:
    """0 once the image is in the nodes, 1 with the reason and the remedy on stderr otherwise."""
    given = KindLoadInput.model_validate_json(sys.stdin.read())
    try:
        if not is_in_engine(given.image):
            why, remedy = (
                "is not in this machine's Docker engine any more, or never was",
                f"build it again: {given.again}",
            )
        else:
            why, remedy = load(given)
    except Unavailable as reason:
        why, remedy = f"cannot be loaded: {reason}", f"mend that, then: {pulumi_command('up')}"
    if why:
        print(f"karmada-anp:images.build: {given.image}, for kind cluster {given.cluster}, {why}", file=sys.stderr)
        print(f"  {remedy}", file=sys.stderr)
    return 1 if why else 0


def is_in_engine(image: str) -> bool:
    """Whether the engine has the image. Raises Unavailable if the engine does not answer."""
    try:
        output_of(["docker", "image", "inspect", "--format={{.Id}}", image])
    except Unavailable as reason:
        if "no such image" in str(reason).lower():
            return False
        raise
    return True


def load(given: KindLoadInput) -> tuple[str, str]:
    """Loads the image. Returns why it could not, and the remedy; empty texts on success. Raises Unavailable.

    kind imports all platforms of the archive of `docker save`; with containerd's store its index may name some that are
    not in the archive: https://github.com/kubernetes-sigs/kind/issues/3795.
    """
    why = failure_of(["kind", "load", "docker-image", given.image, "--name", given.cluster])
    if not why:
        return "", ""
    if CONTAINERD_STORE not in output_of(["docker", "info", "--format={{json .DriverStatus}}"]):
        return f"cannot be loaded: {why}", f"mend that, then: {pulumi_command('up')}"
    with TemporaryDirectory() as directory:
        archive = f"{directory}/image.tar"
        saved = failure_of(["docker", "save", f"--platform={given.platform}", f"--output={archive}", given.image])
        why = saved or failure_of(["kind", "load", "image-archive", archive, "--name", given.cluster])
    if not why:
        return "", ""
    remedy = (
        "the engine keeps images in containerd's store, and saves one platform from Docker 28 on: update it, or turn "
        'the store off ({"features": {"containerd-snapshotter": false}} in its daemon.json) and restart it\n'
        f"  then build the image again: {given.again}"
    )
    return f"cannot be loaded: {why}", remedy


def failure_of(command: Sequence[str]) -> str:
    """The last two lines of a command's stderr if it fails, else an empty text. Raises Unavailable."""
    done = run_program(command, SECONDS)
    # kind prints the command that failed, and then its output
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit {done.returncode}"]
    return " / ".join(said[-2:]) if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
