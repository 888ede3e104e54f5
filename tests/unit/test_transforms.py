"""A team's own transforms: the documents' example, and one that cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from clusters.objects import at, entries, text
from components.transforms import MODULE, use_transforms
from tests.unit.reading import pods
from tests.unit.stacks import changed
from tools.render.stackfile import ROOT


@pytest.fixture(autouse=True)
def none_is_left_behind() -> Iterator[None]:
    yield
    sys.modules.pop(MODULE, None)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is found as if it lay beside __main__.py."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path / f"{MODULE}.py"


def test_the_example_changes_every_object_and_every_pod(beside: Path) -> None:
    beside.write_text((ROOT / "docs" / f"{MODULE}.py").read_text())
    run = changed()
    objects = [each for each in run.resources.values() if each.is_kubernetes and "metadata" in each.inputs]
    assert objects
    for each in objects:
        # what is patched belongs to others
        owner = "" if each.type.endswith("Patch") else "network-team"
        assert text(each.inputs, "metadata", "labels", "example.org/owner") == owner, each.urn
    for name, pod in pods(run).items():
        assert at(pod, "spec", "dnsConfig") == {"options": [{"name": "ndots", "value": "2"}]}, name


def test_without_a_file_nothing_is_changed() -> None:
    run = changed()
    assert all("dnsConfig" not in entries(pod, "spec") for pod in pods(run).values())


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("def transform(:", "stack_transforms.py cannot be used: SyntaxError"),
        ("import nowhere_to_be_found", "stack_transforms.py cannot be used: ModuleNotFoundError"),
        (
            "transfrom = print",
            "stack_transforms.py has no function `transform`; docs/stack_transforms.py is an example",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_said_before_anything_is_made(beside: Path, content: str, found: str) -> None:
    beside.write_text(content)
    with pytest.raises(pulumi.RunError) as error:
        use_transforms()
    assert found in str(error.value)
