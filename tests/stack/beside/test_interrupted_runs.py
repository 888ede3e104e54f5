"""`pulumi up` and `pulumi destroy`, killed at five points of their length, and what it takes to go on.

What is typed afterwards is what docs/operations.md says, "When a run was interrupted", and nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from clusters.objects import Json, at, items, text
from components.secret_files import CHECKSUM_ANNOTATION
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, NAMESPACE, Site, member
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import answers_itself
from tests.stack.refusals import succeeds
from tools.checkout import Checkout

pytestmark = pytest.mark.long

PART = "Interrupted runs"
POINTS = (0.15, 0.35, 0.55, 0.75, 0.95)
"""Of the length of a run that nobody disturbs."""

NODE_PORT = 30_091

UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
CANCEL = ("cancel", "--yes")
REFRESH = ("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
PREVIEW = ("preview", "--expect-no-changes")
ADOPT = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
"""Takes over what an interrupted `up` made and did not come to record."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a stack that is up consists of, without what is another in each stack: keys and what is made from them."""

    urns: Sequence[str]
    pending: Sequence[str]
    objects: Mapping[str, Sequence[str]]
    specs: Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """How long, in seconds, runs take that nobody disturbs, and what there is after `up`."""

    up: float
    destroy: float
    held: Held


@dataclass(frozen=True, kw_only=True)
class Killed:
    """When a run was killed, how many resources its state had then, what it was at, and whether a file beside the state
    was left empty, without which it cannot be read."""

    seconds: float
    recorded: int
    pending: Sequence[str]
    emptied: bool

    def __str__(self) -> str:
        at_work = ", ".join(self.pending) or "nothing"
        emptied = ", `failed to load checkpoint`" if self.emptied else ""
        return f"killed after {self.seconds:.1f} s, {self.recorded} resources recorded, at work: {at_work}{emptied}"


@pytest.fixture(scope="module")
def alone(dev: Checkout, site: Site) -> Iterator[Checkout]:
    """The dev stack for one member, each time behind the same port of the host's nodes. Afterwards its state is such
    that it can be destroyed, whatever happened."""
    dev.configure(members=environment.settings_of(site.plain), proxy={"exposure": "nodePort", "nodePort": NODE_PORT})
    dev.select()
    yield dev
    dev.run(*CANCEL)
    if pending(dev):
        dev.run(*REFRESH)
        dev.run(*UP, **ADOPT)


@pytest.fixture(scope="module")
def undisturbed(alone: Checkout, site: Site) -> Undisturbed:
    """Measured once everything is built and loaded that a first run builds and loads."""
    succeeds(alone.run(*UP))
    succeeds(alone.run(*DESTROY))
    up = timed(alone, *UP)
    held = what_is_held(alone, site)
    destroy = timed(alone, *DESTROY)
    print(f"undisturbed: up {up:.1f} s, destroy {destroy:.1f} s")
    assert held.pending == []
    return Undisturbed(up=up, destroy=destroy, held=held)


@pytest.mark.parametrize("point", POINTS)
def test_an_up_and_a_destroy_that_were_killed_end_as_if_they_had_not_been(
    alone: Checkout, undisturbed: Undisturbed, before: Mapping[str, Json], site: Site, point: float
) -> None:
    killed = kill(alone, UP, undisturbed.up, point, undo=DESTROY)
    typed = go_on(alone)
    held, preview, answer = what_is_held(alone, site), alone.run(*PREVIEW), answers(site)
    other = list(differences(asdict(held), asdict(undisturbed.held)))
    note(
        PART,
        tried=f"`up` killed at {point:.0%} of its length, then {'; '.join(typed)}",
        expected="the same resources, objects and specs, nothing pending, no changes, the member answers",
        seen=f"{killed}; then {'not the same: ' + '; '.join(other) if other else 'the same'}, "
        f"{'no changes' if preview.returncode == 0 else 'changes'}, {answer}",
    )
    assert other == []
    succeeds(preview)
    assert answer == "answers"
    renews(alone)

    killed = kill(alone, DESTROY, undisturbed.destroy, point, undo=UP)
    succeeds(alone.run(*CANCEL))
    again = alone.run(*DESTROY)
    left = [each for found in ours(site).values() for each in found]
    specs = environment.agent_specs(site.joined)
    note(
        PART,
        tried=f"`destroy` killed at {point:.0%} of its length, then pulumi cancel; pulumi destroy",
        expected="nothing of ours left, karmada-agent and its Cluster as before",
        seen=f"{killed}; then {', '.join(left) or 'nothing'} left, "
        f"{'as before' if specs == before else 'not as before'}",
    )
    succeeds(again)
    assert left == []
    assert specs == before
    assert state(alone) == []
    assert pending(alone) == []
    assert environment.healthy(site.plain)


def kill(checkout: Checkout, command: Sequence[str], length: float, point: float, undo: Sequence[str]) -> Killed:
    """Starts a command and kills it at a point of its length, in seconds: every process that it started, as a machine
    does that loses its power. One that had ended by then is undone and tried again, by the length that it had."""
    for _ in range(4):
        killed = _killed(checkout, command, length * point)
        if isinstance(killed, Killed):
            return killed
        succeeds(checkout.run(*undo))
        length = killed
    raise AssertionError(f"`{command[0]}` always ended before {point:.0%} of its length, {length:.1f} s in the end")


def _killed(checkout: Checkout, command: Sequence[str], seconds: float) -> Killed | float:
    """What was killed, or after how many seconds it had ended by itself."""
    started = time.monotonic()
    process = subprocess.Popen(
        ["pulumi", *command, "--stack", checkout.stack, "--non-interactive"],
        cwd=checkout.directory,
        env=os.environ | checkout.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    else:
        assert code == 0, f"`{command[0]}` failed by itself"
        return time.monotonic() - started
    took = time.monotonic() - started
    end_session(process.pid)
    assert process.wait(10) == -signal.SIGKILL
    emptied = emptied_and_deleted(checkout)
    return Killed(seconds=took, recorded=len(state(checkout)), pending=pending(checkout), emptied=emptied)


def emptied_and_deleted(checkout: Checkout) -> bool:
    """Whether the run was killed while it wrote, beside the state, what kind of file that is; gocloud.dev's fileblob
    does so in place. It is deleted, as docs/operations.md says."""
    backend = Path(checkout.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    emptied = [each for each in backend.rglob("*.attrs") if each.stat().st_size == 0]
    for each in emptied:
        each.unlink()
    return bool(emptied)


def end_session(leader: int) -> None:
    """Kills the process groups of a session that the test began: Pulumi puts each of its plugins into one."""
    for _ in range(20):
        listing = ["ps", "-o", "pgid=,stat=", "--sid", str(leader)]
        listed = subprocess.run(listing, capture_output=True, text=True, check=False).stdout
        groups = {int(line.split()[0]) for line in listed.splitlines() if not line.split()[1].startswith("Z")}
        if not groups:
            return
        for group in sorted(groups, key=lambda each: each != leader):
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(0.1)
    raise AssertionError(f"processes of session {leader} do not end")


def go_on(checkout: Checkout) -> list[str]:
    """What docs/operations.md says to type after an interrupted `up`. What was typed."""
    succeeds(checkout.run(*CANCEL))
    succeeds(checkout.run(*REFRESH))
    up = checkout.run(*UP)
    typed = ["pulumi cancel", "pulumi refresh --clear-pending-creates", "pulumi up"]
    if up.returncode:
        assert "already exists" in up.stdout + up.stderr, up.stdout + up.stderr
        print(up.stdout)
        succeeds(checkout.run(*UP, **ADOPT))
        succeeds(checkout.run(*UP))
        typed += ["with PULUMI_K8S_UPSERT_EXISTING_OBJECTS, as something already existed", "pulumi up"]
    return typed


def renews(checkout: Checkout) -> None:
    """Every Secret and Deployment can still be changed: nothing is owned by a run that is no more."""
    checkout.configure(certificates={"validityHours": 8_000})
    succeeds(checkout.run(*UP))
    checkout.configure(certificates={})


def answers(site: Site) -> str:
    """Whether the member does, through Karmada."""
    return "answers" if answers_itself(site.plain) else "somebody else answers"


def ours(site: Site) -> Mapping[str, Sequence[str]]:
    """The stack's objects that there are, by context."""
    ends = {HOST: site.namespace, KARMADA: NAMESPACE, member(site.plain): NAMESPACE}
    return {end[1]: sorted(environment.ours_in(end, namespace, site)) for end, namespace in ends.items()}


def what_is_held(checkout: Checkout, site: Site) -> Held:
    """All of it, as the state and the clusters say."""
    specs = dict(environment.agent_specs(site.joined))
    ends = (HOST, site.namespace, "proxy-server"), (member(site.plain), NAMESPACE, "proxy-agent")
    for end, namespace, name in ends:
        deployment = objects(kubectl(*end, "get", f"deployment/{name}", f"--namespace={namespace}"))[0]
        specs[name] = at(deployment, "spec")
    return Held(
        urns=sorted(state(checkout)),
        pending=pending(checkout),
        objects=ours(site),
        specs={name: comparable(spec) for name, spec in specs.items()},
    )


def differences(one: Json, other: Json, path: str = "") -> Iterator[str]:
    """Where two values differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif one != other:
        yield f"{path} is {one}, not {other}"


def comparable(spec: Json) -> Json:
    """Without the values that come from keys."""
    if isinstance(spec, Mapping):
        drawn = ("Proxy-Authorization", CHECKSUM_ANNOTATION)
        return {key: "drawn" if key in drawn else comparable(value) for key, value in spec.items()}
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        return [comparable(each) for each in spec]
    return spec


def state(checkout: Checkout) -> list[str]:
    """The URNs of the resources that are recorded, but for the stack itself, which stays."""
    found = items(checkout.select().export_stack().deployment, "resources")
    return [text(each, "urn") for each in found if text(each, "type") != "pulumi:pulumi:Stack"]


def pending(checkout: Checkout) -> list[str]:
    """What the state says that a run was at and did not end."""
    found = items(checkout.select().export_stack().deployment, "pending_operations")
    names = [(text(each, "type"), text(each, "resource", "urn").split("::")) for each in found]
    return [f"{operation} {urn[-2].rpartition(':')[2].rpartition('$')[2]} {urn[-1]}" for operation, urn in names]


def timed(checkout: Checkout, *command: str) -> float:
    started = time.monotonic()
    succeeds(checkout.run(*command))
    return time.monotonic() - started
