"""`pulumi up` and `pulumi destroy`, killed at five points of their length, and what it takes to go on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import pytest

from clusters.objects import Json, at
from components.secret_files import CHECKSUM_ANNOTATION
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, NAMESPACE, Site, member
from tests.stack.interrupted import CANCEL, go_on, kill, pending, repair, state
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import answers_itself
from tests.stack.refusals import succeeds
from tools.checkout import DESTROY, UP, Checkout

pytestmark = pytest.mark.long

PART = "Interrupted runs"
POINTS = (0.15, 0.35, 0.55, 0.75, 0.95)
"""Of the length of a run that nobody disturbs."""

NODE_PORT = 30_091

PREVIEW = ("preview", "--expect-no-changes")


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


@pytest.fixture(scope="module")
def alone(dev: Checkout, site: Site) -> Iterator[Checkout]:
    """The dev stack for one member, each time behind the same port of the host's nodes. Afterwards its state is such
    that it can be destroyed, whatever happened."""
    dev.configure(members=environment.settings_of(site.plain), proxy={"exposure": "nodePort", "nodePort": NODE_PORT})
    dev.select()
    yield dev
    repair(dev)


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


def timed(checkout: Checkout, *command: str) -> float:
    started = time.monotonic()
    succeeds(checkout.run(*command))
    return time.monotonic() - started
