"""Where a private key or a credential may be: in a Secret, and on the Cluster object that Karmada reads it from."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from policy.resources import Path, Resource, texts

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
CREDENTIAL = re.compile(r"\b(Basic|Bearer) +[A-Za-z0-9+/_.~=-]{16,}")
HEADERS = {"authorization", "proxy-authorization"}
ENCODED = re.compile(r"[A-Za-z0-9+/]{40,}")
"""What may be base64, alone or in a longer text, as a kubeconfig's `client-key-data`."""

SECRETS = {"kubernetes:core/v1:Secret", "kubernetes:core/v1:SecretPatch"}
CLUSTER = re.compile(r"kubernetes:cluster\.karmada\.io/v1alpha1:Cluster(Patch)?")


def no_key_outside_a_secret(resource: Resource) -> Iterator[str]:
    """Objects, what commands are given, build arguments: anything but what makes keys, whose outputs are secret."""
    if resource.type.startswith("tls:"):
        return
    for path, value in texts(resource.properties):
        found = _found(path, value)
        where = ".".join(path)
        if found and _is_header(resource, path):
            if path[0] not in resource.secret_outputs:
                yield f'{resource} has {found} in {where}: additional_secret_outputs must name "{path[0]}"'
        elif found and not _is_file(resource, path):
            yield f"{resource} has {found} in {where}: hand it over as a file of a Secret (components/secret_files.py)"


def _is_file(resource: Resource, path: Path) -> bool:
    return resource.type in SECRETS and path[0] in ("data", "stringData")


def _is_header(resource: Resource, path: Path) -> bool:
    """Whether it is where Karmada reads the credential from."""
    return CLUSTER.fullmatch(resource.type) is not None and path[:2] == ("spec", "proxyHeader")


def _found(path: Path, value: str) -> str:
    """What there is that should be secret, or nothing."""
    if path[-1].lower() in HEADERS:
        return "a credential"
    for each in (value, *_decoded(value)):
        if PRIVATE_KEY.search(each):
            return "a private key"
        if CREDENTIAL.search(each):
            return "a credential"
    return ""


def _decoded(value: str) -> Iterator[str]:
    for each in ENCODED.findall(value):
        try:
            yield base64.b64decode(each + "=" * (-len(each) % 4)).decode(errors="replace")
        except binascii.Error:
            continue
