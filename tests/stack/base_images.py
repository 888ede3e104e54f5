"""A base image of two platforms in a registry, made without a builder: an archive, loaded, pushed and joined."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping

from checks.commands.manifest_list import ManifestListInput, docker_config, push_list
from clusters.objects import items, parse, text
from clusters.programs import output_of
from tests.stack.registry import PASSWORD, USER, Registry

ARCHITECTURES = ("amd64", "arm64")


def push_base(registry: Registry) -> str:
    """The name of the base image, which the registry has afterwards and the engine has not. Raises Unavailable.

    Its registry is named by loopback: Docker's BuildKit does not trust a CA that the engine, as it runs, is told of.
    """
    name = f"{registry.loopback}/karmada-anp/base:both"
    images = {each: f"{name}-{each}" for each in ARCHITECTURES}
    for architecture, image in images.items():
        subprocess.run(["docker", "load", "--quiet"], input=archive(image, architecture), check=True)
        output_of(["docker", "push", "--quiet", image], 60)
        output_of(["docker", "image", "rm", image], 60)
    push_list(ManifestListInput(name=name, images=[*images.values()]))
    return name


def architectures(registry: Registry, image: str) -> list[str]:
    """Those of a manifest list, by its reference. Raises Unavailable."""
    given = ManifestListInput(name=f"{registry.host}/x:1", images=[], username=USER, password=PASSWORD)
    with docker_config(given) as directory:
        printed = output_of(["docker", f"--config={directory}", "manifest", "inspect", image], 60)
    return sorted(text(each, "platform", "architecture") for each in items(parse(printed), "manifests"))


def archive(name: str, architecture: str) -> bytes:
    """An image as `docker load` takes it, with one layer of one file."""
    layer = tar({"platform": architecture.encode()})
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "karmada-anp's tests"}],
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return tar(
        {
            "config.json": json.dumps(config).encode(),
            "layer.tar": layer,
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


def tar(files: Mapping[str, bytes]) -> bytes:
    """Files in a tar archive."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as into:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            into.addfile(entry, io.BytesIO(content))
    return made.getvalue()
