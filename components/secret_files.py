"""Files for a pod, as a Kubernetes Secret, and the checksum by which the pod notices a change.

The one place that knows base64. It neither reads nor logs what it is given.
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
    """A Secret of some name with one key a file; `checksum` says whether any of them changed.

    The checksum is SHA-256 as hex. Over random keys and credentials it tells nothing of them, so it is a plain Output.
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
    a_name_each: bool = False,
) -> SecretFiles:
    """The Secret named `secret` with these files, text by name.

    With `a_name_each` other files make another Secret, for where nobody can wait until it is there: a new pod begins
    with its own or not at all.
    """
    contents: Output[dict[str, str]] = Output.secret(Output.all(**files))
    checksum = Output.unsecret(contents.apply(checksum_of))
    name = Output.concat(secret, "-", checksum.apply(lambda of: of[:8])) if a_name_each else secret
    there = make(
        Secret, resource, metadata={"name": name, "namespace": namespace}, data=contents.apply(_encoded), opts=opts
    )
    return SecretFiles(secret=there, name=name, checksum=checksum)


def volume(name: str, secret: Input[str], mode: int | None = None, files: Sequence[str] = ()) -> VolumeArgsDict:
    """A pod's volume of a Secret's files, all or some, with Kubernetes' own mode (0644) or another."""
    source: SecretVolumeSourceArgsDict = {"secret_name": secret}
    if mode is not None:
        source["default_mode"] = mode
    if files:
        source["items"] = [{"key": file, "path": file} for file in files]
    return {"name": name, "secret": source}


def combined(checksums: Sequence[Output[str]]) -> Output[str]:
    """One checksum over several."""
    return Output.all(*checksums).apply(lambda all_of_them: hashlib.sha256("".join(all_of_them).encode()).hexdigest())


def checksum_of(files: Mapping[str, str]) -> str:
    """SHA-256 over the files' names and contents, whatever their order."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file}\0{files[file]}\0".encode())
    return digest.hexdigest()


def _encoded(files: Mapping[str, str]) -> dict[str, str]:
    return {file: base64.b64encode(content.encode()).decode() for file, content in files.items()}
