"""What a team says of pods, as Kubernetes gets it: of proxy-server's in `proxy`, of proxy-agent's in each member."""

from __future__ import annotations

from collections.abc import Mapping

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs]
import pytest

from clusters.objects import Json, at, entries, items, text
from components.secret_files import CHECKSUM_ANNOTATION
from tests.unit.reading import commands, containers, pods
from tests.unit.stacks import HOST, MEMBER3, PAIR, changed
from tests.unit.test_manifests import KUBERNETES, rendered
from tools.render.program import Run

NEAR: Mapping[str, Json] = {
    "requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["edge"]}]}]
    }
}
APART: Mapping[str, Json] = {
    "requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "etcd"}}}
    ]
}
KNOBS: Mapping[str, Json] = {
    "nodeSelector": {"role": "gateway"},
    "tolerations": [{"key": "edge", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": NEAR, "podAntiAffinity": APART},
    "priorityClassName": "system-cluster-critical",
    "labels": {"example.org/team": "network"},
    "annotations": {"example.org/why": "the tunnel: see the runbook"},
    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
    "guardResources": {"limits": {"cpu": 1, "memory": "2Gi"}},
    "rolloutMinutes": 20,
}
"""Every knob of pods, each said."""

OWN: Mapping[str, Json] = {
    "egressProxy": {"url": "http://proxy.example.org:3128", "noProxy": ["10.0.0.0/8", ".internal"]},
    "image": "mirror.example/proxy-agent:v0.36.0",
    "guardImage": "mirror.example/haproxy:3.2",
}
"""What agents alone have."""

PLACES: Mapping[str, Mapping[str, Json]] = {
    "proxy-server": {"proxy": KNOBS},
    "member3-proxy-agent": {"memberDefaults": KNOBS},
    "member3-proxy-agent by itself": {"members": {"member3": {**MEMBER3, **KNOBS}}},
}
"""Where knobs are said, by the Deployment whose pods they are of."""


@pytest.fixture(params=PLACES)
def pod(request: pytest.FixtureRequest) -> Json:
    """A pod of which everything is said."""
    return pods(changed((), **PLACES[request.param]))[str(request.param).split(maxsplit=1)[0]]


def test_pods_run_where_the_config_says(pod: Json) -> None:
    spec = entries(pod, "spec")
    assert spec["nodeSelector"] == {"role": "gateway"}
    assert spec["tolerations"] == [{"key": "edge", "operator": "Exists", "value": "", "effect": "NoSchedule"}]
    assert spec["affinity"] == {"nodeAffinity": NEAR, "podAntiAffinity": APART}
    assert spec["priorityClassName"] == "system-cluster-critical"


def test_pods_are_labelled_and_annotated_beside_what_the_stack_finds_and_rolls_them_by(pod: Json) -> None:
    labels, annotations = entries(pod, "metadata", "labels"), entries(pod, "metadata", "annotations")
    assert labels.keys() == {"app", "example.org/team"}
    assert annotations.keys() == {CHECKSUM_ANNOTATION, "example.org/why"}


def test_what_is_said_of_resources_takes_the_place_of_what_was_measured(pod: Json) -> None:
    given = {name.rpartition("-")[2]: at(each, "resources") for name, each in containers(pod).items()}
    guard = given.pop("guard")
    assert list(given.values()) == [{"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}}]
    assert guard == {"requests": {}, "limits": {"cpu": "1", "memory": "2Gi"}}


def test_what_is_said_of_servers_is_nothing_to_agents_and_the_other_way_round() -> None:
    plain, of_server, of_agents = changed(), changed(proxy=KNOBS), changed(memberDefaults=KNOBS)
    for name, run in (("member3-proxy-agent", of_server), ("proxy-server", of_agents)):
        pod = pods(run)[name]
        assert at(pod, "spec") == at(pods(plain)[name], "spec")
        assert entries(pod, "metadata", "labels").keys() == {"app"}
        assert entries(pod, "metadata", "annotations").keys() == {CHECKSUM_ANNOTATION}


def test_without_a_word_nothing_is_said_to_kubernetes(dev: Run) -> None:
    for each in pods(dev).values():
        spec = entries(each, "spec")
        assert not {"nodeSelector", "tolerations", "affinity", "priorityClassName"} & spec.keys()
        assert [at(container, "env") for container in items(spec, "containers")] == [None, None]


def test_an_agent_gets_out_by_the_proxy_and_its_guard_does_not() -> None:
    found = containers(pods(changed(memberDefaults=OWN))["member3-proxy-agent"])
    assert at(found["proxy-agent"], "env") == [
        {"name": "HTTPS_PROXY", "value": "http://proxy.example.org:3128"},
        {"name": "NO_PROXY", "value": "10.0.0.0/8,.internal"},
    ]
    assert "env" not in entries(found["member-guard"])


def test_a_member_has_images_of_its_own_and_gets_no_built_one() -> None:
    run = changed(members={**PAIR, "member3": {**MEMBER3, **OWN}})
    own, other = (containers(pods(run)[f"{each}-proxy-agent"]) for each in ("member3", "member4"))
    assert text(own["proxy-agent"], "image") == "mirror.example/proxy-agent:v0.36.0"
    assert text(own["member-guard"], "image") == "mirror.example/haproxy:3.2"
    assert text(other["proxy-agent"], "image").startswith("localhost/karmada-anp/proxy-agent:")
    assert "member3-image" not in commands(run)


BALANCED: Mapping[str, Json] = {
    **KNOBS,
    "exposure": "loadBalancer",
    "replicas": 2,
    "servicePort": 443,
    "externalTrafficPolicy": "Local",
    "ipFamilyPolicy": "PreferDualStack",
    "loadBalancerClass": "example.org/internal",
    "loadBalancerSourceRanges": ["192.0.2.0/24"],
    "serviceAnnotations": {"example.org/internal": "true"},
}
"""Every knob of the Service that agents dial, too."""


def test_everything_that_can_be_said_is_valid_for_kubernetes() -> None:
    run = changed(host=HOST, memberDefaults={**KNOBS, **OWN}, proxy=BALANCED)
    for path, each in rendered(run).items():
        if "Patch" not in path:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)
