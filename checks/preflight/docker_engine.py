"""What this machine's Docker engine says, where images are built."""

from __future__ import annotations

from checks.preflight.told import Told
from clusters.workstation import Unavailable, ask
from config.image_settings import BuiltImages, Images
from config.problems import Problem


def tell(images: Images) -> Told:
    """Whether it answers, if there is anything to build."""
    if not isinstance(images, BuiltImages):
        return Told()
    try:
        ask(["docker", "version", "--format={{.Server.Version}}"])
    except Unavailable as reason:
        mend = "start the Docker engine, or give published images: images.server and images.agent"
        return Told([Problem("images.build", f"the Docker engine, which would build, does not answer: {reason}", mend)])
    return Told()
