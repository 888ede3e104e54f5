"""What this machine's Docker engine says, where images are built."""

from __future__ import annotations

from checks.preflight.facts import Facts
from clusters.errors import Unavailable
from clusters.programs import ask
from config.image_settings import BuiltImages, Images
from config.problems import Problem


def facts_of_engine(images: Images) -> Facts:
    """Whether it answers, if there is anything to build."""
    if not isinstance(images, BuiltImages):
        return Facts()
    try:
        ask(["docker", "version", "--format={{.Server.Version}}"])
    except Unavailable as reason:
        why = f"the Docker engine, which would build, does not answer: {reason}"
        mend = "start the Docker engine, or give published images: images.server and images.agent"
        return Facts([Problem("images.build", why, mend)])
    return Facts()
