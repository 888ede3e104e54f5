"""Members that Karmada alone gets at: a stack that knows no kubeconfig of a member, from its first `up` to its destroy.

karmada-agent starts again in between, on the way up and on the way back: without its flag it clears `proxyURL`, and
with that the tunnel by which it would get the flag.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from clusters.objects import Json, items, text
from clusters.programs import output_of
from components.anp import PROXY_FLAG
from tests.proof import note
from tests.stack import environment
from tests.stack.checkout_commands import doctor
from tests.stack.delivered import agents, args, in_member, label, proxy_url, unchanged, works
from tests.stack.environment import HOST, KARMADA, NAMESPACE, Site, beside
from tests.stack.kubectl import kubectl
from tests.stack.nodes import answers_itself
from tests.stack.refusals import succeeds
from tools.checkout import DESTROY, UP, Checkout

LABEL = "karmada-anp.test/found"


def labelled(name: str, *, yes: bool = True) -> None:
    """Gives a Cluster object the label by which it is found, or takes it away."""
    label(name, f"{LABEL}=yes" if yes else f"{LABEL}-")


@pytest.fixture(scope="module")
def afar(dev: Checkout, site: Site) -> Iterator[Checkout]:
    """A checkout whose config has the host's kubeconfig, in which no member is, and finds members by a label."""
    # their images are loaded into their nodes, which Docker knows by their names
    dev.configure(discover={"selector": LABEL}, members={name: {"kind": name} for name in site.joined})
    for name in site.joined:
        labelled(name)
    dev.select()
    yield dev
    for name in site.joined:
        labelled(name, yes=False)


@pytest.fixture(scope="module")
def up(afar: Checkout) -> subprocess.CompletedProcess[str]:
    """A fresh up, in which karmada-agent of each member starts again as soon as its Cluster names the tunnel."""
    with restarting(beside().joined, lambda name: bool(proxy_url(name))):
        done = afar.run(*UP)
    print(done.stdout, done.stderr)
    return done


@contextmanager
def restarting(names: Sequence[str], when: Callable[[str], bool]) -> Generator[None]:
    """Deletes karmada-agent's pods in each of these members once that is so."""
    over, done = Event(), list[str]()

    def restart(name: str) -> None:
        while not over.wait(0.1):
            if when(name):
                selector = ["--selector=app=karmada-agent", f"--namespace={NAMESPACE}", "--grace-period=0", "--force"]
                output_of(kubectl(*environment.member(name), "delete", "pods", *selector), 60)
                done.append(name)
                return

    threads = [Thread(target=restart, args=[name]) for name in names]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in threads:
            each.join()
    assert sorted(done) == sorted(names)


def test_each_member_is_reached_though_karmada_agent_starts_again_meanwhile(
    up: subprocess.CompletedProcess[str],
) -> None:
    reached = re.findall(r"(\S+: reached through Karmada: [^\n]*)", up.stdout)
    note(
        "Delivered",
        tried="up without a kubeconfig of any member; karmada-agents start again before they have their flag",
        expected="each member is reached",
        seen="; ".join(dict.fromkeys(reached)) or "not reached",
    )
    succeeds(up)
    for name in beside().joined:
        assert f"{name}: reached through Karmada" in up.stdout


def test_a_name_leads_to_the_member_of_that_name(up: subprocess.CompletedProcess[str]) -> None:
    for name in beside().joined:
        assert answers_itself(name)
        assert args(name) == [f"{PROXY_FLAG}{proxy_url(name)}"]


def test_nothing_changes_in_a_second_up_nor_after_a_refresh(
    up: subprocess.CompletedProcess[str], afar: Checkout
) -> None:
    unchanged(afar)


def test_no_key_is_in_the_output_or_plain_in_the_state(up: subprocess.CompletedProcess[str], backend: Path) -> None:
    held = [items(each, "spec", "workload", "manifests")[0] for each in works(beside().plain)]
    (key,) = [text(each, "data", "proxy-agent.key") for each in held if text(each, "kind") == "Secret"]
    assert key
    for printed in (up.stdout + up.stderr, *(each.read_text() for each in backend.rglob("*.json*"))):
        assert key not in printed
        assert "PRIVATE KEY" not in printed


def test_the_doctor_finds_nothing_wrong(up: subprocess.CompletedProcess[str], afar: Checkout) -> None:
    done = doctor(afar)
    note("Delivered", tried="make doctor", expected="all right", seen=done.stdout.splitlines()[0])
    assert done.returncode == 0, done.stdout + done.stderr


def test_renewal_rolls_the_agents_and_the_old_secret_goes(up: subprocess.CompletedProcess[str], afar: Checkout) -> None:
    """With another key of the credentials at once."""
    old = {name: (agents(name), in_member(name)) for name in beside().joined}
    afar.configure(certificates={"validityHours": 8_000}, proxy={"exposure": "nodePort", "credential": 2})
    done = afar.run(*UP)
    succeeds(done)
    for name in beside().joined:
        assert f"{name}: reached through Karmada" in done.stdout
        assert not agents(name) & old[name][0]
        secrets = [each for each in in_member(name) if each.startswith("Secret/proxy-agent-cert-")]
        assert len(secrets) == 1
        assert secrets[0] not in old[name][1]
    unchanged(afar)


@pytest.mark.long
def test_a_flag_that_was_taken_away_is_told_by_the_doctor_and_put_back(
    up: subprocess.CompletedProcess[str], afar: Checkout
) -> None:
    patch = '[{"op": "remove", "path": "/spec/template/spec/containers/0/args"}]'
    where = ["deployment/karmada-agent", f"--namespace={NAMESPACE}"]
    output_of(kubectl(*environment.member(beside().plain), "patch", *where, "--type=json", f"--patch={patch}"))
    output_of(kubectl(*environment.member(beside().plain), "rollout", "status", *where, "--timeout=60s"), 70)
    assert environment.healthy(beside().plain)
    told = doctor(afar)
    assert told.returncode == 1
    assert "do: pulumi up --refresh" in told.stdout
    done = afar.run("up", "--refresh", "--yes", "--skip-preview")
    note(
        "Delivered",
        tried="karmada-agent's flag taken away by hand, then up --refresh",
        expected="the doctor names it, and it is put back",
        seen=f"{told.stdout.splitlines()[0]}; {args(beside().plain)}",
    )
    succeeds(done)
    assert args(beside().plain) == [f"{PROXY_FLAG}{proxy_url(beside().plain)}"]
    assert answers_itself(beside().plain)
    unchanged(afar)


def test_one_that_loses_its_label_leaves_and_no_other_notices(
    up: subprocess.CompletedProcess[str], afar: Checkout, before: Mapping[str, Json]
) -> None:
    stays, leaves = beside().plain, beside().registered
    running = agents(stays)
    labelled(leaves, yes=False)
    afar.configure(members={stays: {"kind": stays}})
    with restarting([leaves], lambda name: not args(name)):
        done = afar.run(*UP)
    left = [*in_member(leaves), *works(leaves)]
    specs = environment.agent_specs(beside().joined)
    same = [key for key in before if key.startswith(leaves) and specs[key] == before[key]]
    note(
        "Delivered",
        tried="a Cluster loses the label by which it is found, then up",
        expected="all is taken back there, and nothing rolled elsewhere",
        seen=f"exit {done.returncode}, left: {left}, as before: {same}; others' agents the same: "
        f"{agents(stays) == running}",
    )
    succeeds(done)
    assert f"karmada-anp:discover: {leaves} leave it" in done.stdout
    assert (left, len(same)) == ([], 2)
    assert environment.healthy(leaves)
    assert agents(stays) == running
    assert answers_itself(stays)
    unchanged(afar)


def test_destroy_gives_everything_back_though_karmada_agent_starts_again_meanwhile(
    up: subprocess.CompletedProcess[str], afar: Checkout, before: Mapping[str, Json]
) -> None:
    with restarting([beside().plain], lambda name: not args(name)):
        done = afar.run(*DESTROY)
    left = {name: [*in_member(name), *works(name)] for name in beside().joined}
    ill = [name for name in beside().joined if not environment.healthy(name)]
    note(
        "Delivered",
        tried="destroy; karmada-agents start again meanwhile",
        expected="no Work and no object left, karmada-agents healthy, specs as before",
        seen=f"exit {done.returncode}, left: {left}, not healthy: {ill}",
    )
    succeeds(done)
    assert left == {name: [] for name in beside().joined}
    assert ill == []
    assert environment.agent_specs(beside().joined) == before
    assert environment.ours_in(HOST, beside().namespace) == []
    assert environment.ours_in(KARMADA, site=beside()) == []
