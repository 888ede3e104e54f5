"""Members that Karmada alone gets at: what they are handed is what others get, as Works of the Karmada API."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checks.commands.deliver import DeliverInput
from clusters.objects import Json, at, entries, items, text
from components.anp import work_name
from components.field_manager import ANNOTATION
from tests.unit.stacks import AFAR, MEMBER3, MEMBER4, PUBLISHED, afar, changed, short
from tools.render.program import Run
from tools.render.recorded import Recorded, leaves, within

MARKS = ("karmada.io/", "work.karmada.io/", "resourcetemplate.karmada.io/")


def works(run: Run, member: str = "") -> dict[str, Recorded]:
    """A member's Works, or all, by the resource's name."""
    found = {each.name: each for each in run.resources.values() if each.type.endswith(":Work")}
    return {name: each for name, each in found.items() if name.startswith(member)}


def manifest(of: Recorded) -> Json:
    (one,) = items(of.inputs, "spec", "workload", "manifests")
    return one


def given(run: Run) -> DeliverInput:
    """What the step is given that waits for all."""
    return DeliverInput.model_validate_json(text(run.the("Command", "delivery").inputs, "stdin"))


def unmarked(of: Json, marks: tuple[str, ...] = MARKS) -> dict[str, Json]:
    """A manifest without the labels and annotations of these beginnings: what Karmada needs in it."""
    metadata = dict(entries(of, "metadata"))
    for key in ("labels", "annotations"):
        left = {name: each for name, each in entries(metadata, key).items() if not name.startswith(marks)}
        metadata = {**metadata, key: left} if left else {each: of for each, of in metadata.items() if each != key}
    return {**entries(of), "metadata": metadata}


def renamed(of: Json, names: Mapping[str, str]) -> Json:
    """The same with other texts in the place of some."""
    if isinstance(of, Mapping):
        return {key: renamed(each, names) for key, each in of.items()}
    if isinstance(of, list):
        return [renamed(each, names) for each in of]
    return names.get(of, of) if isinstance(of, str) else of


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Deployment", ""), ("Secret", "-cert"), ("NetworkPolicy", "-policy"), ("PodDisruptionBudget", "")],
)
def test_a_member_is_handed_what_another_gets_but_for_names(kind: str, name: str) -> None:
    """As the SDK writes it, so that a field that is written otherwise is noticed."""
    members = {"member3": MEMBER3, "member4": {**MEMBER4, "replicas": 2, "namespace": "member4-tunnel"}}
    run = changed(afar().resources.values(), members=members, images=PUBLISHED)
    there = run.the(kind, f"member4-proxy-agent{name}").inputs
    handed = unmarked(manifest(works(afar())[f"member4-proxy-agent{name}-{kind.lower()}"]))
    names = {"proxy-agent-delivered": "proxy-agent", "proxy-agent-delivered-pull": "pull"}
    # the container's name is that of the others' Deployment
    secret = text(manifest(works(afar())["member4-proxy-agent-cert-secret"]), "metadata", "name")
    assert renamed(handed, {**names, secret: "proxy-agent-cert"}) == unmarked(there, (ANNOTATION,))


def test_no_provider_is_for_a_member_that_karmada_gets_at() -> None:
    assert {each.name for each in afar().resources.values() if "providers:kubernetes" in each.type} == {
        "host",
        "karmada",
    }
    assert {each.provider for each in works(afar()).values()} == {"karmada"}


def test_works_are_where_the_members_karmada_agent_looks_and_named_as_karmada_does() -> None:
    for name, each in works(afar()).items():
        metadata, held = entries(each.inputs, "metadata"), manifest(each)
        member = name.partition("-")[0]
        assert text(metadata, "namespace") == f"karmada-es-{member}"
        kind, namespace = text(held, "kind"), text(held, "metadata", "namespace")
        assert text(metadata, "name") == work_name(kind, text(held, "metadata", "name"), namespace)
        marks = entries(held, "metadata", "annotations")
        assert (marks["work.karmada.io/name"], marks["work.karmada.io/namespace"]) == (
            text(metadata, "name"),
            f"karmada-es-{member}",
        )
        assert metadata["finalizers"] == ["karmada.io/execution-controller"]
        assert entries(metadata, "annotations")["pulumi.com/patchForce"] == "true"


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("ClusterRole", "karmada-impersonator-7cbb6bd5c9"),
        ("ClusterRoleBinding", "karmada-impersonator-84f8c8f8c6"),
    ],
)
def test_a_works_name_is_the_one_that_karmada_would_give(kind: str, work: str) -> None:
    """Karmada 1.18 has made these two itself."""
    assert work_name(kind, "karmada-impersonator", "") == work


def test_a_key_is_secret_in_a_work_too() -> None:
    keys = [each for name, each in works(afar()).items() if name.endswith("-secret")]
    assert len(keys) == 4
    for each in keys:
        for path, _ in leaves(each.inputs):
            if "data" in path:
                assert within(path, each.secrets)
        assert ("spec",) in each.secret_outputs


def test_pulumi_deletes_no_work_itself_since_it_would_wait_for_a_member_that_is_away() -> None:
    assert [each.name for each in works(afar()).values() if not each.retain_on_delete] == []


def test_another_key_is_another_secret_so_that_no_pod_begins_with_an_old_one() -> None:
    deployment = manifest(works(afar())["member3-proxy-agent-deployment"])
    secret = text(manifest(works(afar())["member3-proxy-agent-cert-secret"]), "metadata", "name")
    volumes = items(deployment, "spec", "template", "spec", "volumes")
    assert {text(each, "secret", "secretName") for each in volumes} == {secret}
    checksum = text(deployment, "spec", "template", "metadata", "annotations", "karmada-anp/checksum")
    assert secret == f"proxy-agent-cert-{checksum[:8]}"


def test_the_step_knows_every_work_and_comes_after_header_grant_and_server() -> None:
    run = afar()
    wanted, mine = given(run).wanted["member4"], works(run, "member4")
    assert {each.work for each in wanted.works} == {text(each.inputs, "metadata", "name") for each in mine.values()}
    deployment = mine["member4-proxy-agent-deployment"]
    (numbered,) = [each for each in wanted.works if each.generation]
    mark = "resourcetemplate.karmada.io/generation"
    assert at(manifest(deployment), "metadata", "annotations", mark) == str(numbered.generation)
    before = {short(each) for each in run.the("Command", "delivery-back").dependencies}
    assert before >= {
        "Work member4-proxy-agent-deployment",
        "Deployment proxy-server",
        "ClusterPatch member4-registration-header",
        "ClusterRoleBinding member4-registration-binding",
    }


def test_what_takes_all_away_is_there_before_anything_that_an_up_may_leave_when_it_fails() -> None:
    run = afar()
    for each in works(run).values():
        assert "Command delivery-works" in {short(one) for one in each.dependencies}
    assert "Command delivery-back" in {short(one) for one in run.the("Command", "delivery").dependencies}
    for name, deletes in (("delivery-works", "take_away"), ("delivery-back", "take_back")):
        assert run.the("Command", name).inputs["delete"] == f"sh checks/commands/run.sh {deletes}"
    assert "delete" not in run.the("Command", "delivery").inputs


def test_an_api_endpoint_is_left_as_it_is_found_unless_it_is_said() -> None:
    members = {"member3": {**entries(AFAR, "member3"), "apiEndpoint": "https://192.0.2.4:6443"}}
    said = changed(members=members, images=PUBLISHED)
    for run, endpoint in ((afar(), ""), (said, "https://192.0.2.4:6443")):
        assert given(run).wanted["member3"].api_endpoint == endpoint


def test_a_namespace_is_handed_over_where_it_is_not_karmada_agents() -> None:
    assert "member3-namespace" not in works(afar())
    assert text(manifest(works(afar())["member4-namespace"]), "metadata", "name") == "member4-tunnel"


def test_the_hosts_pull_secret_is_handed_over_under_a_name_of_its_own() -> None:
    held = manifest(works(afar())["member3-pull-pull-secret"])
    assert text(held, "metadata", "name") == "proxy-agent-delivered-pull"
    pod = at(manifest(works(afar())["member3-proxy-agent-deployment"]), "spec", "template", "spec")
    assert at(pod, "imagePullSecrets") == [{"name": "proxy-agent-delivered-pull"}]


def test_a_paused_member_that_karmada_gets_at_is_left_as_it_is() -> None:
    members = {**AFAR, "member4": {**entries(AFAR, "member4"), "paused": True}}
    run = changed(afar().resources.values(), members=members, images=PUBLISHED)
    assert {each.ignore_changes for each in works(run, "member4").values()} == {("*",)}
    assert (list(given(run).wanted), given(run).paused) == (["member3"], ["member4"])
    assert run.the("Command", "delivery").ignore_changes == ("environment.FOUND",)
