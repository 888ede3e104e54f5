"""Secrets with files for a pod, and the checksum annotation that rolls the pod when a file changes.

A Secret's data is encoded (base64) only here. Contents are never logged.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.core.v1 import Secret, SecretVolumeSourceArgsDict, VolumeArgsDict

from components.works import Makes, made

CHECKSUM_ANNOTATION = "karmada-anp/checksum"


@dataclass(frozen=True, kw_only=True)
class SecretFiles:
    """A Secret, its name, and a `checksum` over its files, SHA-256 as hex.

    A hash of random keys and credentials reveals nothing of them, so the checksum is not a secret Output.
    """

    secret: Resource
    name: Input[str]
    checksum: Output[str]


def secret_files(
    resource: str,
    secret: str,
    namespace: str,
    files: Mapping[str, Input[str]],
    opts: ResourceOptions,
    *,
    make: Makes = made,
    name_by_checksum: bool = False,
) -> SecretFiles:
    """Makes a Secret named `secret`, from the files' texts by file name. `resource` is its Pulumi name.

    With `name_by_checksum` the name ends in the checksum, so that other files make another Secret. That is for Works,
    which nobody waits for: a new pod mounts the Secret it was made for, or does not start.
    """
    contents: Output[dict[str, str]] = Output.secret(Output.all(**files))
    checksum = Output.unsecret(contents.apply(checksum_of))
    name = Output.concat(secret, "-", checksum.apply(lambda of: of[:8])) if name_by_checksum else secret
    there = make(
        Secret, resource, metadata={"name": name, "namespace": namespace}, data=contents.apply(_encoded), opts=opts
    )
    return SecretFiles(secret=there, name=name, checksum=checksum)


def volume(name: str, secret: Input[str], mode: int | None = None, files: Sequence[str] = ()) -> VolumeArgsDict:
    """A pod's volume of a Secret's files, or of `files` alone, with `mode` or Kubernetes' default (0644)."""
    source: SecretVolumeSourceArgsDict = {"secret_name": secret}
    if mode is not None:
        source["default_mode"] = mode
    if files:
        source["items"] = [{"key": file, "path": file} for file in files]
    return {"name": name, "secret": source}


def combined(checksums: Sequence[Output[str]]) -> Output[str]:
    """One checksum, SHA-256 as hex, over several."""
    return Output.all(*checksums).apply(lambda all_of_them: hashlib.sha256("".join(all_of_them).encode()).hexdigest())


def checksum_of(files: Mapping[str, str]) -> str:
    """SHA-256, as hex, over the files' names and contents, independent of their order."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file}\0{files[file]}\0".encode())
    return digest.hexdigest()


def _encoded(files: Mapping[str, str]) -> dict[str, str]:
    return {file: base64.b64encode(content.encode()).decode() for file, content in files.items()}
