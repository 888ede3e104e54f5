"""The policy pack on the real engine: it refuses what breaks a rule, and the dev stack breaks none. Previews alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusters.objects import Json
from tests.stack import environment
from tests.stack.refusals import violations
from tools.checkout import ROOT, Checkout

PACK = ("--policy-pack", "policy")
ADVICE = (*PACK, "--policy-pack-config", "policy/dev.json")

BROKEN = {
    ("no-key-outside-a-secret", "told"),
    ("no-key-outside-a-secret", "open"),
    ("objects-are-on-an-explicit-provider", "anywhere"),
    ("containers-have-resources-and-probes", "bare"),
    ("pods-are-restricted", "bare"),
    ("certificates-have-one-use", "two-uses"),
    ("certificates-are-renewed-in-time", "never-renewed"),
    ("leaves-end-before-their-ca", "outliving"),
    ("keys-are-ecdsa-p256", "rsa"),
    ("ca-keys-are-protected", "unprotected-ca-2"),
}
"""What broken_program.py breaks, by rule and resource, where the CA keys of generation 2 sign."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, backend: Path) -> Checkout:
    """A checkout with the broken program in place of the program."""
    checkout = Checkout(tmp_path_factory.mktemp("broken"), backend, "broken", like="dev")
    shutil.copy(ROOT / "tests" / "stack" / "broken_program.py", checkout.directory / "__main__.py")
    checkout.configure(certificates={"caKeys": [2]})
    checkout.select()
    return checkout


def preview(checkout: Checkout, *options: str) -> subprocess.CompletedProcess[str]:
    done = checkout.run("preview", *options)
    print(done.stdout, done.stderr)
    return done


def test_every_rule_refuses_what_breaks_it(broken: Checkout) -> None:
    done = preview(broken, *PACK)
    assert violations(done.stdout) == dict.fromkeys(BROKEN, "mandatory")
    assert done.returncode != 0


def test_a_stacks_own_file_makes_a_refusal_advice(broken: Checkout) -> None:
    done = preview(broken, *ADVICE)
    advised = {(rule, name) for rule, name in BROKEN if rule != "ca-keys-are-protected"}
    assert violations(done.stdout) == dict.fromkeys(advised, "advisory")
    assert done.returncode == 0, done.stdout


def test_the_dev_stack_breaks_no_rule_even_when_it_is_held_to_all(
    tmp_path: Path, backend: Path, before: Mapping[str, Json]
) -> None:
    dev = Checkout(tmp_path, backend, "held", like="dev")
    dev.configure(members=environment.settings_of(*environment.members()), certificates={"protectCaKeys": True})
    dev.select()
    done = preview(dev, *PACK)
    assert violations(done.stdout) == {}
    assert done.returncode == 0, done.stdout
