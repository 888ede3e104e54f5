"""Facts of this machine's Docker engine, if images are built."""

from __future__ import annotations

from checks.preflight.facts import Facts
from clusters.errors import Unavailable
from clusters.programs import output_of
from config.image_settings import BuiltImages, Images
from config.problems import Problem


def facts_of_engine(images: Images) -> Facts:
    """A problem if images are built and the engine does not answer."""
    if not isinstance(images, BuiltImages):
        return Facts()
    try:
        output_of(["docker", "version", "--format={{.Server.Version}}"])
    except Unavailable as reason:
        why = f"the Docker engine, which would build, does not answer: {reason}"
        remedy = "start the Docker engine, or give published images: images.server and images.agent"
        return Facts([Problem("images.build", why, remedy)])
    return Facts()
