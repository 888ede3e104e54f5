"""What was found at each hop, and how it is told: as text, or as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clusters.objects import Json
from config.problems import pulumi_command

REFRESH = pulumi_command("up --refresh")
"""What puts back whatever the stack has made or set."""


class State(StrEnum):
    """Of a hop. UNKNOWN is what could not be asked, often for what is wrong elsewhere."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is so at a hop, in a line, and unless it is right what to do."""

    hop: str
    state: State
    says: str
    mend: str = ""


def right(hop: str, says: str) -> Finding:
    """A hop at which all is as it should be."""
    return Finding(hop=hop, state=State.RIGHT, says=says)


def wrong(hop: str, says: str, mend: str) -> Finding:
    """A hop at which something is wrong, and what to do about it."""
    return Finding(hop=hop, state=State.WRONG, says=says, mend=mend)


def unknown(hop: str, says: str, mend: str) -> Finding:
    """A hop that could not be asked about, and what to do so that it can be."""
    return Finding(hop=hop, state=State.UNKNOWN, says=says, mend=mend)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The hops of the way to one member, in the order in which one is the cause of the next."""

    member: str
    findings: Sequence[Finding]

    @property
    def first(self) -> Finding | None:
        """The first that is wrong; where none is, the first that is unknown. None if all are right."""
        for state in (State.WRONG, State.UNKNOWN):
            for each in self.findings:
                if each.state is state:
                    return each
        return None

    def lines(self) -> Iterator[str]:
        """A heading, a line a hop, and below the first that is wrong what to do."""
        first = self.first
        yield f"{self.member}: {f'{first.state} at {first.hop}' if first else 'all right'}"
        for each in self.findings:
            yield f"  {each.state:8} {each.hop:14} {each.says}"
            if each is first:
                yield f"{'':26}do: {each.mend}"

    def json(self) -> Mapping[str, Json]:
        """`{member, first, hops: [{hop, state, says, mend}]}`; `first` is a hop's name or null."""
        hops: list[Json] = [
            {"hop": each.hop, "state": each.state, "says": each.says, "mend": each.mend} for each in self.findings
        ]
        return {"member": self.member, "first": self.first.hop if self.first else None, "hops": hops}
