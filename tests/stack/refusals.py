"""What a run that failed said, and that it changed nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence

from answers import Json
from tests.stack import environment
from tests.stack.environment import HOST, HOST_CONFIG, KARMADA, member


def local() -> dict[str, Json]:
    """The host's part of the dev stack's config."""
    return {"kubeconfig": HOST_CONFIG, "context": HOST[1], "kind": "karmada-host"}


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


def holds() -> Mapping[str, Json]:
    """What of ours, and of karmada-agent's and the Cluster's own, the clusters hold."""
    ends = {"host": HOST, "Karmada": KARMADA, **{name: member(name) for name in environment.members()}}
    return {**environment.agent_specs(), **{name: list(environment.ours_in(end)) for name, end in ends.items()}}
