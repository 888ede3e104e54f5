"""What this machine's Docker engine says, where images are built."""

from __future__ import annotations

from checks.preflight.told import Told
from clusters.workstation import Unavailable, ask
from config.problems import Problem
from config.settings import Images


def tell(images: Images) -> Told:
    """Whether it answers, if there is anything to build."""
    if not images.build:
        return Told()
    try:
        ask(["docker", "version", "--format={{.Server.Version}}"])
    except Unavailable as reason:
        mend = "start the Docker engine, or give published images: images.server and images.agent"
        return Told([Problem("images.build", f"the Docker engine, which would build, does not answer: {reason}", mend)])
    return Told()
