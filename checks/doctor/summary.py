"""The doctor's findings of many members in a table by cause: those with the same first finding are counted together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from checks.findings import Finding, Walk
from checks.outcomes import listed

POD = re.compile(r"\b(proxy-(?:agent|server)(?:-delivered)?)-[0-9a-z]{1,10}-[0-9a-z]{5}\b")
"""The name of a Deployment's pod, with the hash of its ReplicaSet and its own."""


def summary(walks: Sequence[Walk]) -> Iterator[str]:
    """For each cause, the most frequent first: how many members, where and what, their names, and the remedy as it is
    for the first of them."""
    causes: defaultdict[str, list[tuple[str, Finding]]] = defaultdict(list)
    for each in walks:
        if each.first:
            causes[_cause(each.member, each.first)].append((each.member, each.first))
    right = len(walks) - sum(map(len, causes.values()))
    yield f"{right} of {len(walks)} members: all right"
    for cause, found in sorted(causes.items(), key=lambda each: -len(each[1])):
        (first, finding), names = found[0], [name for name, _ in found]
        yield f"{len(found)} member{'s' if len(found) > 1 else ''}: {cause}"
        yield f"  {listed(names)}"
        yield f"  do{f' for {first}' if len(found) > 1 else ''}: {finding.remedy}"


def _cause(member: str, found: Finding) -> str:
    """A finding without what tells members and pods apart."""
    detail = POD.sub(r"\1-…", re.sub(rf"(?<![\w-]){re.escape(member)}(?![\w-])", "NAME", found.detail))
    return f"{found.state} at {found.hop}: {detail}"
