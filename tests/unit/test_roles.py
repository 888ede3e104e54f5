"""docs/roles.yaml: the roles of the user who runs a stack allow what preflight asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

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

AGENTS = "karmada-agents"


def whole() -> Settings:
    """A stack that needs every right: off the host network, several servers, monitored, members of each kind, one whose
    karmada-agent is in a namespace of its own."""
    settings = load(
        members={
            "member3": {**MEMBER, "agent": {"namespace": AGENTS}},
            "member4": {"access": "karmada", "registered": True},
        },
        images=PUBLISHED,
        proxy={"exposure": "loadBalancer", "replicas": 2},
        monitoring={"enabled": True, "probes": {"prober": "blackbox:9115"}},
    )
    return settings.joined({"member4"})


def needed(of: Settings) -> dict[str, Sequence[Right]]:
    """What is asked for before an `up`, by role."""
    there, afar = of.members
    of_member = rights.of_member(of, there)
    return {
        "karmada-anp-proxies": [*rights.of_host(of), *(each for each in of_member if each.namespace != AGENTS)],
        "karmada-anp-agents": [each for each in of_member if each.namespace == AGENTS],
        "karmada-anp-members": [*rights.of_karmada(of), *rights.of_delivered(afar)],
    }


def allows(role: Json, right: Right) -> bool:
    resource, _, group = right.resource.partition(".")
    named = f"{resource}/{right.below}" if right.below else resource
    return any(
        group in items(rule, "apiGroups") and named in items(rule, "resources") and right.verb in items(rule, "verbs")
        for rule in items(role, "rules")
    )


def granted(role: str) -> set[tuple[str, str, str]]:
    """What a role allows: verb, resource, group."""
    lists = [[items(rule, key) for key in ("verbs", "resources", "apiGroups")] for rule in items(ROLES[role], "rules")]
    return {(str(verb), str(resource), str(group)) for each in lists for verb, resource, group in product(*each)}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_all_that_an_up_is_refused_without(role: str) -> None:
    asked = needed(whole())[role]
    assert asked
    assert [each for each in asked if not allows(ROLES[role], each)] == []


def test_where_karmada_agent_and_the_proxies_share_a_namespace_one_role_is_enough() -> None:
    assert granted("karmada-anp-agents") <= granted("karmada-anp-proxies")


def test_in_karmada_agents_own_namespace_the_user_changes_deployments_alone_and_reads_no_secret() -> None:
    of_agents = granted("karmada-anp-agents")
    assert {each for each in of_agents if each[0] not in ("get", "list", "watch")} == {("patch", "deployments", "apps")}
    assert "secrets" not in {resource for _, resource, _ in of_agents}


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
