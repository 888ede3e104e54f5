"""Findings: the state of each hop of a tunnel, printed as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clusters.objects import Json
from config.problems import pulumi_command

REFRESH = pulumi_command("up --refresh")
"""The command that restores whatever the stack has made or set."""


class State(StrEnum):
    """The state of a hop. UNKNOWN: it could not be checked, often because another hop is wrong."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The state of a hop, in a line (`detail`), and the remedy unless it is right."""

    hop: str
    state: State
    detail: str
    remedy: str = ""


def right(hop: str, detail: str) -> Finding:
    """A finding of a hop that works."""
    return Finding(hop=hop, state=State.RIGHT, detail=detail)


def wrong(hop: str, detail: str, remedy: str) -> Finding:
    """A finding of a hop that does not work, with the remedy."""
    return Finding(hop=hop, state=State.WRONG, detail=detail, remedy=remedy)


def unknown(hop: str, detail: str, remedy: str) -> Finding:
    """A finding of a hop that could not be checked, with the remedy for that."""
    return Finding(hop=hop, state=State.UNKNOWN, detail=detail, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The findings of all hops to one member. A wrong hop may be the cause of those after it."""

    member: str
    findings: Sequence[Finding]

    @property
    def first(self) -> Finding | None:
        """The first wrong finding, else the first unknown one, else None."""
        for state in (State.WRONG, State.UNKNOWN):
            for each in self.findings:
                if each.state is state:
                    return each
        return None

    def lines(self) -> Iterator[str]:
        """A heading, a line for each hop, and the remedy below the first that is wrong or unknown."""
        first = self.first
        yield f"{self.member}: {f'{first.state} at {first.hop}' if first else 'all right'}"
        for each in self.findings:
            yield f"  {each.state:8} {each.hop:14} {each.detail}"
            if each is first:
                yield f"{'':26}do: {each.remedy}"

    def json(self) -> Mapping[str, Json]:
        """`{member, first, hops: [{hop, state, says, mend}]}`; `first` is a hop's name or null."""
        hops: list[Json] = [
            {"hop": each.hop, "state": each.state, "says": each.detail, "mend": each.remedy} for each in self.findings
        ]
        return {"member": self.member, "first": self.first.hop if self.first else None, "hops": hops}
