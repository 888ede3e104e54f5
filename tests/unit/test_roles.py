"""docs/roles.yaml: the roles of the user who runs a stack allow what preflight asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
import yaml

from checks.preflight import rights
from checks.preflight.rights import Right
from clusters.objects import Json, items, text
from config.settings import Settings
from tests import documents
from tests.unit.machines import MEMBER, load
from tests.unit.stacks import PUBLISHED
from tools.render.stackfile import ROOT

ROLES: dict[str, Json] = {
    text(each, "metadata", "name"): each for each in yaml.safe_load_all((ROOT / "docs" / "roles.yaml").read_text())
}


def whole() -> Settings:
    """A stack that needs every right: off the host network, several servers, monitored, members of each kind."""
    settings = load(
        members={"member3": MEMBER, "member4": {"access": "karmada", "registered": True}},
        images=PUBLISHED,
        proxy={"exposure": "loadBalancer", "replicas": 2},
        monitoring={"enabled": True, "probes": {"prober": "blackbox:9115"}},
    )
    return settings.joined({"member4"})


def needed(of: Settings) -> dict[str, Sequence[Right]]:
    """What is asked for before an `up`, by role."""
    there, afar = of.members
    return {
        "karmada-anp-proxies": [*rights.of_host(of), *rights.of_member(of, there)],
        "karmada-anp-members": [*rights.of_karmada(of), *rights.of_delivered(afar)],
    }


def allows(role: Json, right: Right) -> bool:
    resource, _, group = right.resource.partition(".")
    named = f"{resource}/{right.below}" if right.below else resource
    return any(
        group in items(rule, "apiGroups") and named in items(rule, "resources") and right.verb in items(rule, "verbs")
        for rule in items(role, "rules")
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_all_that_an_up_is_refused_without(role: str) -> None:
    asked = needed(whole())[role]
    assert asked
    assert [each for each in asked if not allows(ROLES[role], each)] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_table_of_rights_names_every_resource_of_a_role(role: str) -> None:
    table = (
        documents.content("docs/security.md").partition("## What the operator's users need")[2].partition("\n## ")[0]
    )
    resources = [str(each) for rule in items(ROLES[role], "rules") for each in items(rule, "resources")]
    assert resources
    assert [each for each in resources if not re.search(rf"(?<![\w.]){each}\b", table, re.IGNORECASE)] == []


def test_no_role_allows_everything() -> None:
    for role in ROLES.values():
        for rule in items(role, "rules"):
            assert "*" not in [*items(rule, "apiGroups"), *items(rule, "resources"), *items(rule, "verbs")]


def test_what_a_role_does_not_allow_is_noticed() -> None:
    assert not allows(ROLES["karmada-anp-proxies"], Right(verb="create", resource="configmaps"))
    assert not allows(ROLES["karmada-anp-members"], Right(verb="delete", resource="clusters.cluster.karmada.io"))
