"""A stack that is up, for the doctor's tests: what its clusters would have of what the program itself made."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import cast

from checks.doctor.host_hops import REFUSED
from checks.doctor.tunnel_path import TunnelPath
from checks.tunnels import tunnels
from clusters.api import ACCESS_REVIEWS, ConnectionClosed, NotServing, Resource
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, at, items, number, text
from components import anp
from components.alerts import API_SERVER_UP
from config import stack_config
from config.problems import PROJECT
from config.settings import Settings
from tests.unit.fake_clusters import called
from tests.unit.reading import flags, header
from tests.unit.stacks import PAIR, configured
from tools.render.machine import PlaceholderMachine
from tools.render.program import Run

METRICS = "konnectivity_network_proxy_agent_open_server_connections {0}\n"
API_SERVER_DOWN = API_SERVER_UP.removesuffix("1") + "0"

NAMESPACE = "karmada-system"
KARMADA_AGENT_POD = "app=karmada-agent"


class Patient:
    """KubernetesApis that finds a run's objects in place. Its parts may be changed: then the stack has a fault.

    `objects` are by context and by namespace, kind and name or labels; a context in `away` does not answer. `silent`
    are the containers' ports that do not answer, `connections` what an agent counts, `says` why a request fails.
    `api_server_up` is whether member guards reach their API server, `answers` how a CONNECT that the guard lets through
    is answered, by the member's name or the server's pod: 200 if nothing else is said. With `closes` guards close a
    connection to their plain port at once.
    """

    def __init__(self, run: Run) -> None:
        self.objects: dict[tuple[str, str], list[Json]] = {}
        self.away: set[str] = set()
        self.silent: set[tuple[str, int, str]] = set()
        self.connections = "1"
        self.api_server_up = True
        self.answers: dict[str, int] = {}
        self.closes = False
        self._credentials: dict[str, str] = {}
        self.granted = True
        self.says = "proxyconnect tcp: dial tcp 192.0.2.3:8088: connect: connection refused"
        self.asked: list[Json] = []
        self.delivered = {
            each.name.removesuffix("-proxy-agent-deployment")
            for each in run.resources.values()
            if each.type.endswith(":Work")
        }
        for name in ("member3", "member4"):
            if name in self.delivered:
                self._delivered(name, run)
                continue
            given = flags(run, name)
            spec: dict[str, Json] = {
                "syncMode": "Pull",
                "apiEndpoint": given["cluster-api-endpoint"],
                "proxyURL": given["proxy-server-address"],
            }
            if run.resources.keys() & {each for each in run.resources if each.endswith(f"{name}-registration-header")}:
                self._credentials[header(run, name)] = name
                spec["proxyHeader"] = {"Proxy-Authorization": header(run, name)}
            self._has("karmada-apiserver", f"clusters/{name}", {"spec": spec})
            self._has(name, f"{NAMESPACE} deployments/karmada-agent", _karmada_agent(given))
            self._has(name, f"{NAMESPACE} pods {KARMADA_AGENT_POD}", _pod("karmada-agent", "karmada-agent"))
            self._made(name, run, "Deployment", f"{name}-proxy-agent")
            self._made(name, run, "Secret", f"{name}-proxy-agent-cert")
            agent = _pod(f"{anp.AGENT}-1", anp.AGENT, anp.MEMBER_GUARD)
            self._has(name, f"{NAMESPACE} pods app={anp.AGENT}", agent)
        self._made("karmada-host", run, "Secret", anp.SERVER_CERT_SECRET)
        server = _pod(f"{anp.SERVER}-1", anp.SERVER, anp.GUARD)
        self._has("karmada-host", f"{NAMESPACE} pods app={anp.SERVER}", server)

    def get(self, of: Context, what: Resource, name: str, namespace: str = "") -> Json:
        return next(iter(self._found(of, " ".join(filter(None, [namespace, f"{what.plural}/{name}"])))), None)

    def all(self, of: Context, what: Resource, namespace: str = "", labels: str = "") -> Sequence[Json]:
        return self._found(of, " ".join(filter(None, [namespace, what.plural, labels])))

    def raw(self, of: Context, path: str, seconds: float = 0) -> str:
        self._found(of, "")
        if path in self.away:
            raise Unavailable(self.says)
        return "ok"

    def create(self, of: Context, what: Resource, given: Json) -> Json:
        assert what is ACCESS_REVIEWS
        self._found(of, "")
        self.asked.append(given)
        return {"status": {"allowed": self.granted}}

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        raise AssertionError(f"the doctor changes {path}")

    def delete(self, of: Context, path: str) -> None:
        raise AssertionError(f"the doctor takes away {path}")

    def pod_get(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        self._found(of, "")
        if (of.name, port, path) in self.silent:
            raise NotServing("it does not answer within 5 s")
        if path != "/metrics":
            return "ok"
        if port == anp.GUARD_METRICS_PORT:
            return f"{API_SERVER_UP if self.api_server_up else API_SERVER_DOWN}\n"
        return METRICS.format(self.connections)

    def pod_connect(self, of: Context, namespace: str, pod: str, port: int, credential: str) -> int:
        """As the guard does: what it does not take it refuses itself."""
        self._found(of, "")
        if (of.name, port, "CONNECT") in self.silent:
            raise NotServing("it does not answer within 5 s")
        if self.closes:
            raise ConnectionClosed("it closes the connection without an answer")
        member = self._credentials.get(credential)
        return REFUSED if member is None else self.answers.get(pod, self.answers.get(member, 200))

    def changed(self, context: str, what: str, *path: str, to: Json) -> None:
        """Sets what is at the end of a path in an object; a number is a place in a list."""
        (found,) = self.objects[context, what]
        for key in path[:-1]:
            found = _within(found, key)
        cast("dict[str, Json]", found)[path[-1]] = to

    def gone(self, context: str, what: str) -> None:
        """Takes an object away."""
        self.objects[context, what] = []

    def _found(self, of: Context, what: str) -> Sequence[Json]:
        if called(of) in self.away:
            raise Unavailable("connection refused")
        return self.objects.get((called(of), what), [])

    def _has(self, context: str, what: str, found: Json) -> None:
        self.objects[context, what] = [found]

    def _delivered(self, name: str, run: Run) -> None:
        """A member that Karmada alone gets at: what its Works hold is there."""
        url, works = "http://192.0.2.3:8088", [each for each in run.resources.values() if each.type.endswith(":Work")]
        mine = [each for each in works if each.name.startswith(f"{name}-")]
        self._credentials[header(run, name)] = name
        spec: Json = {
            "syncMode": "Pull",
            "apiEndpoint": "https://10.1.1.1:6443",
            "proxyURL": url,
            "proxyHeader": {"Proxy-Authorization": header(run, name)},
        }
        ready: Json = {"conditions": [{"type": "Ready", "status": "True"}]}
        self._has("karmada-apiserver", f"clusters/{name}", {"spec": spec, "status": ready})
        applied: Json = {
            "conditions": [{"type": "Applied", "status": "True"}],
            "manifestStatuses": [{"health": "Healthy"}],
        }
        self.objects["karmada-apiserver", f"karmada-es-{name} works {anp.OF_STACK}"] = [
            copy.deepcopy({**each.inputs, "status": applied}) for each in mine
        ]
        where, given = f"through {name}", {"proxy-server-address": url}
        self._has(where, f"{NAMESPACE} deployments/karmada-agent", _karmada_agent(given))
        self._has(where, f"{NAMESPACE} pods {KARMADA_AGENT_POD}", _pod("karmada-agent", "karmada-agent"))
        for each in mine:
            (held,) = items(each.inputs, "spec", "workload", "manifests")
            kind, of = text(held, "kind").lower(), text(held, "metadata", "name")
            namespace = text(held, "metadata", "namespace")
            self._has(where, f"{namespace} {kind}s/{of}", cast("Mapping[str, Json]", held))
            if kind == "deployment":
                pods = range(number(held, "spec", "replicas"))
                agents = [_pod(f"{anp.DELIVERED_AGENT}-{i}", anp.AGENT, anp.MEMBER_GUARD) for i in pods]
                self.objects[where, f"{namespace} pods app={anp.DELIVERED_AGENT}"] = agents

    def _made(self, context: str, run: Run, kind: str, resource: str) -> None:
        inputs = copy.deepcopy(dict(run.the(kind, resource).inputs))
        self._has(context, f"{NAMESPACE} {kind.lower()}s/{text(inputs, 'metadata', 'name')}", inputs)


def settings(sections: Mapping[str, Json] | None = None) -> Settings:
    """The settings of the dev stack with two members, and other sections."""
    whole = configured("dev", **{"members": PAIR, **(sections or {})})
    return stack_config.load(
        {key.removeprefix(f"{PROJECT}:"): json.dumps(each) for key, each in whole.items()}, PlaceholderMachine()
    )


def path(run: Run, patient: Patient, member: str = "member3", sections: Mapping[str, Json] | None = None) -> TunnelPath:
    """The path to a member of a run's stack, as the doctor walks it."""
    (found,) = [each for each in tunnels(settings(sections), run.stack.outputs) if each.member == member]
    return TunnelPath(tunnel=found, apis=patient)


def _within(found: Json, key: str) -> Json:
    return cast("Sequence[Json]", found)[int(key)] if key.isdigit() else at(found, key)


def _karmada_agent(given: dict[str, str]) -> Json:
    container: dict[str, Json] = {
        "name": "karmada-agent",
        "command": ["/bin/karmada-agent", "--proxy-server-address=http://192.0.2.99:8088"],
        "args": [f"--{flag}={value}" for flag, value in given.items()],
    }
    return {
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "karmada-agent"}},
            "template": {"spec": {"containers": [container]}},
        },
        "status": {"readyReplicas": 1},
    }


def _pod(name: str, *containers: str) -> Json:
    running: list[Json] = [{"name": each, "state": {"running": {}}, "restartCount": 0} for each in containers]
    return {"metadata": {"name": name}, "status": {"phase": "Running", "containerStatuses": running}}
