"""The doctor, of a member that Karmada alone gets at: what Karmada tells, and what is seen through the tunnel."""

from __future__ import annotations

import pytest

from checks.doctor.walk import walk
from checks.findings import Finding, State
from clusters.objects import Json, entries
from tests.unit.patient import Patient, path
from tests.unit.stacks import AFAR, PUBLISHED, afar

SECTIONS: dict[str, Json] = {"members": AFAR, "images": PUBLISHED}
WORKS = "karmada-es-member3 works karmada-anp/stack"
CLUSTER = "clusters/member3"
REFRESH = "pulumi up --refresh"
BEHIND = ["karmada-agent", "certificates", "proxy-agent", "member guard", "tunnel", "member API"]
"""Hops that nobody can look at but through the tunnel."""


def findings(patient: Patient, member: str = "member3") -> dict[str, Finding]:
    found = walk(path(afar(), patient, member, SECTIONS))
    return {each.hop: each for each in found.findings}


def first(patient: Patient) -> Finding:
    found = walk(path(afar(), patient, "member3", SECTIONS)).first
    assert found
    return found


@pytest.mark.parametrize("member", ["member3", "member4"])
def test_nothing_is_wrong_with_what_the_program_makes(member: str) -> None:
    assert [each for each in findings(Patient(afar()), member).values() if each.state is not State.RIGHT] == []


def test_its_works_are_told_of_by_the_karmada_api() -> None:
    assert findings(Patient(afar()))["Works"].detail == "4 applied in member3, as karmada-agent says"


def test_a_work_that_is_not_applied_is_named_with_what_karmada_agent_says() -> None:
    patient = Patient(afar())
    (work, *others), where = patient.objects["karmada-apiserver", WORKS], ("karmada-apiserver", WORKS)
    status: Json = {"conditions": [{"type": "Applied", "status": "False", "message": "exceeded quota"}]}
    patient.objects[where] = [{**entries(work), "status": status}, *others]
    found = first(patient)
    assert (found.hop, found.state) == ("Works", State.WRONG)
    assert found.detail.endswith(": exceeded quota")
    assert "kubectl" in found.remedy


def test_works_that_are_gone_are_put_back_by_a_refresh() -> None:
    patient = Patient(afar())
    patient.gone("karmada-apiserver", WORKS)
    assert (first(patient).hop, first(patient).remedy) == ("Works", REFRESH)


def test_one_that_is_not_ready_is_said_to_be_the_members_own_business() -> None:
    patient = Patient(afar())
    patient.changed("karmada-apiserver", CLUSTER, "status", to={"conditions": [{"type": "Ready", "status": "False"}]})
    assert first(patient).detail.startswith("member3 is not Ready in Karmada")


def test_a_proxy_url_that_was_cleared_is_put_back_by_the_stack_itself() -> None:
    patient = Patient(afar())
    patient.changed("karmada-apiserver", CLUSTER, "spec", "proxyURL", to="")
    assert (first(patient).hop, first(patient).remedy) == ("Cluster", REFRESH)


def test_a_flag_that_was_taken_away_is_put_back_by_the_stack_itself() -> None:
    patient = Patient(afar())
    patient.changed(
        "through member3",
        "karmada-system deployments/karmada-agent",
        *("spec", "template", "spec", "containers", "0", "args"),
        to=[],
    )
    assert (first(patient).hop, first(patient).remedy) == ("karmada-agent", REFRESH)


def test_an_endpoint_that_the_stack_does_not_set_is_not_compared() -> None:
    patient = Patient(afar())
    patient.changed("karmada-apiserver", CLUSTER, "spec", "apiEndpoint", to="https://elsewhere:6443")
    assert findings(patient)["Cluster"].state is State.RIGHT


def test_what_only_the_tunnel_leads_to_is_unknown_where_it_does_not_stand() -> None:
    patient = Patient(afar())
    patient.away |= {"through member3", f"/apis/cluster.karmada.io/v1alpha1/{CLUSTER}/proxy/readyz"}
    found = findings(patient)
    assert [hop for hop, each in found.items() if each.state is State.UNKNOWN] == BEHIND
    assert first(patient).hop == "request"
