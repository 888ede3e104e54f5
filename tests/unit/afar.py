"""A member that Karmada alone gets at: what its karmada-agent does with Works, its flag and `proxyURL`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast
from urllib.parse import parse_qs, urlsplit

from checks.commands.deliver import DesiredDelivery
from checks.delivered import WORKS, Expected
from checks.delivered_agent import DeliveredAgent
from clusters.api import APPLY_PATCH, CLUSTERS, DEPLOYMENTS, MERGE_PATCH, PODS, Resource
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, entries, items, text
from components.anp import PROXY_FLAG, PROXY_PATH
from config.settings import Agent

URL = "http://192.0.2.3:8088"
OURS, PATCHS = "karmada-anp-dev:delivery", "karmada-anp-dev"
KARMADA = Context("~/.kube/karmada.config", "karmada-apiserver")
MEMBER = Context(KARMADA.kubeconfig, KARMADA.name, PROXY_PATH.format("member3"))
SPACE = "karmada-es-member3"

SELECTOR: Json = {"matchLabels": {"app": "karmada-agent"}}

CERT = "proxy-agent-cert-1"
DEPLOYED = Expected(work="proxy-agent-delivered-1", generation=7)
GIVEN = DeliveredAgent(
    member="member3",
    stack="dev",
    karmada=KARMADA,
    agent=Agent.model_validate({}),
    proxy_url=URL,
    manager=OURS,
    former=PATCHS,
)
WANTED = DesiredDelivery(works=[Expected(work=CERT), DEPLOYED], seconds=1, api_endpoint="", ready=True)


def work(
    name: str,
    generation: int = 0,
    *,
    applied: str = "True",
    says: str = "",
    health: str = "Healthy",
    pods: tuple[int, int, int] = (1, 1, 1),
    kind: str = "Secret",
) -> Json:
    """A Work with its status; of a Deployment with the generation that is said, and how many pods it has, how many of
    them are of its latest template, and how many are available."""
    counts = dict(zip(("replicas", "updatedReplicas", "availableReplicas"), pods, strict=True)) if generation else {}
    status: Json = {"resourceTemplateGeneration": generation, **counts}
    return {
        "metadata": {"name": name, "namespace": SPACE, "labels": {"karmada-anp/stack": "dev"}},
        "spec": {"workload": {"manifests": [{"kind": "Deployment" if generation else kind}]}},
        "status": {
            "conditions": [{"type": "Applied", "status": applied, "message": says}],
            "manifestStatuses": [{"health": health, "status": status}],
        },
    }


class Afar:
    """KubernetesApis. The member is reached while its Cluster names the tunnel and proxy-agents run.

    `flag` is karmada-agent's, of `owners`, and `proxy_url` the Cluster's; `done` is what was changed, in order. With
    `restarts` karmada-agent starts again so many times before it gets its flag; `stuck` is one that does not come back,
    and `lingers` how often a pod of before is still seen, which then says what its own flag was. `evicted` are
    pods that are over and still listed. `credential` is whether its Cluster has the stack's, and `since` the time since
    when it is Ready, or is not.
    """

    def __init__(self, flag: str = "", proxy_url: str = "", owners: Sequence[str] = ()) -> None:
        self.flag, self.proxy_url, self.owners = flag, proxy_url, list(owners)
        self.since = "2026-01-01T00:00:00Z"
        self.ready, self.restarts, self.stuck, self.joined, self.tunnel = True, 0, False, True, True
        self.works = {CERT: work(CERT), DEPLOYED.work: work(DEPLOYED.work, 7)}
        self.done: list[str] = []
        self.lets_go = True
        self.going = False
        self.lingers, self.was = 0, ""
        self.evicted: list[Json] = []
        self.url_ours, self.slow = False, False
        self.credential = True

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        if what is CLUSTERS:
            ready: Json = [{"type": "Ready", "status": str(self.ready), "lastTransitionTime": self.since}]
            metadata: dict[str, Json] = {"deletionTimestamp": "now"} if self.going else {}
            if self.credential:
                metadata["managedFields"] = [{"manager": PATCHS, "operation": "Apply"}]
            spec: Json = {"proxyURL": self.proxy_url}
            return {"metadata": metadata, "spec": spec, "status": {"conditions": ready}} if self.joined else None
        assert (of, what, namespace) == (MEMBER, DEPLOYMENTS, "karmada-system")
        return self._agent()

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        if what is PODS:
            assert (of, namespace, labels) == (MEMBER, "karmada-system", "app=karmada-agent")
            self._agent()
            left, self.lingers = self.lingers, max(0, self.lingers - 1)
            if left == 1:
                # one that is about to end says at last what its own flag was
                self.proxy_url = self.was
            pods: list[Json] = [{}, {}] if left else [{}]
            return [*pods, *self.evicted]
        assert (of, what, namespace, labels) == (KARMADA, WORKS, SPACE, "karmada-anp/stack=dev")
        return list(self.works.values())

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        if kind == MERGE_PATCH:
            assert (of, patch) == (KARMADA, {"spec": {"proxyURL": None}})
            self.proxy_url = ""
            return None
        assert kind == APPLY_PATCH
        asked = parse_qs(urlsplit(path).query)
        if asked["fieldManager"] == [PATCHS]:
            assert (of, entries(patch).keys()) == (KARMADA, {"apiVersion", "kind", "metadata"})
            self.credential = False
            return None
        assert asked["fieldManager"] == [OURS]
        if of == KARMADA:
            said = text(patch, "spec", "proxyURL")
            self.proxy_url = said if said or self.url_ours else self.proxy_url
            self.url_ours = bool(said)
            self.done.append(f"proxyURL {said or 'given up'}")
            return None
        self._agent()
        if self.restarts:
            self.restarts -= 1
            self._starts()
            raise Unavailable("EOF")
        containers = items(entries(patch, "spec", "template", "spec"), "containers")
        others = [each for each in self.owners if each != OURS]
        if containers and others and asked["force"] == ["false"]:
            raise Unavailable(f'Apply failed with 1 conflict: conflict with "{others[0]}"', 409)
        args = [str(each) for each in items(containers[0], "args")] if containers else []
        self.was = self.flag
        if containers or not others:
            self.flag = args[-1].removeprefix(PROXY_FLAG) if args else ""
        self.owners = [*others, OURS] if args else others
        self.done.append(f"flag {self.flag or 'given up'}")
        answer = self._agent()
        if not (self.stuck or self.slow):
            self._starts()
        return answer

    def delete(self, of: Context, path: str) -> None:
        name = path.rpartition("/")[2]
        assert path == WORKS.path(SPACE, name)
        self.done.append(f"deleted {name}")
        if self.ready and self.lets_go:
            del self.works[name]
        else:
            cast("dict[str, Json]", entries(self.works[name], "metadata"))["deletionTimestamp"] = "now"

    raw: Callable[..., str]
    create: Callable[..., Json]
    pod_get: Callable[..., str]
    pod_connect: Callable[..., int]

    def _starts(self) -> None:
        """What karmada-agent does when it starts: its Cluster says what its flag says."""
        self.proxy_url = self.flag

    def _agent(self) -> Json:
        if not (self.proxy_url and self.tunnel):
            raise Unavailable("no tunnel leads there")
        path: Json = {"f:args": {}}
        fields: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"karmada-agent"}': path}}}}}
        args: Json = [f"{PROXY_FLAG}{self.flag}"] if self.flag else []
        return {
            "metadata": {
                "generation": 1,
                "managedFields": [{"manager": each, "fieldsV1": fields} for each in self.owners],
            },
            "spec": {
                "replicas": 1,
                "selector": SELECTOR,
                "template": {"spec": {"containers": [{"name": "karmada-agent", "args": args}]}},
            },
            "status": {
                "observedGeneration": int(not self.stuck),
                "updatedReplicas": 1,
                "replicas": 1,
                "availableReplicas": 1,
            },
        }
