"""A fleet: many pull-mode members, each with a karmada-agent in a namespace of its own name, which share one cluster.

The lab makes them (`lab fleet N`), and gives their Cluster objects the label IN_LAB. They show what many members cost,
not that a name leads to the right one: all have the same API server.

The floor is what the same members cost without Pulumi: what a stack had made is applied again by as many threads as
the stack's own Commands have, until every member answers.
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

from checks.applied import KINDS, apply
from checks.delivered import WORKS
from checks.outcomes import AT_ONCE
from checks.retry import retry
from clusters.api import APPLY_PATCH, CLUSTERS, DEPLOYMENTS, JSON_PATCH, SECRETS, OfficialClient, Resource
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, entries, items, number, text
from clusters.pool import in_parallel
from components.anp import AGENT_CERT_SECRET, OF_STACK, PROXY_FLAG, PROXY_PATH, SERVER, SERVER_CERT_SECRET
from tests.stack.environment import HOST, KARMADA, MEMBERS_CONFIG, NAMESPACE
from tools.checkout import Checkout

IN_LAB = "fleet=lab"
CLUSTER = "fleet"
"""The kind cluster that they share, and its context."""

SETTINGS: Mapping[str, Json] = {
    "access": "karmada",
    "namespace": "{name}",
    "agent": {"namespace": "{name}"},
    # a hundred of them are on one node of this machine
    "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
    "guardResources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
}
"""The config's memberDefaults."""

SECONDS = 900
"""How long the floor waits for a member."""

GUARD_SECRET = "proxy-guard"
KARMADA_AGENT = "karmada-agent"

apis = OfficialClient()
karmada_api = Context(kubeconfig=KARMADA[0], name=KARMADA[1])
host_api = Context(kubeconfig=HOST[0], name=HOST[1])


def names() -> list[str]:
    """Of the members there are, in their order. Raises Unavailable."""
    return sorted(text(each, "metadata", "name") for each in apis.all(karmada_api, CLUSTERS, labels=IN_LAB))


def label(members: Iterable[str], key: str, value: str | None = "yes") -> None:
    """Gives Cluster objects a label, or takes it away (None)."""
    patch: Json = {"metadata": {"labels": {key: value}}}
    merge = "application/merge-patch+json"
    in_parallel({each: partial(apis.patch, karmada_api, CLUSTERS.path("", each), patch, merge) for each in members})


class Memory:
    """The most memory that this process's children held together, in MiB: proportional set sizes, read twice a
    second. It is a context."""

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
        while not self._over.wait(0.5):
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
    """Runs pulumi, which must succeed."""
    started = time.monotonic()
    with Memory() as memory:
        done = checkout.run(*command, "--suppress-progress", **variables)
    took = time.monotonic() - started
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
    backend = Path(checkout.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    (state,) = backend.glob(f".pulumi/stacks/*/{checkout.stack}.json")
    return Ran(
        seconds=took,
        memory=memory.most,
        resources=len(items(checkout.select().export_stack().deployment, "resources")),
        megabytes=state.stat().st_size / 1e6,
        output=done.stdout,
    )


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What a stack has made, as manifests: the host's objects, the members' Works, and what their Clusters specify."""

    host: Sequence[tuple[Resource, Json]]
    works: Sequence[Json]
    clusters: Mapping[str, Json]


def captured(stack: str, members: Sequence[str]) -> Captured:
    """Of a stack that is up. Raises Unavailable."""
    kinds = [(SECRETS, SERVER_CERT_SECRET), (SECRETS, GUARD_SECRET), (DEPLOYMENTS, SERVER)]
    return Captured(
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
    retry(_require_no_works, SECONDS, 1)


def _require_no_works() -> None:
    if apis.all(karmada_api, WORKS, labels=OF_STACK):
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
    apis.patch(api, f"{where}?fieldManager=floor&force=true", manifest, APPLY_PATCH)


def _reach(member: str, spec: Json) -> None:
    """Sets a member's flag through the tunnel until its karmada-agent runs with it."""
    through, url = replace(karmada_api, path=PROXY_PATH.format(member)), text(spec, "proxyURL")
    reported: Json = {"spec": {key: at(spec, key) for key in ("proxyURL", "proxyHeader")}}
    flag: Json = {"containers": [{"name": KARMADA_AGENT, "args": [f"{PROXY_FLAG}{url}"]}]}

    def set_flag() -> None:
        if text(apis.get(karmada_api, CLUSTERS, member), "spec", "proxyURL") != url:
            apply(apis, karmada_api, CLUSTERS, member, fields=reported, manager="floor", force=True)
        fields: Json = {"spec": {"template": {"spec": flag}}}
        apply(apis, through, DEPLOYMENTS, KARMADA_AGENT, member, fields=fields, manager="floor", force=True)

    def runs_with_it() -> None:
        apis.raw(through, "/readyz")
        found = apis.get(through, DEPLOYMENTS, KARMADA_AGENT, member)
        counts = [number(found, "status", of) for of in ("replicas", "updatedReplicas", "availableReplicas")]
        observed = number(found, "status", "observedGeneration") == number(found, "metadata", "generation")
        if counts != [1, 1, 1] or not observed:
            raise Unavailable("its karmada-agent is not rolled out")
        if text(apis.get(karmada_api, CLUSTERS, member), "spec", "proxyURL") != url:
            raise Unavailable("its karmada-agent has cleared proxyURL")

    retry(set_flag, SECONDS, 0.5)
    retry(runs_with_it, SECONDS, 0.5)


def _leave(member: str) -> None:
    """Takes a karmada-agent's flag away in its own cluster, then what its Cluster says of the tunnel."""
    direct = Context(kubeconfig=MEMBERS_CONFIG, name=CLUSTER)
    nothing: Json = [{"op": "remove", "path": "/spec/template/spec/containers/0/args"}]
    apis.patch(direct, DEPLOYMENTS.path(member, KARMADA_AGENT), nothing, JSON_PATCH)
    cleared: Json = {"spec": {"proxyURL": None, "proxyHeader": None}}
    apis.patch(karmada_api, CLUSTERS.path("", member), cleared, "application/merge-patch+json")


def left(members: Sequence[str]) -> list[str]:
    """What is still there of a stack: Works, Clusters that name a tunnel, and Secrets in members' namespaces."""
    works = [text(each, "metadata", "name") for each in apis.all(karmada_api, WORKS, labels=OF_STACK)]
    clusters = apis.all(karmada_api, CLUSTERS, labels=IN_LAB)
    named = [text(each, "metadata", "name") for each in clusters if text(each, "spec", "proxyURL")]
    found = apis.all(Context(kubeconfig=MEMBERS_CONFIG, name=CLUSTER), SECRETS)
    secrets = [text(each, "metadata", "namespace") for each in found if _ours(each, members)]
    return [*works, *named, *secrets]


def _ours(secret: Json, members: Sequence[str]) -> bool:
    in_member = text(secret, "metadata", "namespace") in members
    return in_member and text(secret, "metadata", "name").startswith(AGENT_CERT_SECRET)
