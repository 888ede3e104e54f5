"""The Kubernetes objects of a run as files, `CLUSTER/KIND-NAME.yaml`, without secrets. They are not for applying.

What the engine holds to be secret is redacted wherever it is, and so is all data of a Secret, except the member guard's
configuration, which is not secret and is shown as text. What depends on the placeholder keys is left out too, so that
two renderings of one config are the same.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import yaml

from clusters.objects import Json, entries, text
from components import anp, haproxy
from components.secret_files import CHECKSUM_ANNOTATION
from tools.render.program import Run
from tools.render.recorded import Path as Keys
from tools.render.recorded import Recorded, within

CLUSTERS = ("host", "karmada", "member-*")
"""The directories of a rendering: the names of the Kubernetes providers (components/providers.py)."""

CERTIFICATE_END = re.compile(r"vector\(\d+\)")
"""The end of a placeholder certificate, in an alert's expression."""

SHOWN = (anp.AGENT_CERT_SECRET, haproxy.CONFIGURATION)
"""The Secret, and the file in it, with the member guard's configuration."""

PEM_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
FIRST = ("apiVersion", "kind", "metadata", "name")


def manifests(run: Run) -> dict[PurePath, Json]:
    """The manifest of each Kubernetes object or patch, by the path of its file."""
    found = [each for each in run.resources.values() if each.is_kubernetes]
    return {_path(each): manifest(each) for each in sorted(found, key=lambda each: (each.provider, each.label))}


def manifest(resource: Recorded) -> Json:
    """A resource's inputs as a manifest, redacted. A patch's has only the fields that it owns."""
    if text(resource.inputs, "kind") != "Secret":
        return _redacted(resource.inputs, (), resource.secrets)
    redacted = _redacted(resource.inputs, (), resource.secrets | {("data",), ("stringData",)})
    secret, file = SHOWN
    shown = text(resource.inputs, "data", file)
    if text(resource.inputs, "metadata", "name") != secret or not shown:
        return redacted
    return {**entries(redacted), "data": {**entries(redacted, "data"), file: base64.b64decode(shown).decode()}}


def write(run: Run, into: Path) -> list[Path]:
    """Writes all manifests below a directory, deletes those of an earlier rendering, and returns the files."""
    for earlier in [file for cluster in CLUSTERS for file in into.glob(f"{cluster}/*-*.yaml")]:
        earlier.unlink()
        if not any(earlier.parent.iterdir()):
            earlier.parent.rmdir()
    files: list[Path] = []
    for path, content in manifests(run).items():
        file = into / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_yaml(content))
        files.append(file)
    return files


def as_yaml(content: Json) -> str:
    """YAML in a fixed order of keys: `apiVersion`, `kind`, `metadata` and `name` first, the rest sorted."""
    dumped: str = yaml.safe_dump(_ordered(content), sort_keys=False, width=120)
    return dumped


def holds(written: str, address: str) -> bool:
    """Whether a text contains an IP address, and not just as a part of a longer one."""
    return re.search(rf"(?<![0-9.]){re.escape(address)}(?![0-9])", written) is not None


def _path(resource: Recorded) -> PurePath:
    name = re.sub(r"[^A-Za-z0-9.-]", "-", resource.label)
    return PurePath(resource.provider or "no-explicit-provider", f"{name}.yaml")


def _redacted(value: Json, path: Keys, secrets: frozenset[Keys]) -> Json:
    if isinstance(value, Mapping):
        return {key: _redacted(each, (*path, key), secrets) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_redacted(each, (*path, str(i)), secrets) for i, each in enumerate(value)]
    if path[-1:] == (CHECKSUM_ANNOTATION,):
        return "<checksum>"
    if path[-1:] == ("expr",):
        return CERTIFICATE_END.sub("vector(<end>)", str(value))
    return _withheld(str(value), path[0]) if within(path, secrets) else value


def _withheld(value: str, key: str) -> str:
    """A text in place of a secret value: the labels of its PEM blocks, or its size in bytes."""
    content = base64.b64decode(value) if key == "data" else value.encode()
    blocks = PEM_LABEL.findall(content.decode(errors="replace"))
    return f"<redacted: {', '.join(blocks) or f'{len(content)} bytes'}>"


def _ordered(value: Json) -> Json:
    if isinstance(value, Mapping):
        keys = [*(key for key in FIRST if key in value), *sorted(set(value) - set(FIRST))]
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_ordered(each) for each in value]
    return value
