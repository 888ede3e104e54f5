"""What the documents say is there: config keys, targets, files, sections. Every command in them is run, or excused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from checks.doctor.walk import HOPS
from clusters.objects import Json, at, entries, parse, text
from config.explanations import model_of
from config.image_settings import BuiltImages
from config.settings import MemberDefaults, MemberSettings
from config.stack_config import SECTIONS
from tests import documents
from tests.unit.machines import load
from tests.unit.stacks import STACKS
from tools.render.config_table import Row, rows, table
from tools.render.stackfile import ROOT, config_of

ROW = re.compile(r"^\| `([a-zA-Z]+(?:(?:\[\])?\.\w+)+)` \|(.*?)\| (.*) \|$", re.MULTILINE)
"""A row of the table of config keys: key, default, meaning."""

NAMED_KEY = re.compile(rf"(?<![\w/.-])(?:karmada-anp:)?((?:{'|'.join(SECTIONS)})(?:\.[\w-]+(?:\[\d*\])?)+)")
"""A config key in a command or between backticks: `members.NAME.paused`, `karmada-anp:members.member4.paused`."""


def free_maps() -> set[str]:
    """The keys whose value has keys of the user's own choice."""
    return {row.key for row in rows() if row.default.startswith("`{")}


def declared() -> Mapping[str, Json]:
    """Pulumi.yaml's `config:`."""
    return entries(yaml.safe_load((ROOT / "Pulumi.yaml").read_text()), "config")


def table_in(document: str) -> list[Row]:
    """The rows of config keys in a Markdown document."""
    return [Row(key=key, default=default.strip(), meaning=meaning) for key, default, meaning in ROW.findall(document)]


def known_keys() -> set[str]:
    """Every key there is; what `memberDefaults` has, a member has too."""
    found = {row.key for row in rows()}
    return found | {each.replace("memberDefaults.", "members.NAME.", 1) for each in found}


def groups(*variants: type[BaseModel], name: str = "") -> Iterator[tuple[str, list[str]]]:
    """The keys of a section's variants, and those of each key that has keys of its own, by that key. A member's do not
    have those of all members again."""
    common = MemberDefaults.model_fields if MemberSettings in variants else {}
    fields = [field for model in variants for key, field in model.model_fields.items() if key not in common]
    yield name, [str(field.alias) for field in fields]
    for field in fields:
        nested = model_of(field)
        if nested:
            yield from groups(nested, name=str(field.alias))


def test_pulumi_yaml_declares_the_sections_that_there_are() -> None:
    assert list(declared()) == list(SECTIONS)


def test_pulumi_itself_refuses_what_is_no_object_but_a_list_of_members_of_which_the_program_says_more() -> None:
    types = {section: at(declared(), section, "type") for section in SECTIONS}
    assert types == {**dict.fromkeys(SECTIONS, "object"), "members": None}


@pytest.mark.parametrize("section", SECTIONS)
def test_pulumi_yaml_names_every_key(section: str) -> None:
    description = text(declared(), section, "description")
    for parent, keys in groups(*SECTIONS[section]):
        said = description if not parent else description.partition(f"{parent}: {{")[2].partition("}")[0]
        assert [key for key in keys if not re.search(rf"\b{key}\b", said)] == [], parent or section


@pytest.mark.parametrize("section", SECTIONS)
def test_pulumi_yaml_names_no_key_that_there_is_not(section: str) -> None:
    description = text(declared(), section, "description")
    known = {key for _, keys in groups(*SECTIONS[section]) for key in keys}
    named = {
        word
        for inside in re.findall(r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", description)
        for word in re.findall(r"(?:^|[,{])\s*(\w+)", inside)
    }
    assert named
    assert named - known == set()


def test_defaults_of_sections_in_pulumi_yaml_are_those_of_the_program() -> None:
    defaults = {key: at(each, "default") for key, each in declared().items() if at(each, "default") is not None}
    assert load(**defaults) == load()


def test_the_table_of_keys_has_exactly_the_keys_that_there_are() -> None:
    keys = [row.key for row in table_in((ROOT / "docs/config.md").read_text())]
    assert sorted(keys) == sorted(row.key for row in rows())


def test_the_table_of_keys_says_of_each_key_what_the_settings_say() -> None:
    said = table_in((ROOT / "docs/config.md").read_text())
    assert [str(row) for row in rows() if row not in said] == [], "python -m tools.render.config_table"


def test_the_generated_table_is_read_back_as_the_keys_that_it_is_made_from() -> None:
    assert table_in(table()) == list(rows())


def test_every_key_has_a_meaning_that_fits_a_table() -> None:
    assert [row.key for row in rows() if not row.meaning or "|" in row.meaning or "|" in row.default] == []


def test_a_key_that_must_be_given_says_so() -> None:
    assert {row.key for row in rows() if row.default == "required"} == {
        "host.context",
        "memberDefaults.egressProxy.url",
        "images.credentials.username",
        "images.credentials.password",
        "monitoring.probes.prober",
    }


def test_a_default_in_the_table_is_the_one_that_is_filled_in() -> None:
    settings = load()
    said = {row.key: row.default.strip("`") for row in rows()}
    assert said["proxy.port"] == str(settings.proxy.port)
    assert said["proxy.frontend"] == settings.proxy.frontend
    assert said["certificates.caValidityHours"] == str(settings.certificates.ca_validity_hours)
    assert said["memberDefaults.paused"] == "false"
    assert isinstance(settings.images, BuiltImages)
    assert parse(said["images.build.args"]) == settings.images.build.args


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_file_has_only_keys_that_there_are(stack: str) -> None:
    assert unknown_keys(stack, ROOT) == []


def test_a_users_own_stack_file_is_nothing_to_these_tests_and_is_read_as_any_other(tmp_path: Path) -> None:
    for file in ("Pulumi.yaml", *(f"Pulumi.{each}.yaml" for each in STACKS)):
        shutil.copy(ROOT / file, tmp_path)
    (tmp_path / "Pulumi.mine.yaml").write_text("config: {karmada-anp:proxy: {prot: 8088}}")
    assert [unknown_keys(each, tmp_path) for each in STACKS] == [[]] * len(STACKS)
    assert unknown_keys("mine", tmp_path) == ["proxy.prot"]


def unknown_keys(stack: str, root: Path) -> list[str]:
    """The keys of a stack's file that are in no table."""
    known = known_keys()
    sections = {key.removeprefix("karmada-anp:"): value for key, value in config_of(stack, root).items()}
    return [path for name, value in sections.items() for path in paths(value, name) if path not in known]


def paths(value: Json, path: str) -> Iterator[str]:
    """The key paths of a section's value, lists as `[]`. What is in a map of the user's own, as labels, is no key."""
    if path == "members" and isinstance(value, Mapping):
        for each in value.values():
            yield from paths(each, "members.NAME")
    elif isinstance(value, Mapping) and path not in free_maps():
        for key, each in value.items():
            yield f"{path}.{key}"
            yield from paths(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from paths(each, f"{path}[]")


def test_the_proof_is_a_summary_of_two_runs_without_a_failure() -> None:
    document = (ROOT / "docs/proof.md").read_text()
    assert len(document.splitlines()) <= 40
    counts = re.findall(r"^\d{4}-\d\d-\d\d, \d+ cores, \d+ minutes: (.*)\.$", document, re.MULTILINE)
    assert len(counts) == 2
    assert all(re.fullmatch(r"[\d,]+ passed", each) for each in counts)


@pytest.mark.parametrize("document", documents.documents())
def test_every_link_leads_to_a_file_and_a_section_that_are_there(document: str) -> None:
    for link in documents.links(document):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert target.exists(), link
        if anchor:
            assert anchor in documents.anchors(str(target.relative_to(ROOT))), link


@pytest.mark.parametrize("document", documents.documents())
def test_every_file_of_the_program_that_a_document_names_is_there(document: str) -> None:
    for path in re.findall(r"`([\w.]+(?:/[\w.]+)*/?)`", documents.content(document)):
        if path.endswith((".py", ".sh")):
            places = (path, f"components/{path}", f"docs/{path}", f"tests/*/{path}")
            assert any(found for place in places for found in ROOT.glob(place)), path


def test_every_document_is_reached_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in documents.links("README.md")}
    assert set(documents.documents()) - linked == {"README.md"}


def test_the_readme_is_a_first_screen_and_not_a_manual() -> None:
    assert len(documents.content("README.md").splitlines()) <= 150


def test_the_readme_has_the_makefiles_targets_and_no_others() -> None:
    told = re.findall(r"^\| `make ([\w-]+)` \|", documents.content("README.md"), re.MULTILINE)
    assert told == sorted(set(told), key=told.index)
    assert set(told) == targets()


@pytest.mark.parametrize("document", documents.documents())
def test_every_target_that_a_document_names_is_there(document: str) -> None:
    named = re.findall(r"(?:`|^|STACK=\w+ )make ((?:[a-z]+(?:-[a-z]+)* ?)+)", documents.content(document), re.MULTILINE)
    assert {each for line in named for each in line.split()} - targets() == set()


def test_whoever_types_make_for_a_stack_names_it_but_in_a_local_trial() -> None:
    """make takes STACK, `dev` by default, not the selected stack."""
    of_a_stack = "|".join(("up", "down", "preview", "status", "doctor", "kubectl", "rotate-ca", "uninstall"))
    for name, block in documents.blocks().items():
        if name != "README.md#two-commands":
            assert re.findall(rf"^make (?:{of_a_stack})\b(?! STACK=).*", block, re.MULTILINE) == [], name


def targets() -> set[str]:
    """The Makefile's targets that are no files."""
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared
    return set(declared[1].split())


@pytest.mark.parametrize("document", documents.documents())
def test_every_config_key_that_a_document_names_is_there(document: str) -> None:
    known = known_keys()
    for key in named_keys(document):
        within = any(key.startswith(f"{each}.") for each in free_maps())
        assert key in known or within or key == "members.NAME", key


def test_config_keys_are_found_where_documents_name_them() -> None:
    assert {"proxy.credential", "members.NAME.paused", "monitoring.labels.release"} <= set(
        named_keys("docs/operations.md")
    )


def named_keys(document: str) -> Iterator[str]:
    """The config keys that a document names, lists as `[]`."""
    commands = [block for name, block in documents.blocks().items() if name.startswith(f"{document}#")]
    for code in [*documents.CODE.findall(documents.content(document)), *commands]:
        for key in NAMED_KEY.findall(code):
            yield re.sub(r"^members\.[\w-]+", "members.NAME", re.sub(r"\[\d*\]$", "", re.sub(r"\[\d+\]", "[]", key)))


def test_every_command_in_the_documents_is_run_by_a_test_or_excused_with_a_reason() -> None:
    told_of = [*documents.RUN, *documents.ON_FORK, *documents.NOT_RUN]
    assert sorted(told_of) == sorted(documents.blocks())
    assert all(documents.NOT_RUN.values())


def test_the_hops_of_the_doctor_are_told_of_in_their_order() -> None:
    paragraphs = documents.content("docs/troubleshooting.md").split("\n\n")
    told = next(each for each in paragraphs if each.startswith("The hops,")).partition("\n[")[0]
    assert re.findall(r"`([^`]+)`", told) == [name for name, _ in HOPS]
