"""The policy pack: what each rule refuses, that the program keeps them all, and what a stack's file makes of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pulumi_policy import proxy

from clusters.objects import Json, entries, parse
from components import certificate
from config.settings import Certificates
from policy import certificates
from policy.resources import UNKNOWN, is_known
from policy.rules import STACK_RULES, rules
from policy.seen import opened
from tests.unit.broken import BROKEN, CREDENTIAL
from tests.unit.policies import Broken, altered, breaches, broken, of
from tests.unit.stacks import STACKS
from tests.unit.test_rotation import SIGNS, phase
from tools.render.program import Run
from tools.render.stackfile import ROOT

NAMES = [each.name for each in (*rules(1), *STACK_RULES)]


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_resource_is_refused_by_one_rule_which_names_it_and_what_to_change(prod: Run, case: Broken) -> None:
    found = breaches(broken(prod, case))
    assert {rule for rule, _ in found} == {case.rule}
    for (_, name), why in found.items():
        assert f'"{name}"' in why
        assert case.says in why


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_no_rule_quotes_a_key_or_a_credential(prod: Run, case: Broken) -> None:
    for why in breaches(broken(prod, case)).values():
        assert "MHcCAQEEIHn3" not in why
        assert CREDENTIAL.split()[1] not in why


def test_every_rule_has_something_that_it_refuses() -> None:
    assert {case.rule for case in BROKEN.values()} == set(NAMES)


def test_a_rules_description_is_one_sentence_that_says_what_to_do() -> None:
    for rule in (*rules(1), *STACK_RULES):
        assert rule.description.count(".") == 1
        assert rule.description.endswith(".")
        assert rule.description.split()[0] in {"Give", "Keep", "Let", "Make", "Name", "Protect", "Renew"}


def test_the_prod_stack_breaks_no_rule(prod: Run) -> None:
    assert breaches(of(prod)) == {}


def test_the_dev_stack_breaks_none_but_that_its_ca_keys_go_with_it(dev: Run) -> None:
    assert {rule for rule, _ in breaches(of(dev))} == {"ca-keys-are-protected"}
    assert levels("dev")["ca-keys-are-protected"] == "disabled"


def test_no_other_shape_of_the_guarded_stack_breaks_a_rule(guarded_stack: Run, pushed: Run) -> None:
    for run in (guarded_stack, pushed):
        assert {rule for rule, _ in breaches(of(run))} <= {"ca-keys-are-protected"}


def test_the_fork_stack_breaks_what_the_documented_pods_do_not_keep_and_nothing_else(fork: Run) -> None:
    pods = {"proxy-server", "member3-proxy-agent"}
    documented = {"containers-have-resources-and-probes", "pods-are-restricted"}
    cas = {("ca-keys-are-protected", each) for each in ("frontend-ca-1", "agent-ca-1")}
    assert breaches(of(fork)).keys() == {(rule, pod) for rule in documented for pod in pods} | cas


@pytest.mark.parametrize("number", range(4))
def test_no_step_of_a_change_of_ca_keys_is_refused(number: int) -> None:
    """In the step before the last the old keys are no longer protected: the last one deletes them."""
    assert breaches(of(phase(number)), signs=SIGNS[number]) == {}


def test_while_the_old_ca_keys_sign_they_are_not_let_go() -> None:
    assert breaches(of(phase(2)), signs=1).keys() == {
        ("ca-keys-are-protected", each) for each in ("frontend-ca-1", "agent-ca-1")
    }


def test_a_patch_of_somebody_elses_pods_is_not_asked_for_what_it_does_not_own(prod: Run) -> None:
    patch = prod.the("DeploymentPatch", "edge-berlin-karmada-agent")
    assert not entries(patch.inputs, "spec", "template", "spec", "securityContext")
    assert breaches(each for each in of(prod) if each.urn == patch.urn) == {}


def test_the_pack_and_the_program_mean_the_same_uses_and_the_default_life_is_allowed() -> None:
    assert certificates.LEAF_USES == (certificate.SERVER_USAGES, certificate.CLIENT_USAGES)
    assert certificates.CA_USES == certificate.CA_USAGES
    assert Certificates.model_validate({}).validity_hours <= certificates.LONGEST_LIFE


def test_what_a_preview_does_not_know_yet_is_marked_and_the_rest_is_read() -> None:
    given = {"image": proxy.UNKNOWN_STRING_VALUE, "ports": [8091.0, proxy.UNKNOWN_NUMBER_VALUE], "on": True, "no": None}
    assert opened(proxy.unknown_checking_proxy(given)) == {
        "image": UNKNOWN,
        "ports": [8091, UNKNOWN],
        "on": True,
        "no": None,
    }
    assert not is_known([{"a": UNKNOWN}])
    assert is_known([{"a": "b"}])


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("Deployment", "proxy-server", "spec/template/spec/containers/0/image"),
        ("LocallySignedCert", "agent-server", "caPrivateKeyPem"),
        ("LocallySignedCert", "agent-server", "allowedUses"),
        ("Command", "edge-berlin-check", "triggers"),
    ],
)
def test_what_is_not_known_yet_is_not_refused(prod: Run, kind: str, name: str, path: str) -> None:
    unknown = Broken(kind=kind, name=name, properties={path: UNKNOWN}, rule="", says="")
    assert breaches(broken(prod, unknown)) == {}


def levels(stack: str) -> Mapping[str, Json]:
    """What a stack's file says of the rules."""
    return entries(parse((ROOT / "policy" / f"{stack}.json").read_text()))


def test_stacks_on_a_throw_away_environment_are_advised_and_every_other_one_is_held_to_the_rules() -> None:
    assert {file.stem for file in (ROOT / "policy").glob("*.json")} == {"dev", "fork"} < set(STACKS)
    for stack in ("dev", "fork"):
        assert levels(stack)["all"] == "advisory"
        assert levels(stack).keys() - {"all"} <= set(NAMES)


def test_the_pack_runs_in_the_checkouts_own_environment() -> None:
    assert "virtualenv: ../.venv\n" in (ROOT / "policy" / "PulumiPolicy.yaml").read_text()


def test_altered_properties_leave_the_original_alone() -> None:
    given: Json = {"a": [{"b": 1}]}
    assert altered(given, "a/0/c", 2) == {"a": [{"b": 1, "c": 2}]}
    assert given == {"a": [{"b": 1}]}
