"""A fleet: many pull-mode members, each with a karmada-agent in a namespace of its own name, which share one cluster.

The lab makes them (`lab fleet N`), and gives their Cluster objects the label IN_LAB. They show what many members cost,
not that a name leads to the right one: all have the same API server.

Their floor is what they cost without Pulumi: what a stack had made is applied again, by as many threads as the stack's
own Commands have, until every member answers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from checks.applied import KINDS, apply, owns
from checks.delivered import WORKS, is_ready
from checks.delivered_agent import RESTARTS_AT_ONCE, restarting
from checks.deployments import rolled_out
from checks.outcomes import AT_ONCE
from checks.retry import retry
from clusters.api import (
    APPLY_PATCH,
    CLUSTERS,
    DEPLOYMENTS,
    JSON_PATCH,
    MERGE_PATCH,
    SECRETS,
    OfficialClient,
    Resource,
)
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, entries, items, number, text
from clusters.pool import in_parallel
from components.anp import EXECUTION_SPACE, GUARD, OF_STACK, PROXY_FLAG, PROXY_PATH, SERVER, SERVER_CERT_SECRET
from tests.stack.environment import HOST, KARMADA, MEMBERS_CONFIG, NAMESPACE
from tools.checkout import Checkout

IN_LAB = "fleet=lab"
CLUSTER = "fleet"
"""The kind cluster that they share, and its context."""

SETTINGS: Mapping[str, Json] = {
    "access": "karmada",
    "namespace": "{name}",
    "agent": {"namespace": "{name}"},
    # a hundred of them are on one node of this machine, and roll out at the same time
    "rolloutMinutes": 15,
    "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
    "guardResources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
}
"""The config's memberDefaults."""

SECONDS = 900
"""How long the floor waits for a member."""

KARMADA_AGENT = "karmada-agent"
NETWORK_POLICIES = Resource("/apis/networking.k8s.io/v1", "networkpolicies")
ROLES = Resource("/apis/rbac.authorization.k8s.io/v1", "roles")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")
LEASES_NAMESPACE = "karmada-cluster"
"""Of the Lease that each karmada-agent renews in Karmada, by its member's name."""

NO_ELECTION = "--leader-elect=false"
FLOOR = "floor"
"""The field manager of what floor() applies."""

SPECIFIED = ("proxyURL", "proxyHeader")
"""What a Cluster specifies of a tunnel."""

IN_MEMBERS = (SECRETS, DEPLOYMENTS, NETWORK_POLICIES, ROLES)

apis = OfficialClient()
karmada_api = Context(kubeconfig=KARMADA[0], name=KARMADA[1])
host_api = Context(kubeconfig=HOST[0], name=HOST[1])
in_fleet = Context(kubeconfig=MEMBERS_CONFIG, name=CLUSTER)
"""The API that all of them share, dialled directly."""


def names() -> list[str]:
    """Of the members there are, in their order. Raises Unavailable."""
    return sorted(text(each, "metadata", "name") for each in apis.all(karmada_api, CLUSTERS, labels=IN_LAB))


def label(members: Iterable[str], key: str, value: str | None = "yes") -> None:
    """Gives Cluster objects a label, or takes it away (None)."""
    patch: Json = {"metadata": {"labels": {key: value}}}
    in_parallel(
        {each: partial(apis.patch, karmada_api, CLUSTERS.path("", each), patch, MERGE_PATCH) for each in members}
    )


def calm(members: Sequence[str]) -> None:
    """Runs their karmada-agents without leader election. While a hundred pods start on their one node, an agent that
    cannot renew its lease in time restarts, and slows the others down until they do too; members have nodes of their
    own elsewhere."""
    in_parallel({each: partial(_without_election, each) for each in members}, RESTARTS_AT_ONCE)


def _without_election(member: str) -> None:
    (container,) = items(_agent(member), "spec", "template", "spec", "containers")
    if NO_ELECTION in items(container, "command"):
        return
    added: Json = [{"op": "add", "path": "/spec/template/spec/containers/0/command/-", "value": NO_ELECTION}]
    apis.patch(in_fleet, DEPLOYMENTS.path(member, KARMADA_AGENT), added, JSON_PATCH)

    def rolls_out() -> Json:
        if not rolled_out(_agent(member)):
            raise Unavailable(f"karmada-agent of {member} is not rolled out")
        return _renewed(member)

    before = retry(rolls_out, SECONDS, 1)

    def renews() -> None:
        if _renewed(member) == before:
            raise Unavailable(f"karmada-agent of {member} has not renewed its Lease")

    retry(renews, SECONDS, 1)


def _agent(member: str) -> Json:
    return apis.get(in_fleet, DEPLOYMENTS, KARMADA_AGENT, member)


def _renewed(member: str) -> Json:
    return at(apis.get(karmada_api, LEASES, member, LEASES_NAMESPACE), "spec", "renewTime")


def settled(members: Sequence[str]) -> None:
    """Waits until Karmada calls all of them Ready: it hears nothing of a member whose karmada-agent starts again."""
    retry(partial(_require_ready, members), SECONDS, 2)


def _require_ready(members: Sequence[str]) -> None:
    unready = [_name(each) for each in apis.all(karmada_api, CLUSTERS, labels=IN_LAB) if not is_ready(each)]
    if set(unready) & set(members):
        raise Unavailable(f"not Ready: {', '.join(unready)}")


class Memory:
    """The most memory that this process's children held together, in MiB: proportional set sizes, read every
    two seconds. A context manager."""

    def __init__(self) -> None:
        self.most, self._over = 0, Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(2):
            self.most = max(self.most, sum(map(_kib, _descendants(os.getpid()))) // 1024)


def _descendants(of: int) -> Sequence[int]:
    children: dict[int, list[int]] = {}
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(each))
    found = [of]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def _kib(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(each.split()[1]) for each in lines if each.startswith("Pss:"))


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run of pulumi took: seconds, MiB at the most, and the resources and MB of the state that it left."""

    seconds: float
    memory: int
    resources: int
    megabytes: float
    output: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.memory} MiB, {self.resources} resources, {self.megabytes:.2f} MB"


def run(checkout: Checkout, *command: str, **variables: str) -> Ran:
    """Runs pulumi, which must succeed. Where it does not, its output is shown without the stack's own outputs."""
    started = time.monotonic()
    with Memory() as memory:
        done = checkout.run(*command, "--suppress-progress", **variables)
    took = time.monotonic() - started
    assert done.returncode == 0, done.stdout.partition("\nOutputs:")[0][-10_000:] + done.stderr[-10_000:]
    return Ran(
        seconds=took,
        memory=memory.most,
        resources=len(items(checkout.select().export_stack().deployment, "resources")),
        megabytes=checkout.state_file().stat().st_size / 1e6,
        output=done.stdout,
    )


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What a stack has made, as manifests: the host's objects, the members' Works, and what their Clusters specify."""

    stack: str
    host: Sequence[tuple[Resource, Json]]
    works: Sequence[Json]
    clusters: Mapping[str, Json]


def captured(stack: str, members: Sequence[str]) -> Captured:
    """Of a stack that is up. Raises Unavailable."""
    kinds = [(SECRETS, SERVER_CERT_SECRET), (SECRETS, GUARD), (DEPLOYMENTS, SERVER)]
    return Captured(
        stack=stack,
        host=[(kind, _manifest(kind, apis.get(host_api, kind, name, NAMESPACE))) for kind, name in kinds],
        works=[_manifest(WORKS, each) for each in apis.all(karmada_api, WORKS, labels=f"{OF_STACK}={stack}")],
        clusters={each: at(apis.get(karmada_api, CLUSTERS, each), "spec") for each in members},
    )


def floor(of: Captured) -> float:
    """Applies it, with karmada-agents' flags, until all members answer and run with these. Returns the seconds."""
    started = time.monotonic()
    for kind, each in of.host:
        _put(host_api, kind, each)
    in_parallel({number: partial(_put, karmada_api, WORKS, each) for number, each in enumerate(of.works)}, AT_ONCE)
    in_parallel({name: partial(_reach, name, spec) for name, spec in of.clusters.items()}, AT_ONCE)
    return time.monotonic() - started


def undo(of: Captured) -> None:
    """Takes away what floor() applied, and waits until no Work is left."""
    calls: dict[str, Callable[[], None]] = {name: partial(_leave, name) for name in of.clusters}
    in_parallel(calls, AT_ONCE)
    for each in of.works:
        apis.delete(karmada_api, WORKS.path(text(each, "metadata", "namespace"), text(each, "metadata", "name")))
    for kind, each in of.host:
        apis.delete(host_api, kind.path(NAMESPACE, text(each, "metadata", "name")))
    retry(partial(_require_no_works, of.stack), SECONDS, 1)


def _require_no_works(stack: str) -> None:
    if apis.all(karmada_api, WORKS, labels=f"{OF_STACK}={stack}"):
        raise Unavailable("there are Works")


def _manifest(kind: Resource, found: Json) -> Json:
    given = ("name", "namespace", "labels", "annotations", "finalizers")
    metadata = {key: value for key, value in entries(found, "metadata").items() if key in given}
    versions = {SECRETS: ("v1", "Secret"), WORKS: ("work.karmada.io/v1alpha1", "Work"), **KINDS}
    api_version, name = versions[kind]
    rest = {key: value for key, value in entries(found).items() if key != "status"}
    return {**rest, "apiVersion": api_version, "kind": name, "metadata": metadata}


def _put(api: Context, kind: Resource, manifest: Json) -> None:
    where = kind.path(text(manifest, "metadata", "namespace"), text(manifest, "metadata", "name"))
    apis.patch(api, f"{where}?fieldManager={FLOOR}&force=true", manifest, APPLY_PATCH)


def _reach(member: str, spec: Json) -> None:
    """Sets a member's flag through the tunnel until its karmada-agent runs with it."""
    through, url = replace(karmada_api, path=PROXY_PATH.format(member)), text(spec, "proxyURL")
    reported: Json = {"spec": {key: at(spec, key) for key in SPECIFIED}}
    flag: Json = {"containers": [{"name": KARMADA_AGENT, "args": [f"{PROXY_FLAG}{url}"]}]}

    def answers() -> None:
        if text(apis.get(karmada_api, CLUSTERS, member), "spec", "proxyURL") != url:
            apply(apis, karmada_api, CLUSTERS, member, fields=reported, manager=FLOOR, force=True)
        apis.raw(through, "/readyz")

    def set_flag() -> None:
        answers()
        fields: Json = {"spec": {"template": {"spec": flag}}}
        apply(apis, through, DEPLOYMENTS, KARMADA_AGENT, member, fields=fields, manager=FLOOR, force=True)

    def runs_with_it() -> None:
        apis.raw(through, "/readyz")
        found = apis.get(through, DEPLOYMENTS, KARMADA_AGENT, member)
        counts = [number(found, "status", of) for of in ("replicas", "updatedReplicas", "availableReplicas")]
        observed = number(found, "status", "observedGeneration") == number(found, "metadata", "generation")
        if counts != [1, 1, 1] or not observed:
            raise Unavailable("its karmada-agent is not rolled out")
        if text(apis.get(karmada_api, CLUSTERS, member), "spec", "proxyURL") != url:
            raise Unavailable("its karmada-agent has cleared proxyURL")

    retry(answers, SECONDS, 0.5)
    with restarting:
        retry(set_flag, SECONDS, 0.5)
        retry(runs_with_it, SECONDS, 0.5)


def _leave(member: str) -> None:
    """Takes a karmada-agent's flag away in its own cluster, then what its Cluster says of the tunnel."""
    found = _agent(member)
    if owns(found, FLOOR):
        apply(apis, in_fleet, DEPLOYMENTS, KARMADA_AGENT, member, fields={}, manager=FLOOR)
    cleared: Json = {"spec": {"proxyURL": None, "proxyHeader": None}}
    apis.patch(karmada_api, CLUSTERS.path("", member), cleared, MERGE_PATCH)


def left(stack: str, members: Sequence[str]) -> list[str]:
    """What members still have of a stack: Works, what their Clusters say of a tunnel, objects in their namespaces."""
    works = apis.all(karmada_api, WORKS, labels=f"{OF_STACK}={stack}")
    spaces = {EXECUTION_SPACE.format(each): each for each in members}
    clusters = [each for each in apis.all(karmada_api, CLUSTERS, labels=IN_LAB) if _name(each) in members]
    objects = [(kind.plural, each) for kind in IN_MEMBERS for each in apis.all(in_fleet, kind)]
    return [
        *(f"{text(each, 'metadata', 'namespace')} {_name(each)}" for each in works if _space(each) in spaces),
        *(f"{_name(each)} {key}" for each in clusters for key in SPECIFIED if at(each, "spec", key)),
        *(f"{_space(each)} {kind} {_name(each)}" for kind, each in objects if _space(each) in members and _ours(each)),
    ]


def _ours(found: Json) -> bool:
    return _name(found).startswith(("proxy-", "karmada-anp"))


def _name(of: Json) -> str:
    return text(of, "metadata", "name")


def _space(of: Json) -> str:
    return text(of, "metadata", "namespace")
