"""The clusters of the dev stack, and what they hold."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from checks.retry import retry
from clusters.errors import Unavailable
from clusters.objects import Json, at, entries, items, parse, text
from clusters.programs import output_of
from components.anp import PROXY_PATH
from tests.stack.kubectl import kubectl, objects
from tools.checkout import Checkout

HOST_CONFIG = "~/.kube/karmada.config"
MEMBERS_CONFIG = "~/.kube/members.config"
HOST = (HOST_CONFIG, "karmada-host")
KARMADA = (HOST_CONFIG, "karmada-apiserver")
NAMESPACE = "karmada-system"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Members that a stack may have to itself, so that another one can be up beside it: one that Karmada's own script
    joined, one that `karmadactl register` did, and the host's namespace for what is theirs there."""

    plain: str
    registered: str
    namespace: str

    @property
    def names(self) -> tuple[str, str]:
        return self.plain, self.registered

    @property
    def joined(self) -> list[str]:
        """The members that are there. Raises Unavailable."""
        clusters = objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io"))
        found = [text(each, "metadata", "name") for each in clusters]
        return [name for name in self.names if name in found]


SITE = Site(plain="member3", registered="member4", namespace=NAMESPACE)
"""Where most tests are: the host's namespace is Karmada's own, and its node's network is theirs."""

SECOND = Site(plain="member5", registered="member6", namespace="karmada-anp-beside")
"""Where tests/stack/beside is meanwhile, off the host network."""

REGISTERED = SITE.registered


@cache
def beside() -> Site:
    """Where tests/stack/beside is: SECOND, or after all others where its members are not there."""
    try:
        return SECOND if len(SECOND.joined) == len(SECOND.names) else SITE
    except Unavailable:
        return SITE


def member(name: str) -> tuple[str, str]:
    """Kubeconfig and context of a member."""
    return MEMBERS_CONFIG, name


def why_not() -> str:
    """Why this tier cannot run here, or nothing."""
    for tool in ("pulumi", "pulumi-language-python", "kubectl", "kind", "docker"):
        if not shutil.which(tool):
            return f"{tool} is not on PATH"
    for end in (HOST, KARMADA, member("member3")):
        try:
            output_of(kubectl(*end, "get", "--raw", "/readyz", "--request-timeout=5s"), 10)
        except Unavailable as reason:
            return f"the cluster of context {end[1]} does not answer: {reason}"
    return ""


def members() -> list[str]:
    """The members of the dev stack's clusters: member3, and the registered one where it is there."""
    return SITE.joined


SHARED_ENDPOINT = "https://kubernetes.default.svc:443"
"""An API endpoint that the certificate of every member has, as every cluster's does, and that nobody dials."""


def settings_of(*names: str) -> dict[str, dict[str, Json]]:
    """The config's `members`, whole: each by its name. How it was joined the Karmada API tells.

    Those of SECOND have one API endpoint.
    """
    shared = {name: {"apiEndpoint": SHARED_ENDPOINT} for name in names if name in SECOND.names}
    return {name: {"kubeconfig": MEMBERS_CONFIG, "kind": name, **shared.get(name, {})} for name in names}


def agent_specs(names: Sequence[str] = ()) -> Mapping[str, Json]:
    """What karmada-agent's Deployment and the Cluster object of each member (without `names`, of the dev stack's)
    specify, without the taints, which Karmada itself puts on a Cluster while its agent is away."""
    found: dict[str, Json] = {}
    for name in names or members():
        where = ("get", "deployment/karmada-agent", f"--namespace={NAMESPACE}")
        found[f"{name} karmada-agent"] = at(objects(kubectl(*member(name), *where))[0], "spec")
        cluster = objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io", name))[0]
        found[f"{name} Cluster"] = {key: each for key, each in entries(cluster, "spec").items() if key != "taints"}
    return found


def ours_in(end: tuple[str, str], namespace: str = NAMESPACE, site: Site = SITE) -> Sequence[str]:
    """Objects of this program that an API still has, by kind and name; in the Karmada API a site's members' alone."""
    kinds = [
        "deployments,secrets,services,networkpolicies,poddisruptionbudgets",
        f"--namespace={namespace}",
    ]
    roles = ["clusterroles,clusterrolebindings"]
    found: list[str] = []
    for selection in (kinds, roles):
        try:
            listed = objects(kubectl(*end, "get", *selection))
        except Unavailable as reason:
            if "the server doesn't have a resource type" not in str(reason):
                raise
            listed = objects(kubectl(*end, "get", "secrets", f"--namespace={namespace}"))
        for each in listed:
            name = text(each, "metadata", "name")
            of = name.partition(":")[2]
            if name.startswith(("proxy-", "karmada-anp:")) and (not of or of in site.names):
                found.append(f"{text(each, 'kind')} {name}")
    return found


def through_karmada(name: str) -> list[str]:
    """kubectl, spoken to a member through Karmada."""
    view = parse(output_of(kubectl(HOST_CONFIG, "", "config", "view", "--output=json")))
    servers = {text(each, "name"): text(each, "cluster", "server") for each in items(view, "clusters")}
    return kubectl(*KARMADA, f"--server={servers['karmada-apiserver']}{PROXY_PATH.format(name)}")


def answer(name: str, path: str) -> str:
    """What a member answers through Karmada, or why it does not."""
    try:
        return output_of(kubectl(*KARMADA, "get", "--raw", PROXY_PATH.format(name) + path, "--request-timeout=10s"))
    except Unavailable as reason:
        return f"error: {reason}"


def healthy(name: str) -> bool:
    """Whether karmada-agent of a member runs as many pods as it should, and Karmada calls the Cluster ready within a
    minute.

    With each of its rollouts karmada-agent's new leader waits up to 15 s for the old one's lease to end. Karmada calls
    a Cluster unknown of which it has heard nothing for 40 s: some rollouts in a row come to that.
    """
    agent = ("deployment/karmada-agent", f"--namespace={NAMESPACE}")
    output_of(kubectl(*member(name), "rollout", "status", *agent, "--timeout=60s"), 70)
    ready = ("--for=condition=Ready", "--timeout=60s")
    try:
        output_of(kubectl(*KARMADA, "wait", f"clusters.cluster.karmada.io/{name}", *ready), 70)
    except Unavailable:
        return False
    return True


def heard_of(name: str) -> None:
    """Waits until Karmada calls a member ready, and its karmada-agent runs. Raises Unavailable."""

    def well() -> None:
        if not healthy(name):
            raise Unavailable(f"Karmada does not hear of {name}")

    retry(well, 150, pause=1)


def with_every_member(checkout: Checkout, site: Site = SITE) -> Iterator[Checkout]:
    """A checkout's stack for every member of a site that is there; destroyed in the end, whatever happened."""
    checkout.configure(members=settings_of(*site.joined))
    yield checkout
    checkout.select().destroy()


@contextmanager
def namespace(end: tuple[str, str], name: str) -> Generator[None]:
    """A namespace, gone in the end."""
    output_of(kubectl(*end, "create", "namespace", name))
    try:
        yield
    finally:
        output_of(kubectl(*end, "delete", f"namespace/{name}"), 60)
