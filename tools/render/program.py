"""Runs the whole program, `__main__.py` unchanged, without an engine: `run`, and its result, `Run`.

All outputs are awaited, and an error anywhere is raised.
"""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import environ
from unittest.mock import patch

from pulumi.runtime import set_mocks
from pulumi.runtime.settings import SETTINGS, get_root_resource
from pulumi.runtime.stack import Stack, run_pulumi_func

from checks.preflight import PreflightResult
from clusters.objects import Json
from config.problems import PROJECT
from config.settings import Settings
from tools.render.machine import PlaceholderMachine
from tools.render.mocks import ProgramMocks, RecordingMonitor, Tls, placeholder
from tools.render.recorded import Recorded
from tools.render.stackfile import ROOT, environment


@dataclass(frozen=True, kw_only=True)
class Run:
    """The result of a run: the stack, whose outputs are its exports, its resources by URN, and what each placeholder
    stands for."""

    stack: Recorded
    resources: Mapping[str, Recorded]
    placeholders: Mapping[str, str]

    def children(self, of: str) -> Sequence[Recorded]:
        """The resources whose parent is a URN, sorted by name."""
        found = [each for each in self.resources.values() if each.parent == of]
        return sorted(found, key=lambda each: (each.name, each.type))

    def the(self, kind: str, name: str) -> Recorded:
        """The resource with a name whose type ends in `kind` (`Deployment`). Raises KeyError."""
        for each in self.resources.values():
            if each.name == name and each.type.rsplit(":", 1)[-1] == kind:
                return each
        raise KeyError(f"{kind} {name}")

    def needs(self, resource: Recorded) -> frozenset[str]:
        """The URNs of all dependencies of a resource, direct and indirect."""
        found: set[str] = set()
        waiting: list[str] = [*resource.dependencies]
        while waiting:
            urn = waiting.pop()
            if urn not in found and urn in self.resources:
                found.add(urn)
                waiting += self.resources[urn].dependencies
        return frozenset(found)


def run(
    stack: str,
    config: Mapping[str, Json],
    before: Iterable[Recorded] = (),
    preview: bool = False,
    tls: Tls = placeholder,
) -> Run:
    """Runs the program with a config by full key (`karmada-anp:host`). Raises what the program raises.

    `before` are an earlier run's resources, whose outputs a second `up` would keep; `tls` makes keys and certificates.
    In a `preview`, outputs that providers would compute are recorded as UNKNOWN, and so is what depends on them.
    """
    with _closed_event_loops():
        return asyncio.run(_run(stack, config, ProgramMocks(before, preview, tls)))


@contextmanager
def _closed_event_loops() -> Generator[None]:
    """Closes in the end the event loops that Pulumi's mocks make in their threads and leave open with their sockets."""
    made, new_event_loop = list[asyncio.AbstractEventLoop](), asyncio.new_event_loop

    def recorded() -> asyncio.AbstractEventLoop:
        made.append(new_event_loop())
        return made[-1]

    with patch("asyncio.new_event_loop", recorded):
        yield
    for each in made:
        each.close()


def ready(settings: Settings) -> PreflightResult:
    """Preflight's result without asking a cluster: nothing exists yet, and only members that the config says are
    registered are."""
    return PreflightResult(
        settings=settings.joined([each.name for each in settings.members if each.registered]), taken_over=[]
    )


async def _run(stack: str, config: Mapping[str, Json], mocks: ProgramMocks) -> Run:
    # outputs that a failed earlier run left unawaited belong to that run's event loop
    SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    machine, monitor = PlaceholderMachine(), RecordingMonitor(mocks)
    set_mocks(mocks, PROJECT, stack, preview=mocks.preview, monitor=monitor)

    def program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        root = get_root_resource()
        assert isinstance(root, Stack)
        root.register_outputs(root.outputs)

    with (
        patch.dict(environ, environment(config)),
        patch("clusters.workstation.ThisMachine", lambda: machine),
        patch("checks.preflight.check", ready),
        patch("config.problems.end_quietly"),
    ):
        await run_pulumi_func(program)
    stack_urn = next(urn for urn, each in monitor.recorded.items() if each.type == "pulumi:pulumi:Stack")
    return Run(stack=monitor.recorded.pop(stack_urn), resources=monitor.recorded, placeholders=machine.given)
