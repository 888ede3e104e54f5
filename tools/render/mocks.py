"""Pulumi's mocks for this program: every resource is recorded, and gets outputs as its provider would give it.

Given an earlier run's resources, it behaves as a second `up`: a resource with the same inputs keeps its outputs, such
as keys and certificates. In a preview, the outputs that a provider would compute are unknown. Unlike an engine, it
plans, deletes and replaces nothing. An unknown resource type or function is an error: it would have no outputs.
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
"""A function that returns pulumi-tls's outputs for a resource, given its type and inputs."""

PEM_LABELS: Mapping[str, str] = {
    "tls:index/privateKey:PrivateKey": "EC PRIVATE KEY",
    "tls:index/certRequest:CertRequest": "CERTIFICATE REQUEST",
    "tls:index/selfSignedCert:SelfSignedCert": "CERTIFICATE",
    "tls:index/locallySignedCert:LocallySignedCert": "CERTIFICATE",
}
"""The label of the PEM that each of pulumi-tls's resources makes."""

ENDS = "9999-12-31T00:00:00Z"
"""Placeholder for the end of a certificate."""

LOAD_BALANCER, MANIFEST_LIST, REMEMBER = (
    local_command(each) for each in ("load_balancer", "manifest_list", "remember")
)
PLACEHOLDER = "load-balancer.example"
"""Placeholder for the address of a load balancer (RFC 2606)."""

NODE_PORT = 32767
"""Placeholder for a node port that the cluster would choose."""


class ProgramMocks(Mocks):
    """Answers in place of the providers; `tls` answers for pulumi-tls. `before` are an earlier run's resources."""

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
            # repoDigest of a local image is the image's id, that of a pushed one the reference to pull it by
            return {"repoDigest": digest if inputs.get("skipPush") else f"{repository}@{digest}"}
        if args.typ == "command:local:Command":
            return {"stdout": _printed(inputs), "stderr": ""}
        if args.custom and not args.typ.startswith("pulumi:providers:"):
            raise ValueError(f"tools/render/mocks.py does not know the resource type {args.typ}")
        return {}


def placeholder(kind: str, inputs: Properties) -> Properties:
    """Outputs in place of pulumi-tls's: PEM labels without keys or certificates, by which manifests.py names them."""
    return {
        each: ENDS if each == "validityEndTime" else f"-----BEGIN {PEM_LABELS[kind]}-----\n" for each in COMPUTED[kind]
    }


def _printed(inputs: Properties) -> str:
    """The stdout of a Command, if another resource reads it."""
    if text(inputs, "create") == LOAD_BALANCER:
        return PLACEHOLDER
    if text(inputs, "create") == REMEMBER:
        return json.dumps(entries(parse(text(inputs, "stdin")), "agents"))
    if text(inputs, "create") == MANIFEST_LIST:
        joined = entries(parse(text(inputs, "stdin")))
        return f"{text(joined, 'name').rpartition(':')[0]}@{_digest({'images': joined['images']})}"
    return ""


def _digest(of: Properties) -> str:
    """A placeholder for an image's digest, which changes with the inputs."""
    return f"sha256:{hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()}"


def _in_cluster(name: str, inputs: Properties, before: Recorded | None) -> Properties:
    """The fields that an API server adds: a lasting uid, a generation that counts changes, a Service's node ports."""
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
"""The outputs of a resource type that its provider computes."""


def _yet_to_be_made(kind: str, inputs: Properties) -> Properties:
    """A resource's outputs that are unknown in a preview. RecordingMonitor adds the others, which are its inputs."""
    if not kind.startswith("kubernetes:"):
        return dict.fromkeys(COMPUTED.get(kind, []), UNKNOWN)
    made: Properties = {"metadata": {**entries(inputs, "metadata"), "uid": UNKNOWN, "generation": UNKNOWN}}
    if text(inputs, "kind") == "Service":
        ports = [{"nodePort": UNKNOWN, **entries(each)} for each in items(inputs, "spec", "ports")]
        made |= {"spec": {**entries(inputs, "spec"), "ports": ports}, "status": UNKNOWN}
    return made


def _answer_with_inputs(request: RegisterResourceRequest, response: RegisterResourceResponse) -> None:
    """Adds the inputs to a preview's answer, from the wire: Pulumi does not pass unknown values to a mock.

    pulumi-kubernetes does not ask the API server about an object with an unknown value: its outputs are its inputs
    alone, and its metadata has no uid.
    """
    if request.type.startswith("kubernetes:") and UNKNOWN in str(request.object):
        response.object.Clear()
    for key in set(request.object.fields) - set(response.object.fields):
        response.object.fields[key].CopyFrom(request.object.fields[key])


async def _transformed(request: RegisterResourceRequest, transform: ResourceTransform) -> None:
    """Applies a transform's new properties to a request. Options that it changes are ignored."""
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
    """Pulumi's mock monitor, which also keeps every resource in `recorded`, by URN, and secret outputs secret.

    The stack is recorded too; its outputs are the exports. It runs transforms, which Pulumi's mock monitor does not.
    """

    def __init__(self, mocks: ProgramMocks) -> None:
        super().__init__(mocks)
        self._preview = mocks.preview
        self.recorded: dict[str, Recorded] = {}

    def RegisterResource(self, request: RegisterResourceRequest) -> RegisterResourceResponse:
        for transform in self.get_registered_transforms():
            # asyncio.run may be used, since Pulumi calls this method in a thread; a transform must not be a coroutine
            asyncio.run(_transformed(request, transform))
        # Pulumi's mock monitor has no types
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
