"""Members that are away or gone: a node that is stopped, and what is deleted there before the member leaves the config.

The others go on; what is to be given back to something that is not there is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from pulumi import automation

from checks.delivered import is_ready
from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, at, entries, is_terminating, items, number, text
from clusters.programs import output_of
from tests.proof import note
from tests.stack import environment
from tests.stack.checkout_commands import rotate_ca
from tests.stack.delivered import clear, cluster, in_member, label, works
from tests.stack.environment import HOST, KARMADA, NAMESPACE, Site, member, settings_of
from tests.stack.kubectl import apply, kubectl, manifest, objects
from tests.stack.nodes import answers_itself, node_of, starts, stops
from tests.stack.refusals import succeeds
from tools.checkout import DESTROY, UP, Checkout

PART = "Away and gone"
LEAVES_OTHERS_ALONE = (*UP, "--continue-on-error")
AGENT = ("deployment/karmada-agent", f"--namespace={NAMESPACE}")


@pytest.fixture(scope="module")
def up(dev: Checkout, site: Site) -> automation.UpResult:
    """A fresh up of both members."""
    return dev.select().up(on_output=print)


@pytest.fixture
def stopped(site: Site) -> Iterator[str]:
    """A member whose node is stopped; it runs again afterwards."""
    stops(node_of(site.plain))
    yield site.plain
    comes_back(site.plain)


def comes_back(name: str) -> None:
    """Starts a member's node, and waits until it is heard of."""
    starts(node_of(name))
    environment.heard_of(name)


def behind(dev: Checkout) -> Sequence[Json]:
    found: Sequence[Json] = dev.select().outputs()["behind"].value
    return found


def agents_secret(name: str) -> Json:
    return at(objects(kubectl(*member(name), "get", "secret/proxy-agent-cert", f"--namespace={NAMESPACE}"))[0], "data")


def test_an_up_goes_on_without_a_member_whose_node_is_stopped_and_brings_it_up_to_date_later(
    up: automation.UpResult, dev: Checkout, site: Site, stopped: str
) -> None:
    held = {name: agents_secret(name) for name in [site.registered]}
    dev.configure(certificates={"validityHours": 8_000})
    begun = time.monotonic()
    done = dev.run(*UP)
    took, missing = time.monotonic() - begun, behind(dev)
    comes_back(stopped)
    later = dev.run(*UP)
    note(
        PART,
        tried="a node stopped, leaves renewed by `up`; then started again, `up`",
        expected="ends well, names it; the other is renewed; then both answer",
        seen=f"exit {done.returncode} after {took:.0f} s, behind: {missing}; then exit {later.returncode}, "
        f"behind: {behind(dev)}",
    )
    succeeds(done)
    assert f"karmada-anp:members.{stopped}: it does not answer" in done.stdout
    assert "what it has stays as it is" in done.stdout
    assert missing == [stopped]
    assert f"{site.registered}: reached through Karmada" in done.stdout
    assert agents_secret(site.registered) != held[site.registered]
    succeeds(later)
    assert behind(dev) == []
    for name in site.joined:
        assert f"{name}: reached through Karmada" in later.stdout or answers_itself(name)
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


@pytest.mark.long
def test_a_new_member_that_does_not_answer_gets_nothing_until_it_does(
    up: automation.UpResult, dev: Checkout, site: Site
) -> None:
    dev.configure(members=settings_of(site.registered))
    dev.select().up()
    stops(node_of(site.plain))
    try:
        dev.configure(members=settings_of(*site.joined))
        done = dev.run(*UP)
    finally:
        comes_back(site.plain)
    succeeds(done)
    assert f"karmada-anp:members.{site.plain}: it does not answer" in done.stdout
    assert "it gets nothing yet" in done.stdout
    assert behind(dev) == [site.plain]
    assert f"{site.plain}: reached through Karmada" in dev.select().up(on_output=print).stdout


def agents_generation(name: str) -> float:
    agent = kubectl(*member(name), "get", "deployment/proxy-agent", f"--namespace={NAMESPACE}")
    return number(objects(agent)[0], "metadata", "generation")


def rolls(name: str, before: float) -> None:
    """That proxy-agent's Deployment is another than before."""
    if agents_generation(name) == before:
        raise Unavailable(f"proxy-agent of {name} is as before")


@pytest.mark.long
def test_a_member_lost_during_an_up_is_that_members_error_alone(
    up: automation.UpResult, dev: Checkout, site: Site
) -> None:
    """While its rollout is waited for, as long as rolloutMinutes: before that, pulumi-kubernetes waits for its API."""
    dev.configure(certificates={"validityHours": 8_100}, memberDefaults={"rolloutMinutes": 1})

    def stop_during_its_rollout(line: str) -> None:
        if f"{site.plain}-proxy-agent updating" in line and not stopping:
            stopping.append(line)
            retry(lambda: rolls(site.plain, before), 20)
            time.sleep(1)
            stops(node_of(site.plain))

    stopping: list[str] = []
    held, before = agents_secret(site.registered), agents_generation(site.plain)
    begun = time.monotonic()
    try:
        with pytest.raises(automation.CommandError):
            dev.select().up(on_output=stop_during_its_rollout, continue_on_error=True)
    finally:
        took = time.monotonic() - begun
        comes_back(site.plain)
    note(
        PART,
        tried="a node stopped while `up` renews leaves, of a rollout that may take a minute",
        expected="that member's error alone: the other is renewed",
        seen=f"an error after {took:.0f} s",
    )
    assert agents_secret(site.registered) != held
    assert answers_itself(site.registered)
    dev.select().up(on_output=print)
    for name in site.joined:
        assert answers_itself(name)


def deletes(end: tuple[str, str], *what: str) -> None:
    output_of(kubectl(*end, "delete", *what, "--timeout=60s"), 90)


def agent_first(name: str) -> None:
    deletes(member(name), *AGENT)


def cluster_first(name: str) -> None:
    """karmada-agent would register it again when it starts anew."""
    deletes(KARMADA, f"clusters.cluster.karmada.io/{name}")


def unregistered(name: str) -> None:
    """What `karmadactl unregister` deletes, in its order."""
    agent_first(name)
    cluster_first(name)


def nothing_first(name: str) -> None:
    """The config is the first to know."""


def empty(name: str) -> None:
    """That nothing of the stack is left in a member."""
    left = in_member(name)
    if left:
        raise Unavailable(f"{name} still has {left}")


ORDERS = [
    pytest.param(agent_first, id="karmada-agent deleted"),
    pytest.param(nothing_first, id="nothing before", marks=pytest.mark.long),
    pytest.param(cluster_first, id="its Cluster deleted", marks=pytest.mark.long),
    pytest.param(unregistered, id="what unregister deletes", marks=pytest.mark.long),
]


@pytest.mark.parametrize("access", ["kubeconfig", pytest.param("karmada", marks=pytest.mark.long)])
@pytest.mark.parametrize("first", ORDERS)
def test_a_member_leaves_in_any_order(
    up: automation.UpResult,
    dev: Checkout,
    site: Site,
    before: Mapping[str, Json],
    first: Callable[[str], None],
    access: str,
) -> None:
    name = site.plain
    (agent,) = objects(kubectl(*member(name), "get", *AGENT))
    delivered: dict[str, Json] = {name: {"access": "karmada", "kind": name}} if access == "karmada" else {}
    dev.configure(members=settings_of(*site.joined) | delivered)
    dev.select().up()
    first(name)
    dev.configure(members=settings_of(site.registered))
    left = dev.run(*LEAVES_OTHERS_ALONE)
    again = dev.run(*UP, "--expect-no-changes")
    clusters = objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io", name))
    named = [key for key in ("proxyURL", "proxyHeader") for each in clusters if at(each, "spec", key)]
    stays = in_member(name)
    note(
        PART,
        tried=f"access: {access}, {first.__name__.replace('_', ' ')}; then it leaves the config, `up`",
        expected="ends well, and the next one changes nothing",
        seen=f"exit {left.returncode}, then {again.returncode}; on its Cluster: {named or 'nothing'}, in its own "
        f"cluster: {stays or 'nothing'}",
    )
    if not clusters or first is agent_first:
        args = items(entries(agent, "spec", "template", "spec"), "containers")
        assert text(args[0], "name") == "karmada-agent"
        specified = before[f"{name} karmada-agent"]
        # anew, for one that runs may still have the flag: where the Cluster was deleted first nothing led there
        deletes(member(name), *AGENT, "--ignore-not-found")
        apply(kubectl(*member(name)), {**entries(manifest(agent)), "spec": specified})
    environment.heard_of(name)
    succeeds(left)
    succeeds(again)
    assert named == []
    if access == "kubeconfig" or clusters:
        retry(lambda: empty(name), 60)
    assert answers_itself(site.registered)
    clear(name)


@pytest.mark.long
def test_a_member_that_leaves_while_it_is_away_stays_until_it_is_back(
    up: automation.UpResult, dev: Checkout, site: Site, stopped: str
) -> None:
    dev.configure(members=settings_of(*site.joined))
    comes_back(stopped)
    dev.select().up()
    stops(node_of(stopped))
    dev.configure(members=settings_of(site.registered))
    done = [dev.run(*UP) for _ in range(2)]
    missing = behind(dev)
    comes_back(stopped)
    later = dev.run(*UP)
    note(
        PART,
        tried="a node stopped, then its member leaves the config, two `up`; started again, `up`",
        expected="end well and name it; then it has left",
        seen=f"exit {[each.returncode for each in done]}, behind: {missing}; then exit {later.returncode}, left there: "
        f"{in_member(stopped) or 'nothing'}",
    )
    for each in done:
        succeeds(each)
        assert f"karmada-anp:members.{stopped}: it has left the config and it does not answer" in each.stdout
    assert missing == [stopped]
    succeeds(later)
    assert in_member(stopped) == []
    assert environment.healthy(stopped)


def unready(name: str) -> None:
    """That Karmada has noticed that a member is away."""
    if is_ready(cluster(name)):
        raise Unavailable(f"the Cluster of {name} is still Ready")


AGAIN = "karmada-anp.test/again"


@pytest.fixture
def found(dev: Checkout, site: Site, stopped: str) -> Iterator[str]:
    """A member that is found by its label, the other's too, whose node runs until somebody stops it."""
    comes_back(stopped)
    for name in site.joined:
        label(name, f"{AGAIN}=yes")
    dev.configure(discover={"selector": AGAIN}, members={**settings_of(site.registered), stopped: {"kind": stopped}})
    yield stopped
    dev.configure(discover={}, members=settings_of(*site.joined))
    for name in site.joined:
        label(name, f"{AGAIN}-")


@pytest.mark.long
def test_a_member_that_is_found_again_while_its_works_still_go_has_them_anew(
    up: automation.UpResult, dev: Checkout, site: Site, found: str
) -> None:
    with_it = {**settings_of(site.registered), found: {"kind": found}}
    succeeds(dev.run(*UP))
    stops(node_of(found))
    retry(lambda: unready(found), 120)
    label(found, f"{AGAIN}-")
    dev.configure(members=settings_of(site.registered))
    left = dev.run(*UP)
    going = [is_terminating(each) for each in works(found)]
    label(found, f"{AGAIN}=yes")
    dev.configure(members=with_it)
    again = dev.run(*UP)
    missing = behind(dev)
    comes_back(found)
    later = dev.run(*UP)
    print(left.stdout, again.stdout, later.stdout)
    note(
        PART,
        tried="its label taken while its node is stopped, and given again while its Works go; started again, `up`",
        expected="each ends well, and it is reached",
        seen=f"exit {left.returncode}, {sum(going)} of {len(going)} Works going; exit {again.returncode}, behind: "
        f"{missing}; exit {later.returncode}",
    )
    for each in (left, again, later):
        succeeds(each)
    assert going
    assert all(going)
    assert missing == [found]
    assert answers_itself(found)
    assert set(dev.select().up().summary.resource_changes or {}) == {"same"}


@pytest.mark.long
def test_the_cas_keys_are_replaced_once_a_member_that_is_away_is_back(
    up: automation.UpResult, dev: Checkout, site: Site
) -> None:
    dev.configure(members=settings_of(*site.joined), certificates={})
    dev.select().up()
    stops(node_of(site.plain))
    try:
        waits = rotate_ca(dev)
    finally:
        comes_back(site.plain)
    goes_on = rotate_ca(dev)
    note(
        PART,
        tried="make rotate-ca with a node stopped; then again, with the node back",
        expected="stops before the next step, and says for whom; then done, both answer",
        seen=f"exit {waits.returncode}, {waits.stderr.strip().splitlines()[0]}; then exit {goes_on.returncode}",
    )
    assert waits.returncode == 1
    assert f"Away: {site.plain}" in waits.stderr
    succeeds(goes_on)
    assert dev.select().outputs()["caKeys"].value == [2]
    for name in site.joined:
        assert answers_itself(name)


@pytest.mark.long
def test_a_destroy_goes_on_without_a_member_that_is_away(
    up: automation.UpResult, dev: Checkout, site: Site, stopped: str
) -> None:
    done = dev.run(*DESTROY, "--continue-on-error")
    left = environment.ours_in(member(site.registered), NAMESPACE, site)
    note(
        PART,
        tried="destroy with a node stopped",
        expected="that member's error alone: all is given back to the other",
        seen=f"exit {done.returncode}, left in the other: {left or 'nothing'}",
    )
    assert done.returncode != 0
    assert "the member's API does not answer" in done.stdout + done.stderr
    assert left == []


def test_destroy_gives_everything_back(up: automation.UpResult, dev: Checkout, site: Site) -> None:
    succeeds(dev.run(*DESTROY))
    for end, namespace in (
        (HOST, site.namespace),
        (KARMADA, NAMESPACE),
        *((member(each), NAMESPACE) for each in site.names),
    ):
        assert environment.ours_in(end, namespace, site) == []
    assert [name for name in site.joined if not environment.healthy(name)] == []
