"""What the program promises of every stack (docs/security.md), over what `make render` shows of it.

A promise is a function: the resources of a run that break it. Each has a resource here that it finds.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import pytest

from clusters.objects import Json, at, entries, items, number
from tests.pod_security import violations
from tests.unit.reading import altered, of_kind, pods
from tools.render.program import Run
from tools.render.recorded import Path, Recorded, leaves

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIHn3\n-----END EC PRIVATE KEY-----\n"
CREDENTIAL = "Basic a2FybWFkYTpub3QtYS1yZWFsLW9uZQ=="

SECRET = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|\b(Basic|Bearer) +[A-Za-z0-9+/_.~=-]{16,}")
HEADERS = {"authorization", "proxy-authorization"}
RENDERED = ("Secret-proxy-agent-cert", "haproxy.cfg")
"""The one file of a Secret that a rendering shows: the member guard's configuration."""

ENCODED = re.compile(r"[A-Za-z0-9+/]{40,}")
"""What may be base64, alone or in a longer text, as a kubeconfig's `client-key-data`."""

SERVES, IS_A_CLIENT = {"digital_signature", "server_auth"}, {"digital_signature", "client_auth"}
SIGNS = {"digital_signature", "cert_signing", "crl_signing"}
"""What a certificate may be used for, said here again: what the program says is what is judged."""

LONGEST_LIFE = 397 * 24
"""Hours of a leaf certificate: a year and a month, as browsers ask of public ones. Nobody can take one back here."""


@pytest.fixture(scope="session", params=["dev", "fork", "pushed", "node_port", "load_balancer", "prod"])
def promised(request: pytest.FixtureRequest) -> Run:
    """A stack of each kind and of each exposure."""
    run: Run = request.getfixturevalue(request.param)
    return run


def exposed(run: Run) -> list[str]:
    """What has a key or a credential elsewhere than in a Secret's data, or in what a rendering shows of that; on a
    Cluster object it must be secret.

    Inputs and commands alike, but for what makes keys and certificates.
    """
    found = [each for each in run.resources.values() if not each.type.startswith("tls:")]
    return [each.name for each in found if any(_is_exposed(each, *leaf) for leaf in leaves(each.inputs))]


def _is_exposed(resource: Recorded, path: Path, value: Json) -> bool:
    if not isinstance(value, str) or not (path[-1].lower() in HEADERS or any(map(SECRET.search, _read(value)))):
        return False
    if resource.type.endswith(":ClusterPatch") and path[:2] == ("spec", "proxyHeader"):
        return path not in resource.secrets or (path[0],) not in resource.secret_outputs
    return resource.type != "kubernetes:core/v1:Secret" or path[0] != "data" or (resource.label, path[-1]) == RENDERED


def _read(value: str) -> Iterator[str]:
    """A text as it is, and what is in it in base64."""
    yield value
    for each in ENCODED.findall(value):
        try:
            yield base64.b64decode(each + "=" * (-len(each) % 4)).decode(errors="replace")
        except binascii.Error:
            continue


def anywhere(run: Run) -> list[str]:
    """Objects without a provider of ours: they would go to the context of the moment."""
    return [each.name for each in run.resources.values() if each.is_kubernetes and not each.provider]


def bare(run: Run) -> list[str]:
    """Deployments with a container that lacks requests, a limit of memory or a probe, or that has a limit of CPU, which
    would slow a tunnel down."""
    probes = {"containers": ("livenessProbe", "readinessProbe"), "initContainers": ()}
    return [
        name
        for name, pod in pods(run).items()
        for kind, wanted in probes.items()
        for each in items(pod, "spec", kind)
        if not all(at(each, probe) for probe in wanted)
        or set(entries(each, "resources", "requests")) != {"cpu", "memory"}
        or set(entries(each, "resources", "limits")) != {"memory"}
    ]


def unrestricted(run: Run) -> list[str]:
    """Deployments whose pods are not `restricted`; without a Service the server may be on the host's network."""
    return [name for name, pod in pods(run).items() if violations(_as_if_off_the_host_network(run, name, pod))]


def _as_if_off_the_host_network(run: Run, name: str, pod: Json) -> Json:
    allowed = name == "proxy-server" and not of_kind(run, "Service")
    return altered(pod, "spec/hostNetwork", False) if allowed else pod


def of_many_uses(run: Run) -> list[str]:
    """Certificates that may be used for more than one thing, or for anything."""
    signing = [(each, [SIGNS]) for each in authorities(run)]
    others = [(each, [SERVES, IS_A_CLIENT]) for each in leaf_certificates(run)]
    return [
        each.name
        for each, uses in [*signing, *others]
        if set(items(each.inputs, "allowedUses")) not in uses
        or bool(at(each.inputs, "isCaCertificate")) != (uses == [SIGNS])
    ]


def unrenewed(run: Run) -> list[str]:
    """Certificates that no `up` renews, or every one, and leaves that live for too long."""
    found = [*authorities(run), *leaf_certificates(run)]
    long = [each.name for each in leaf_certificates(run) if life(each) > LONGEST_LIFE]
    return [*long, *(each.name for each in found if not 0 < renewal(each) < life(each))]


def outliving(run: Run) -> list[str]:
    """Leaves that could outlive the CA that signs them: it is renewed later than a leaf's life before its own end."""
    return [
        leaf.name
        for leaf in leaf_certificates(run)
        for ca in authorities(run)
        if ca.urn in leaf.dependencies and renewal(ca) < life(leaf)
    ]


def of_other_kinds(run: Run) -> list[str]:
    """Keys that are not ECDSA P-256."""
    keys = of_kind(run, "PrivateKey").values()
    return [each.name for each in keys if (each.inputs["algorithm"], each.inputs["ecdsaCurve"]) != ("ECDSA", "P256")]


def unprotected(run: Run) -> list[str]:
    """CAs' keys that can be deleted."""
    keys = of_kind(run, "PrivateKey").values()
    return [each.name for each in keys if "CertificateAuthority::" in each.parent and not each.protect]


def authorities(run: Run) -> Sequence[Recorded]:
    return list(of_kind(run, "SelfSignedCert").values())


def leaf_certificates(run: Run) -> Sequence[Recorded]:
    return list(of_kind(run, "LocallySignedCert").values())


def life(certificate: Recorded) -> int:
    return number(certificate.inputs, "validityPeriodHours")


def renewal(certificate: Recorded) -> int:
    return number(certificate.inputs, "earlyRenewalHours")


# the promises


def test_no_key_and_no_credential_is_anywhere_but_in_the_data_of_a_secret(promised: Run) -> None:
    assert any(SECRET.search(each) for secret in of_kind(promised, "Secret").values() for each in read_data(secret))
    assert exposed(promised) == []


def read_data(secret: Recorded) -> Iterator[str]:
    return (read for file in entries(secret.inputs, "data").values() for read in _read(str(file)))


def test_every_object_goes_to_a_cluster_that_its_own_provider_names(promised: Run) -> None:
    assert anywhere(promised) == []


def test_every_container_has_requests_a_limit_of_memory_and_both_probes(guarded_stack: Run) -> None:
    assert bare(guarded_stack) == []


def test_every_pod_is_restricted_but_for_the_hosts_network(guarded_stack: Run) -> None:
    assert unrestricted(guarded_stack) == []


def test_the_documented_pods_are_neither_as_they_are_documented(fork: Run) -> None:
    assert set(bare(fork)) == set(unrestricted(fork)) == set(pods(fork))


def test_a_certificate_serves_or_is_a_client_or_signs_and_nothing_beside_it(promised: Run) -> None:
    assert (len(authorities(promised)), len(leaf_certificates(promised))) >= (1, 2)
    assert of_many_uses(promised) == []


def test_every_certificate_is_renewed_before_its_end_and_no_leaf_lives_above_397_days(promised: Run) -> None:
    assert unrenewed(promised) == []


def test_no_leaf_outlives_its_ca(promised: Run) -> None:
    assert all({ca.urn for ca in authorities(promised)} & leaf.dependencies for leaf in leaf_certificates(promised))
    assert outliving(promised) == []


def test_every_key_is_ecdsa_p256(promised: Run) -> None:
    assert of_other_kinds(promised) == []


def test_prods_ca_keys_cannot_be_deleted_and_those_of_a_throw_away_stack_can(prod: Run, dev: Run) -> None:
    assert unprotected(prod) == []
    assert {each.type for each in prod.resources.values() if each.protect} == {"tls:index/privateKey:PrivateKey"}
    assert unprotected(dev) == ["agent-ca-1"]


# and what breaks them


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


class Broken(NamedTuple):
    """The promise that a resource breaks with other inputs, by their paths, or other fields of a Recorded."""

    promise: Callable[[Run], list[str]]
    kind: str
    name: str
    inputs: Mapping[str, Json] = {}
    fields: Mapping[str, Any] = {}


SERVER, AGENT, CHECK = "proxy-server", "edge-berlin-proxy-agent", "edge-berlin-check"
AGENT_CERT = "edge-berlin-proxy-agent-cert"
HEADER = "edge-berlin-registration-header"
FIRST, GUARD = "spec/template/spec/containers/0", "spec/template/spec/containers/1"
HOST_NETWORK, AS_ROOT = "spec/template/spec/hostNetwork", "spec/template/spec/securityContext/runAsUser"
ANNOTATION = "metadata/annotations/key"

BROKEN: Mapping[str, Broken] = {
    "a key in an annotation": Broken(exposed, "Service", "proxy-server-agents", {ANNOTATION: KEY}),
    "an encoded key": Broken(exposed, "Deployment", SERVER, {ANNOTATION: encoded(KEY)}),
    "a key on a Secret but not in its data": Broken(exposed, "Secret", "proxy-guard", {ANNOTATION: KEY}),
    "a credential in a member guard's configuration": Broken(
        exposed,
        "Secret",
        AGENT_CERT,
        {"data/haproxy.cfg": encoded(f"http-request set-header Authorization '{CREDENTIAL}'")},
    ),
    "a key in what a command reads": Broken(exposed, "Command", CHECK, {"stdin": json.dumps({"key": KEY})}),
    "a key that triggers a command": Broken(exposed, "Command", CHECK, {"triggers/0": KEY}),
    "a credential in a command": Broken(exposed, "Command", CHECK, {"create": f"curl -H '{CREDENTIAL}'"}),
    "a credential in its environment": Broken(exposed, "Command", CHECK, {"environment/HEADER": CREDENTIAL}),
    "a header that is sent in clear": Broken(exposed, "ClusterPatch", HEADER, {}, {"secrets": frozenset[Path]()}),
    "a header that is kept in clear": Broken(
        exposed, "ClusterPatch", HEADER, {}, {"secret_outputs": frozenset[Path]()}
    ),
    "an object on no provider": Broken(anywhere, "Secret", "proxy-guard", {}, {"provider": ""}),
    "a container without a limit": Broken(bare, "Deployment", SERVER, {f"{FIRST}/resources/limits": None}),
    "a container without readiness": Broken(bare, "Deployment", AGENT, {f"{FIRST}/readinessProbe": None}),
    "a guard without a limit": Broken(bare, "Deployment", AGENT, {f"{GUARD}/resources/limits": None}),
    "a guard without liveness": Broken(bare, "Deployment", AGENT, {f"{GUARD}/livenessProbe": None}),
    "a guard of root": Broken(unrestricted, "Deployment", AGENT, {f"{GUARD}/securityContext/runAsUser": 0}),
    "a pod of root": Broken(unrestricted, "Deployment", AGENT, {AS_ROOT: 0}),
    "a pod on the host's network though it has a Service": Broken(
        unrestricted, "Deployment", SERVER, {HOST_NETWORK: True}
    ),
    "a leaf that is a CA's": Broken(of_many_uses, "LocallySignedCert", "agent-server", {"isCaCertificate": True}),
    "a leaf for anything": Broken(of_many_uses, "LocallySignedCert", "agent-server", {"allowedUses": []}),
    "a CA that serves": Broken(
        of_many_uses, "SelfSignedCert", "agent-ca-1", {"allowedUses": [*sorted(SIGNS), "server_auth"]}
    ),
    "a leaf that nothing renews": Broken(unrenewed, "LocallySignedCert", "agent-server", {"earlyRenewalHours": 0}),
    "a leaf of 400 days": Broken(unrenewed, "LocallySignedCert", "agent-server", {"validityPeriodHours": 9_600}),
    "a key on another curve": Broken(of_other_kinds, "PrivateKey", "agent-server", {"ecdsaCurve": "P521"}),
    "a CA's key that may go": Broken(unprotected, "PrivateKey", "agent-ca-1", {}, {"protect": False}),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_what_breaks_a_promise_is_found(prod: Run, case: Broken) -> None:
    assert case.promise(prod) == []
    assert case.promise(broken(prod, case)) == [case.name]


def test_a_ca_that_is_renewed_too_late_is_found_by_what_it_signs(prod: Run) -> None:
    late = Broken(outliving, "SelfSignedCert", "agent-ca-1", {"earlyRenewalHours": 8_759})
    assert set(outliving(broken(prod, late))) == {"agent-server", "edge-berlin-agent", "edge-lisbon-agent"}


def broken(run: Run, by: Broken) -> Run:
    """A run with one of its resources changed."""
    inputs: Json = (one := run.the(by.kind, by.name)).inputs
    for path, value in by.inputs.items():
        inputs = altered(inputs, path, value)
    changed = replace(one, inputs=cast("Mapping[str, Json]", inputs), **by.fields)
    return replace(run, resources={**run.resources, one.urn: changed})
