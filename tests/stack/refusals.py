"""How a run ended: that it succeeded, or what it said and that it changed nothing."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence

from clusters.objects import Json
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, HOST_CONFIG, KARMADA, member
from tools.checkout import UP, Checkout

TELLS = "already exists|has the tunnel|cannot bind|not reached through|Back-off pulling"
"""How the lines of diagnostics that tell why are recognised, for the table alone."""


def local() -> dict[str, Json]:
    """The host's part of the dev stack's config."""
    return {"kubeconfig": HOST_CONFIG, "context": HOST[1], "kind": "karmada-host"}


def succeeds(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def said(done: subprocess.CompletedProcess[str]) -> Sequence[str]:
    """The problems that a run told of, each in one line; or else its errors."""
    printed = done.stdout + done.stderr
    found = re.findall(r"^ *- (karmada-anp:.*)$", printed, re.MULTILINE)
    return list(dict.fromkeys(found)) or [
        line.strip() for line in printed.splitlines() if re.match(r" *(error|kubernetes:\S+ .*error): ", line)
    ]


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """It ended with an error, which is no traceback."""
    printed = done.stdout + done.stderr
    assert done.returncode != 0, printed
    assert "Traceback" not in printed, printed
    assert 'File "' not in printed, printed


def goes_on(corrected: Checkout, member: str) -> None:
    """What `up` makes of a right config, whatever there was before: the member is reached, and nothing left to do."""
    done = corrected.run(*UP)
    succeeds(done)
    assert f"{member}: reached through Karmada" in done.stdout
    assert set(corrected.select().up().summary.resource_changes or {}) == {"same"}


def gives_back(checkout: Checkout, before: Mapping[str, Json]) -> None:
    """Destroy leaves nothing of ours, and karmada-agent and the Cluster objects as they were before."""
    checkout.select().destroy()
    assert environment.agent_specs() == before
    for end in (HOST, KARMADA, *(member(name) for name in environment.members())):
        assert environment.ours_in(end) == []
    assert [name for name in environment.members() if not environment.healthy(name)] == []


def holds() -> Mapping[str, Json]:
    """What of ours, and of karmada-agent's and the Cluster's own, the clusters hold."""
    ends = {"host": HOST, "Karmada": KARMADA, **{name: member(name) for name in environment.members()}}
    return {**environment.agent_specs(), **{name: list(environment.ours_in(end)) for name, end in ends.items()}}


def tell(tried: str, expected: str, done: subprocess.CompletedProcess[str], begins: float) -> None:
    """Notes what a run said, shortly: its diagnostics, without the lines that tell of its progress."""
    diagnostics = done.stdout.partition("Diagnostics:")[2].partition("\nOutputs:")[0].partition("\nResources:")[0]
    why = [line.strip() for line in diagnostics.splitlines() if re.search(TELLS, line)]
    seen = f"exit {done.returncode} after {time.monotonic() - begins:.0f} s: {' / '.join(dict.fromkeys(why))[:400]}"
    note("Mistakes", tried=f"up: {tried}", expected=expected, seen=seen)
    print(done.stdout)
