"""The locks: what a virtual environment gets, by version and hash, of what the lists of requirements ask for; and
where Renovate looks for newer versions of the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from clusters.objects import items, parse
from tools.render.stackfile import ROOT

PACKAGE = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)(?: ;[^\\\n]*)?(?: \\)?$", re.MULTILINE)
LISTS = ("requirements", "requirements-dev")


def packages(file: str) -> Mapping[str, str]:
    """The versions in a list or a lock, by package."""
    return dict(PACKAGE.findall((ROOT / file).read_text()))


@pytest.mark.parametrize("name", LISTS)
def test_each_requirement_is_locked_at_the_version_that_its_list_says(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text()
    asked = packages(f"{name}.txt")
    assert len(asked) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 0
    assert asked.items() <= packages(f"{name}.lock").items()


def test_who_develops_has_the_programs_own_packages_as_they_are_locked() -> None:
    assert packages("requirements.lock").items() <= packages("requirements-dev.lock").items()


@pytest.mark.parametrize("name", LISTS)
def test_a_lock_has_hashes_of_every_package_says_how_it_was_made_and_names_no_registry(name: str) -> None:
    lock = (ROOT / f"{name}.lock").read_text()
    assert f"--universal --generate-hashes --python-version=3.11 --output-file={name}.lock {name}.txt" in lock
    found = re.findall(r"^[\w.-]+==.*\\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert len(found) == len(packages(f"{name}.lock")) == len(re.findall(r"^\w", lock, re.MULTILINE))
    assert re.findall(r"https?://|--(?:extra-)?index|--find-links", lock.partition("\n#    uv ")[2]) == []


def test_renovate_finds_images_and_sources_in_each_file_in_which_it_looks() -> None:
    for manager in items(parse((ROOT / "renovate.json").read_text()), "customManagers"):
        (form,) = (str(each).replace("(?<", "(?P<") for each in items(manager, "matchStrings"))
        for each in items(manager, "managerFilePatterns"):
            pattern = str(each)
            files = ROOT.glob("tests/*/**/*.py") if pattern.startswith("/") else [ROOT / pattern]
            assert any(re.search(form, file.read_text()) for file in files), pattern
