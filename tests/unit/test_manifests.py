"""What is written for the clusters: valid for Kubernetes, and in the fork stack what Karmada's documentation says."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs]
import pytest
import yaml

from components.field_manager import ANNOTATION
from tools.render.manifests import manifests
from tools.render.program import Run

Manifest = dict[str, Any]

KUBERNETES = "1.36"
DOCUMENTED = Path(__file__).parent / "documented"

THERE: Manifest = {
    "replicas": 1,
    "selector": {"matchLabels": {"app": "karmada-agent"}},
    "template": {"metadata": {"labels": {"app": "karmada-agent"}}},
}
"""What a patched Deployment has by itself, as far as its schema asks for it."""


def rendered(run: Run) -> dict[str, Manifest]:
    """Every manifest of a run by its path, without the annotation that tells Pulumi's provider as whom to apply."""
    found = {str(path): cast("Manifest", copy.deepcopy(each)) for path, each in manifests(run).items()}
    for each in found.values():
        assert each["metadata"]["annotations"].pop(ANNOTATION) == run.stack.name
        if not each["metadata"]["annotations"]:
            del each["metadata"]["annotations"]
    return found


def documented(run: Run, file: str) -> list[Manifest]:
    """A documented file's objects, for the addresses that a run has."""
    stands_for = {what: address for address, what in run.placeholders.items()}
    text = (DOCUMENTED / file).read_text()
    text = text.replace("HOST", stands_for["kind node of karmada-host"])
    text = text.replace("MEMBER", stands_for["API server of context member3 of ~/.kube/members.config"])
    return list(yaml.safe_load_all(text))


def kinds_of_content(secret: Manifest) -> dict[str, str]:
    """What each file of a rendered Secret is, without its redaction."""
    data = cast("dict[str, str]", secret["data"])
    return {file: said.removeprefix("<redacted: ").removesuffix(">") for file, said in data.items()}


def test_every_manifest_is_valid_for_kubernetes_without_a_field_too_many(any_stack: Run) -> None:
    checked = 0
    for path, each in rendered(any_stack).items():
        if each["apiVersion"].startswith("cluster.karmada.io/"):
            continue  # a custom resource, of which only Karmada has the schema
        if "DeploymentPatch" in path:
            each["spec"] = {**THERE, **each["spec"], "template": {**THERE["template"], **each["spec"]["template"]}}
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
        checked += 1
    assert checked >= 5


def test_the_validation_would_find_a_field_that_kubernetes_does_not_have(fork: Run) -> None:
    deployment = rendered(fork)["host/Deployment-proxy-server.yaml"]
    deployment["spec"]["template"]["spec"]["host_network"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_the_forks_proxy_server_is_the_documented_one_but_for_its_strategy(fork: Run) -> None:
    (expected, _) = documented(fork, "proxy-server.yaml")
    deployment = rendered(fork)["host/Deployment-proxy-server.yaml"]
    # a second pod on the host network finds its ports taken, so a rolling update never ends
    assert deployment["spec"].pop("strategy") == {"type": "Recreate"}
    assert deployment == expected


def test_the_forks_proxy_agent_is_the_documented_one(fork: Run) -> None:
    (expected, _) = documented(fork, "proxy-agent.yaml")
    assert rendered(fork)["member-member3/Deployment-proxy-agent.yaml"] == expected


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("proxy-server.yaml", "host/Secret-proxy-server-cert.yaml"),
        ("proxy-agent.yaml", "member-member3/Secret-proxy-agent-cert.yaml"),
    ],
)
def test_the_forks_secrets_have_the_documented_files(fork: Run, file: str, path: str) -> None:
    (_, expected) = documented(fork, file)
    secret = rendered(fork)[path]
    # Opaque is what a Secret without a type is
    assert {"type": "Opaque", **secret, "data": kinds_of_content(secret)} == expected


def test_the_fork_adds_the_documented_flags_to_karmada_agent(fork: Run) -> None:
    (expected,) = documented(fork, "karmada-agent.yaml")
    patch = rendered(fork)["member-member3/DeploymentPatch-karmada-agent.yaml"]
    assert patch == expected


def test_the_fork_makes_nothing_in_a_cluster_that_is_not_documented(fork: Run) -> None:
    assert rendered(fork).keys() == {
        "host/Deployment-proxy-server.yaml",
        "host/Secret-proxy-server-cert.yaml",
        "member-member3/Deployment-proxy-agent.yaml",
        "member-member3/DeploymentPatch-karmada-agent.yaml",
        "member-member3/Secret-proxy-agent-cert.yaml",
    }


SOCKET_INSTEAD = ["--server-ca-cert=", "--server-cert=", "--server-key="]
"""Arguments of the documented proxy-server that a guarded one has not: its frontend is a socket, without TLS."""

PATIENCE = re.compile(r"spec\.template\.spec\.containers\[0\]\.livenessProbe\.(periodSeconds|timeoutSeconds)")
"""What a guarded pod has of it is less: three answers that do not come within a minute each are a long time."""

NAME_INSTEAD = ["--agent-identifiers="]
"""That of the documented proxy-agent which is another in a guarded stack: there a member is its name."""


def differing_arguments(guarded: Manifest, plain: Manifest) -> list[str]:
    """The documented arguments that a guarded pod's first container has not, without their values; they go, and so
    does the image."""
    (ours, theirs) = (each["spec"]["template"]["spec"]["containers"][0] for each in (guarded, plain))
    del theirs["image"]
    found: list[str] = [each for each in theirs["args"] if each not in ours["args"]]
    theirs["args"] = [each for each in theirs["args"] if each not in found]
    ours["args"] = [each for each in ours["args"] if each in theirs["args"]]
    return [each[: each.index("=") + 1] for each in found]


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("host/Deployment-proxy-server.yaml", SOCKET_INSTEAD),
        ("member-member3/Deployment-proxy-agent.yaml", NAME_INSTEAD),
    ],
)
def test_a_guarded_pod_has_everything_that_the_documented_one_has_but_what_its_guard_makes_up_for(
    dev: Run, fork: Run, path: str, instead: list[str]
) -> None:
    guarded, plain = (rendered(run)[path] for run in (dev, fork))
    assert differing_arguments(guarded, plain) == instead
    assert [each for each in lacking(guarded, plain) if not PATIENCE.fullmatch(each)] == []


def test_off_the_host_network_a_guarded_server_lacks_that_and_its_strategy_alone(load_balancer: Run, fork: Run) -> None:
    path = "host/Deployment-proxy-server.yaml"
    guarded, plain = (rendered(run)[path] for run in (load_balancer, fork))
    assert differing_arguments(guarded, plain) == SOCKET_INSTEAD
    assert {each for each in lacking(guarded, plain) if not PATIENCE.fullmatch(each)} == {
        "spec.replicas",
        "spec.strategy.type",
        "spec.template.spec.hostNetwork",
    }


def lacking(whole: object, part: object, path: str = "") -> Iterator[str]:
    """What of a part is not in the whole as it is there: keys, and the first elements of lists."""
    if isinstance(part, dict) and isinstance(whole, dict):
        theirs, ours = cast("Manifest", part), cast("Manifest", whole)
        for key, value in theirs.items():
            yield from lacking(ours.get(key), value, f"{path}.{key}".removeprefix("."))
    elif isinstance(part, list) and isinstance(whole, list):
        for i, (one, other) in enumerate(zip_longest(cast("list[object]", whole), cast("list[object]", part))):
            if other is not None:
                yield from lacking(one, other, f"{path}[{i}]")
    elif whole != part:
        yield path
