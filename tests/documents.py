"""The checkout's own *.md and docs/*.md as tests read them: their blocks of shell commands, headings and links.

A block is named by its document and its section, as a link names that, and the second one of a section by a number:
`docs/operations.md#renewal`, `docs/operations.md#renewal 2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from tools.render.stackfile import ROOT

RUN: Sequence[str] = (
    "docs/operations.md#from-the-manual-steps",
    "docs/operations.md#another-member",
    "docs/operations.md#pausing-a-member",
    "docs/operations.md#members-reached-through-karmada",
    "README.md#using-the-tunnel",
    "docs/operations.md#the-tunnel-without-make",
    "docs/troubleshooting.md#troubleshooting",
    "docs/troubleshooting.md#a-request-through-karmada-fails",
    "docs/troubleshooting.md#a-request-through-karmada-fails 2",
    "docs/operations.md#removing-a-member",
    "docs/operations.md#monitoring",
    "docs/operations.md#another-credential",
    "docs/operations.md#when-a-key-was-stolen",
    "docs/operations.md#upgrading-anp",
    "docs/operations.md#upgrading-karmada",
    "docs/operations.md#backups",
    "docs/operations.md#backups 2",
    "docs/operations.md#when-the-state-is-lost",
    "README.md#two-commands",
)
"""What the stack tier types, one after the other, on one dev stack: the first brings it up, the last ends it."""

ON_FORK: Sequence[str] = ("docs/operations.md#from-the-fork-stack",)
"""What it types on a fork stack."""

WITHOUT_STATE: Sequence[str] = ("docs/operations.md#backups 2", "docs/operations.md#when-the-state-is-lost")
"""Before these the stack's state is taken away."""

NOT_RUN: Mapping[str, str] = {
    "docs/CONTRIBUTING.md#contributing": "it is what runs this",
    "README.md#on-your-own-clusters": "it needs clusters of one's own, and a name for them",
    "docs/operations.md#a-member-whose-only-way-out-is-an-http-proxy": "test_egress_proxy.py has a proxy of its own",
    "docs/operations.md#resource-transforms": "test_transforms.py uses the example so; no test changes the checkout",
    "docs/operations.md#members-found-by-labels": "test_delivered_members.py labels the Clusters of its own members",
    "docs/operations.md#members-that-are-away": "test_retired_member.py lets go of a member so, whose node is removed",
    "docs/operations.md#images": "test_published_images.py does the same with a registry of its own, which has a name",
    "docs/operations.md#renewal": "test_real_clusters.py runs it under traffic, on two servers",
    "docs/operations.md#unattended": "it needs a machine whose systemd it may change; test_unattended.py has its paths",
    "docs/operations.md#unattended 2": "it needs a repository on GitHub; test_unattended.py has its names",
    "docs/operations.md#unattended 3": "it needs a registry for the image; test_unattended_in_cluster.py has its names",
    "docs/operations.md#unattended 4": "it needs Pulumi's operator; test_unattended_in_cluster.py has its names",
    "docs/operations.md#another-credential 2": "test_real_search.py types it where there is a karmada-search",
    "docs/operations.md#upgrading-anp 2": "it asks a repository on the Internet",
    "docs/operations.md#upgrading-anp 3": "DIGEST is of an image that somebody has checked",
    "docs/operations.md#upgrading-anp 4": "test_anp_upgrade.py does the same on a stack of its own, under traffic",
    "docs/operations.md#upgrading-this-program": "it takes a version that is not the one that is tested; "
    "test_versions.py previews this one on the states of those before",
    "docs/operations.md#from-the-version-that-told-members-apart-by-their-endpoint": "it is for a stack named prod, "
    "whose state was made by that version",
    "docs/operations.md#when-a-run-was-interrupted": "test_interrupted_runs.py types it after each interruption",
    "docs/operations.md#when-a-run-was-interrupted 2": "test_interrupted_runs.py types it after each interruption",
    "docs/operations.md#when-a-run-was-interrupted 3": "test_interrupted_runs.py does the same where it comes to that",
    "docs/security.md#where-to-keep-it": "it needs a bucket and a KMS",
    "docs/security.md#where-to-keep-it 2": "it needs a KMS",
}
"""The blocks that no test types, each with the reason."""

AT_THE_TOP: Sequence[str] = ("README.md", "CHANGELOG.md", "SECURITY.md")
"""Documents beside the program, where those who look for them expect them."""

LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"``.+?``|`[^`]+`")


def documents() -> Sequence[str]:
    """The documents by their paths in the checkout."""
    return [*AT_THE_TOP, *sorted(f"docs/{each.name}" for each in (ROOT / "docs").glob("*.md"))]


@cache
def content(document: str) -> str:
    return (ROOT / document).read_text()


def blocks() -> Mapping[str, str]:
    """Every block of shell commands by its name."""
    return {name: block for each in documents() for name, block in _blocks(each)}


def links(document: str) -> Sequence[str]:
    """What a document links to and which pictures it has."""
    return LINK.findall(CODE.sub("", _prose(document)))


def anchors(document: str) -> Sequence[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", _prose(document), re.MULTILINE):
        anchor = _anchor(heading)
        earlier = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", each) is not None for each in found)
        found.append(f"{anchor}-{earlier}" if earlier else anchor)
    return found


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _prose(document: str) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", content(document), flags=re.MULTILINE | re.DOTALL)


def _blocks(document: str) -> Iterator[tuple[str, str]]:
    section, number = "", 0
    for heading, language, block in re.findall(
        r"^#+ ([^\n]*)$|^```(\w*)\n(.*?)^```$", content(document), re.MULTILINE | re.DOTALL
    ):
        if heading:
            section, number = _anchor(heading), 0
        elif language == "sh":
            number += 1
            yield f"{document}#{section}" + (f" {number}" if number > 1 else ""), block
