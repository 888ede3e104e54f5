"""Members that Karmada alone gets at, where it does not go smoothly: what `up` prints, and what of the member stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from checks.deployments import args_owners
from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, at, text
from clusters.programs import output_of
from components.anp import DELIVERED_AGENT, PROXY_FLAG
from tests.proof import note
from tests.stack import environment
from tests.stack.delivered import agents, args, in_member, proxy_url, works
from tests.stack.environment import HOST, NAMESPACE, Site, member, namespace
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import answers_itself
from tests.stack.refusals import local, refused, succeeds
from tools.checkout import DESTROY, UP, Checkout

pytestmark = pytest.mark.long

ELSEWHERE = "second"
"""The host's namespace of another stack, and its images' tag."""

AGENT = ("deployment/karmada-agent", f"--namespace={NAMESPACE}")


@pytest.fixture(scope="module")
def afar(dev: Checkout, site: Site) -> Checkout:
    """A checkout that knows members' names and no kubeconfig of them; one has the troubles, the other goes on."""
    dev.configure(members={name: {"access": "karmada", "kind": name} for name in site.joined})
    dev.select()
    return dev


@contextmanager
def having(name: str, manifest: Json) -> Generator[None]:
    """An object of somebody's in a member; gone in the end, by whomever."""
    apply(kubectl(*member(name)), manifest)
    try:
        yield
    finally:
        kind, of = text(manifest, "kind"), text(manifest, "metadata", "name")
        output_of(
            kubectl(*member(name), "delete", f"{kind}/{of}", f"--namespace={NAMESPACE}", "--ignore-not-found"), 60
        )


@contextmanager
def flagged(name: str, url: str) -> Generator[None]:
    """karmada-agent of a member with its flag, as `karmadactl register --proxy-server-address` leaves it."""
    patched(name, f'[{{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["{PROXY_FLAG}{url}"]}}]')
    retry(lambda: names(name, url), 60)
    try:
        yield
    finally:
        patched(name, '[{"op": "remove", "path": "/spec/template/spec/containers/0/args"}]')
        retry(lambda: names(name, ""), 60)


def names(name: str, url: str) -> None:
    """That a member's Cluster names a proxy, or none: karmada-agent says so once it leads."""
    if proxy_url(name) != url:
        raise Unavailable(f"the Cluster of {name} names {proxy_url(name)}")


def patched(name: str, patch: str) -> None:
    """Changes karmada-agent of a member by hand, and waits for it."""
    output_of(kubectl(*member(name), "patch", *AGENT, "--type=json", f"--patch={patch}"))
    assert environment.healthy(name)


def restarted(name: str) -> None:
    """karmada-agent, which tries at once when it starts what it could not do; its Deployment stays as it was."""
    output_of(kubectl(*member(name), "delete", "pods", "--selector=app=karmada-agent", f"--namespace={NAMESPACE}"), 60)
    assert environment.healthy(name)


def karmada_agent(name: str) -> Json:
    (found,) = objects(kubectl(*member(name), "get", *AGENT, "--show-managed-fields"))
    return found


UNAPPLIED = "{0}: what is meant for it is not applied there"


def fails(afar: Checkout, where: str, tried: str, says: str) -> float:
    """An `up` that ends with `where` something is not applied, and what karmada-agent says of a Work; after how many
    seconds."""
    begins = time.monotonic()
    done = afar.run(*UP)
    took = time.monotonic() - begins
    told = [line.strip() for line in (done.stdout + done.stderr).splitlines() if says in line]
    note(
        "Delivered",
        tried=f"up: {tried}",
        expected="an error that names the member, the Work and why",
        seen=f"exit {done.returncode} after {took:.0f} s: {told[-1][:300] if told else 'nothing said'}",
    )
    refused(done)
    assert any(where in line for line in told), done.stdout
    return took


def quota(name: str) -> Json:
    """As many Secrets as there are."""
    count = len(objects(kubectl(*member(name), "get", "secrets", f"--namespace={NAMESPACE}")))
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "by-hand", "namespace": NAMESPACE},
        "spec": {"hard": {"count/secrets": str(count)}},
    }


def counted(name: str) -> None:
    """That the quota is one by now."""
    (found,) = objects(kubectl(*member(name), "get", "resourcequota/by-hand", f"--namespace={NAMESPACE}"))
    if not at(found, "status", "used"):
        raise Unavailable("the quota is not counted")


@contextmanager
def with_quota(name: str) -> Generator[None]:
    """No Secret more may be made in a member."""
    with having(name, quota(name)):
        retry(lambda: counted(name), 30)
        yield


def test_no_server_waits_for_agents_that_cannot_come(afar: Checkout, site: Site) -> None:
    with ExitStack() as quotas:
        for name in site.joined:
            quotas.enter_context(with_quota(name))
        where = f"no agent comes, since what is meant for members is not applied there: {site.joined[0]}: Work "
        took = fails(afar, where, "a quota forbids Secrets in every member", "exceeded quota")
    for name in site.joined:
        restarted(name)
    # proxy-server's rollout has ten minutes
    assert took < 300


def test_flags_that_are_there_already_are_left_to_whoever_set_them(afar: Checkout, site: Site) -> None:
    url = f"http://proxy-server.{site.namespace}.svc:8088"
    with flagged(site.plain, url):
        owners = list(args_owners(karmada_agent(site.plain), "karmada-agent"))
        succeeds(done := afar.run(*UP))
        assert f"{site.plain}: reached through Karmada" in done.stdout
        after = list(args_owners(karmada_agent(site.plain), "karmada-agent"))
        destroyed = afar.run(*DESTROY)
        note(
            "Delivered",
            tried="up and destroy; karmada-agent has had its flag before",
            expected="nothing is owned there, and the flag stays",
            seen=f"args owned by {', '.join(after)}; after destroy {args(site.plain)}",
        )
        succeeds(destroyed)
        assert after == owners
        assert args(site.plain) == [f"{PROXY_FLAG}{url}"]
        assert (works(site.plain), in_member(site.plain)) == ([], [])
        assert environment.healthy(site.plain)


def test_an_object_that_was_made_by_hand_is_named_and_overwritten_on_request(afar: Checkout, site: Site) -> None:
    labels: Json = {"app": DELIVERED_AGENT}
    by_hand: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": DELIVERED_AGENT, "namespace": NAMESPACE},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "by-hand", "image": "haproxy:3.2-alpine"}]},
            },
        },
    }
    apply(kubectl(*member(site.plain)), by_hand)
    fails(afar, UNAPPLIED.format(site.plain), "an object of that name was made by hand in the member", "already exists")
    assert agents(site.plain) == set()
    afar.configure(proxy={"exposure": "nodePort", "adopt": True})
    # karmada-agent would try again by itself within some minutes
    restarted(site.plain)
    succeeds(done := afar.run(*UP))
    assert f"{site.plain}: reached through Karmada" in done.stdout
    assert len(agents(site.plain)) == 1


def test_a_second_stack_of_the_same_name_begins_with_no_works_and_deletes_none(
    afar: Checkout, site: Site, tmp_path: Path
) -> None:
    second = Checkout(tmp_path / "second", tmp_path / "backend", afar.stack, like="dev")
    second.configure(
        host=local() | {"namespace": ELSEWHERE},
        proxy={"exposure": "nodePort"},
        images={"build": {"tag": ELSEWHERE}},
        members={site.plain: {"access": "karmada", "kind": site.plain}},
    )
    there = works(site.plain)
    with namespace(HOST, ELSEWHERE):
        second.select()
        done = second.run(*UP)
        second.select().destroy()
    left = "stay" if works(site.plain) == there else "are gone"
    note(
        "Delivered",
        tried="up and destroy of a second stack of the same name, whose state is elsewhere",
        expected="it names the first one's Works, and these stay",
        seen=f"exit {done.returncode}, they {left}",
    )
    refused(done)
    assert f'{site.plain}: Works of a stack "{afar.stack}" already exist' in done.stdout + done.stderr
    assert left == "stay"
    assert answers_itself(site.plain)


@contextmanager
def without_rights(name: str) -> Generator[None]:
    """karmada-agent of a member that may no more than what it must to be Ready."""
    (binding,) = objects(kubectl(*member(name), "get", "clusterrolebinding/karmada-agent"))
    whole = {key: at(binding, key) for key in ("apiVersion", "kind", "roleRef", "subjects")}
    whole["metadata"] = {"name": "karmada-agent"}
    view: Json = {**whole, "metadata": {"name": "by-hand"}, "roleRef": {**VIEWS}}
    output_of(kubectl(*member(name), "delete", "clusterrolebinding/karmada-agent"), 60)
    apply(kubectl(*member(name)), view)
    try:
        yield
    finally:
        apply(kubectl(*member(name)), whole)
        output_of(kubectl(*member(name), "delete", "clusterrolebinding/by-hand"), 60)


VIEWS: Mapping[str, Json] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}


@pytest.mark.parametrize(
    ("hours", "trouble", "tried", "says"),
    [
        (8_000, with_quota, "a quota forbids the Secret of another leaf", "exceeded quota"),
        (7_000, without_rights, "karmada-agent has lost its rights in the member", "forbidden"),
    ],
)
def test_what_cannot_be_applied_is_told_and_what_runs_goes_on(
    afar: Checkout,
    site: Site,
    hours: int,
    trouble: Callable[[str], AbstractContextManager[None]],
    tried: str,
    says: str,
) -> None:
    running = agents(site.plain)
    afar.configure(certificates={"validityHours": hours})
    with trouble(site.plain):
        fails(afar, UNAPPLIED.format(site.plain), tried, says)
        assert running <= agents(site.plain)
        assert answers_itself(site.plain)
    restarted(site.plain)
    succeeds(afar.run(*UP))
    assert not agents(site.plain) & running


def test_destroy_gives_everything_back(afar: Checkout, site: Site, before: Mapping[str, Json]) -> None:
    succeeds(afar.run(*DESTROY))
    assert (works(site.plain), in_member(site.plain)) == ([], [])
    assert proxy_url(site.plain) == ""
    assert environment.healthy(site.plain)
    assert environment.agent_specs(site.joined) == before
