"""What each mistake in a stack's config is answered with."""

from __future__ import annotations

import pulumi
import pytest

from tests.proof import note
from tests.unit.machines import MEMBER, load
from tests.unit.mistakes import REFUSALS
from tests.unit.mistakes.refusal import Refusal, certificates, host, members, proxy


@pytest.mark.parametrize(("mistake", "refusal"), REFUSALS.items(), ids=REFUSALS.keys())
def test_a_mistake_is_answered_with_its_key_what_was_found_and_what_mends_it(mistake: str, refusal: Refusal) -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(refusal.secret, **refusal.sections)
    said = str(error.value)
    assert said.startswith("The stack's config has problems (")
    assert f"  - karmada-anp:{refusal.key}: " in said
    (problem,) = [each for each in said.split("\n  - ")[1:] if each.startswith(f"karmada-anp:{refusal.key}: ")]
    found, remedy = problem.split("\n", 1)
    note("Mistakes", tried=mistake, expected=f"refused, naming {refusal.key}", seen=found)
    assert refusal.found in found
    assert refusal.remedy in remedy


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_one_mistake_is_one_problem(refusal: Refusal) -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(refusal.secret, **refusal.sections)
    assert str(error.value).count("\n  - ") == 1, str(error.value)


def test_everything_that_is_wrong_is_reported_together() -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(
            **host(context="typo"),
            **members({**MEMBER, "apiEndpoint": "http://10.0.0.3:6443"}, {"kind": "gone"}),
            **proxy(replicas=2, port=8091),
            **certificates(validityHours=0),
            typo={},
        )
    said = str(error.value)
    keys = ["typo", "certificates.validityHours", "host.context", "members.member3.apiEndpoint"]
    keys += ["members.member4.context", "members.member4.kind", "proxy.replicas", "proxy.port"]
    assert said.startswith(f"The stack's config has problems ({len(keys)}):")
    assert [key for key in keys if f"karmada-anp:{key}: " not in said] == []


def test_a_kubeconfig_that_cannot_be_read_is_reported_once_a_key() -> None:
    with pytest.raises(pulumi.RunError) as error:
        load(**host(kubeconfig="~/nowhere"))
    assert str(error.value).count("~/nowhere") == 1
