"""Pulumi's mocks for this program: every resource is recorded, and answers as its provider would.

Given an earlier run's resources it behaves as a second `up`: what has the same inputs keeps its outputs, keys and
certificates among them. In a preview, what a provider would make is unknown. Unlike an engine it plans, deletes and
replaces nothing. A resource type or a function that it does not know is an error: its outputs would silently be none.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast
from uuid import NAMESPACE_URL, uuid5

from google.protobuf.empty_pb2 import Empty
from pulumi import ResourceOptions, ResourceTransform, ResourceTransformArgs, ResourceTransformResult
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto.alias_pb2 import Alias
from pulumi.runtime.proto.resource_pb2 import (
    RegisterResourceOutputsRequest,
    RegisterResourceRequest,
    RegisterResourceResponse,
)
from pulumi.runtime.rpc import deserialize_properties, serialize_properties

from clusters.objects import Json, entries, items, number, parse, text
from components.local_command import local_command
from tools.render.recorded import UNKNOWN, Recorded, decoded, marked_secret, plain

Properties = dict[str, Json]
Tls = Callable[[str, Properties], Properties]
"""What pulumi-tls would make of a resource, by its type and inputs."""

PEM_LABELS: Mapping[str, str] = {
    "tls:index/privateKey:PrivateKey": "EC PRIVATE KEY",
    "tls:index/certRequest:CertRequest": "CERTIFICATE REQUEST",
    "tls:index/selfSignedCert:SelfSignedCert": "CERTIFICATE",
    "tls:index/locallySignedCert:LocallySignedCert": "CERTIFICATE",
}
"""pulumi-tls's resources, and what the PEM is that they make."""

ENDS = "9999-12-31T00:00:00Z"
"""What is rendered for the end of a certificate that nobody has issued."""

LOAD_BALANCER, MANIFEST_LIST, REMEMBER = (
    local_command(each) for each in ("load_balancer", "manifest_list", "remember")
)
PLACEHOLDER = "load-balancer.example"
"""What is rendered for the address of a load balancer that nobody has asked for (RFC 2606)."""

NODE_PORT = 32767
"""What is rendered for a node port that the cluster would choose."""


class ProgramMocks(Mocks):
    """Answers for the providers, `tls` for pulumi-tls. `before` are an earlier run's resources."""

    def __init__(self, before: Iterable[Recorded], preview: bool, tls: Tls) -> None:
        self._before = {(each.type, each.name): each for each in before}
        self._tls = tls
        self.preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Json]]:
        inputs = plain(cast("Properties", args.inputs))  # pyright: ignore[reportUnknownMemberType]
        before = self._before.get((args.typ, args.name))
        identity = f"{args.name}-id" if args.custom else None
        if before and dict(before.inputs) == inputs:
            return identity, dict(before.outputs)
        if self.preview:
            return None, _yet_to_be_made(args.typ, inputs)
        return identity, {**inputs, **self._made(args, inputs, before)}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Json], list[tuple[str, str]] | None]:
        if args.token == "command:local:run":
            return {"stdout": "", "stderr": ""}, []
        raise ValueError(f"tools/render/mocks.py does not know the function {args.token}")

    def _made(self, args: MockResourceArgs, inputs: Properties, before: Recorded | None) -> Properties:
        if args.typ in PEM_LABELS:
            return self._tls(args.typ, inputs)
        if args.typ.startswith("kubernetes:"):
            return _in_cluster(f"{args.typ} {args.name}", inputs, before)
        if args.typ == "docker:index/image:Image":
            digest = _digest(inputs)
            repository = text(inputs, "imageName").rpartition(":")[0]
            # a local image's is its own id, a pushed one's the reference by which it is pulled
            return {"repoDigest": digest if inputs.get("skipPush") else f"{repository}@{digest}"}
        if args.typ == "command:local:Command":
            return {"stdout": _printed(inputs), "stderr": ""}
        if args.custom and not args.typ.startswith("pulumi:providers:"):
            raise ValueError(f"tools/render/mocks.py does not know the resource type {args.typ}")
        return {}


def placeholder(kind: str, inputs: Properties) -> Properties:
    """Instead of what pulumi-tls makes: nothing that is a key or a certificate, by whose PEM label one is told."""
    return {
        each: ENDS if each == "validityEndTime" else f"-----BEGIN {PEM_LABELS[kind]}-----\n" for each in COMPUTED[kind]
    }


def _printed(inputs: Properties) -> str:
    """What a Command prints by which another resource goes."""
    if text(inputs, "create") == LOAD_BALANCER:
        return PLACEHOLDER
    if text(inputs, "create") == REMEMBER:
        return json.dumps(entries(parse(text(inputs, "stdin")), "agents"))
    if text(inputs, "create") == MANIFEST_LIST:
        joined = entries(parse(text(inputs, "stdin")))
        return f"{text(joined, 'name').rpartition(':')[0]}@{_digest({'images': joined['images']})}"
    return ""


def _digest(of: Properties) -> str:
    """What stands for an image's digest: another one of other inputs."""
    return f"sha256:{hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()}"


def _in_cluster(name: str, inputs: Properties, before: Recorded | None) -> Properties:
    """What an API server adds: an identity that lasts, and a generation that counts the changes."""
    generation = number(before.outputs, "metadata", "generation") if before else 0
    uid = str(uuid5(NAMESPACE_URL, name))
    made: Properties = {"metadata": {**entries(inputs, "metadata"), "uid": uid, "generation": generation + 1}}
    if text(inputs, "kind") == "Service":
        ports = [{"nodePort": NODE_PORT, **entries(each)} for each in items(inputs, "spec", "ports")]
        made["spec"] = {**entries(inputs, "spec"), "ports": ports}
    return made


COMPUTED: Mapping[str, Sequence[str]] = {
    "tls:index/privateKey:PrivateKey": ["privateKeyPem"],
    "tls:index/certRequest:CertRequest": ["certRequestPem"],
    "tls:index/selfSignedCert:SelfSignedCert": ["certPem", "validityEndTime"],
    "tls:index/locallySignedCert:LocallySignedCert": ["certPem", "validityEndTime"],
    "docker:index/image:Image": ["repoDigest"],
    "command:local:Command": ["stdout", "stderr"],
}
"""What a provider makes of a resource beside its inputs."""


def _yet_to_be_made(kind: str, inputs: Properties) -> Properties:
    """What a preview does not know of a resource. Its other outputs are its inputs, which RecordingMonitor adds."""
    if not kind.startswith("kubernetes:"):
        return dict.fromkeys(COMPUTED.get(kind, []), UNKNOWN)
    made: Properties = {"metadata": {**entries(inputs, "metadata"), "uid": UNKNOWN, "generation": UNKNOWN}}
    if text(inputs, "kind") == "Service":
        ports = [{"nodePort": UNKNOWN, **entries(each)} for each in items(inputs, "spec", "ports")]
        made |= {"spec": {**entries(inputs, "spec"), "ports": ports}, "status": UNKNOWN}
    return made


def _answer_with_inputs(request: RegisterResourceRequest, response: RegisterResourceResponse) -> None:
    """Adds inputs to a preview's answer, as they went over the wire: a mock is told of no unknown.

    pulumi-kubernetes asks no API server of an object with something unknown in it: its outputs are its inputs alone,
    and its metadata has no uid.
    """
    if request.type.startswith("kubernetes:") and UNKNOWN in str(request.object):
        response.object.Clear()
    for key in set(request.object.fields) - set(response.object.fields):
        response.object.fields[key].CopyFrom(request.object.fields[key])


async def _transformed(request: RegisterResourceRequest, transform: ResourceTransform) -> None:
    """Changes what is asked for as a transform wants it; options that it changes are left as they are."""
    asked = ResourceTransformArgs(
        custom=request.custom,
        type_=request.type,
        name=request.name,
        props=deserialize_properties(request.object),
        opts=ResourceOptions(),
    )
    result = transform(asked)
    if isinstance(result, ResourceTransformResult):
        request.object.CopyFrom(await serialize_properties(result.props, {}))


class RecordingMonitor(MockMonitor):
    """Pulumi's mock monitor, which also keeps what it is told in `recorded`, by URN, and secret what is secret.

    The stack itself is among it; its outputs are the exports. Transforms, which Pulumi's own leaves out, are run.
    """

    def __init__(self, mocks: ProgramMocks) -> None:
        super().__init__(mocks)
        self._preview = mocks.preview
        self.recorded: dict[str, Recorded] = {}

    def RegisterResource(self, request: RegisterResourceRequest) -> RegisterResourceResponse:
        for transform in self.get_registered_transforms():
            # one that is no coroutine; a thread of Pulumi's asks for each resource
            asyncio.run(_transformed(request, transform))
        # pulumi gives its mock monitor no types
        response: RegisterResourceResponse = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        if response.urn in self.recorded:
            raise ValueError(f"two resources have the URN {response.urn}")
        if self._preview:
            _answer_with_inputs(request, response)
        inputs, secrets = decoded(request.object)
        marked_secret(response.object, {path[0] for path in secrets} | set(request.additionalSecretOutputs))
        outputs, secret_outputs = decoded(response.object)
        self.recorded[response.urn] = Recorded(
            urn=response.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            aliases=cast("Sequence[Alias]", tuple(request.aliases)),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            provider=request.provider.rpartition("::")[0].rpartition("::")[2],
            dependencies=frozenset(request.dependencies),
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            delete_before_replace=request.deleteBeforeReplace,
            timeouts={field.name: str(value) for field, value in request.customTimeouts.ListFields()},
            inputs=inputs,
            secrets=secrets,
            outputs=outputs,
            secret_outputs=secret_outputs,
        )
        return response

    def RegisterResourceOutputs(self, request: RegisterResourceOutputsRequest) -> Empty:
        recorded = self.recorded[request.urn]
        recorded.outputs, recorded.secret_outputs = decoded(request.outputs)
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType]
