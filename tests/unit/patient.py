"""A stack that is up, for the doctor's tests: what its clusters would have of what the program itself made."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import cast

from checks.doctor.__main__ import tunnels
from checks.doctor.tunnel_path import TunnelPath
from clusters.api import REVIEWS, NotServing, Resource
from clusters.kubeconfig import Context, Unavailable
from clusters.objects import Json, at, text
from components import anp
from config import stack_config
from config.problems import PROJECT
from config.settings import Settings
from tests.unit.reading import flags, header
from tests.unit.stacks import PAIR, configured
from tools.render.machine import PlaceholderMachine
from tools.render.program import Run

METRICS = "konnectivity_network_proxy_agent_open_server_connections {0}\n"

NAMESPACE = "karmada-system"
KARMADA_AGENT_POD = "app=karmada-agent"


class Patient:
    """Asking, which finds a run's objects in place. Its parts may be changed: then something is wrong with the stack.

    `objects` are by context and by namespace, kind and name or labels; a context in `away` does not answer. `silent`
    are the containers' ports that do not answer, `connections` what an agent counts, `says` why a request fails.
    """

    def __init__(self, run: Run) -> None:
        self.objects: dict[tuple[str, str], list[Json]] = {}
        self.away: set[str] = set()
        self.silent: set[tuple[str, int, str]] = set()
        self.connections = "1"
        self.granted = True
        self.says = "proxyconnect tcp: dial tcp 192.0.2.3:8088: connect: connection refused"
        self.asked: list[Json] = []
        for name in ("member3", "member4"):
            given = flags(run, name)
            spec: dict[str, Json] = {
                "syncMode": "Pull",
                "apiEndpoint": given["cluster-api-endpoint"],
                "proxyURL": given["proxy-server-address"],
            }
            if run.resources.keys() & {each for each in run.resources if each.endswith(f"{name}-registration-header")}:
                spec["proxyHeader"] = {"Proxy-Authorization": header(run, name)}
            self._has("karmada-apiserver", f"clusters/{name}", {"spec": spec})
            self._has(name, f"{NAMESPACE} deployments/karmada-agent", _karmada_agent(given))
            self._has(name, f"{NAMESPACE} pods {KARMADA_AGENT_POD}", _pod("karmada-agent", "karmada-agent"))
            self._made(name, run, "Deployment", f"{name}-proxy-agent")
            self._made(name, run, "Secret", f"{name}-proxy-agent-cert")
            self._has(name, f"{NAMESPACE} pods app={anp.AGENT}", _pod(f"{anp.AGENT}-1", anp.AGENT))
        for secret in [
            each.name for each in run.resources.values() if each.name in (anp.SERVER_CERT_SECRET, anp.GUARD)
        ]:
            self._made("karmada-host", run, "Secret", secret)
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
        assert what is REVIEWS
        self._found(of, "")
        self.asked.append(given)
        return {"status": {"allowed": self.granted}}

    def patch(self, of: Context, path: str, patch: Json, kind: str) -> Json:
        raise AssertionError(f"the doctor changes {path}")

    def served(self, of: Context, namespace: str, pod: str, port: int, path: str) -> str:
        self._found(of, "")
        if (of.name, port, path) in self.silent:
            raise NotServing("it does not answer within 5 s")
        return METRICS.format(self.connections) if path == "/metrics" else "ok"

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
        if of.name in self.away:
            raise Unavailable("connection refused")
        return self.objects.get((of.name, what), [])

    def _has(self, context: str, what: str, found: Json) -> None:
        self.objects[context, what] = [found]

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
    return TunnelPath(tunnel=found, asking=patient)


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
