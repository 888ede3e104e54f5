"""A stack that is up, for the doctor's tests: what its clusters would have of what the program itself made."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import cast

from checks.doctor.__main__ import entry_of
from checks.doctor.asking import End, Silent
from checks.doctor.way import Way
from clusters.objects import Json, at, text
from clusters.workstation import Unavailable
from components import anp
from config import stack_config
from config.problems import PROJECT
from config.settings import Settings
from tests.unit.reading import flags, header
from tests.unit.stacks import PAIR
from tools.render.machine import PlaceholderMachine
from tools.render.program import Run
from tools.render.stackfile import config_of

METRICS = "konnectivity_network_proxy_agent_open_server_connections {0}\n"

NAMESPACE = "--namespace=karmada-system"
KARMADA_AGENT_POD = "app=karmada-agent"


class Patient:
    """Asking, which finds a run's objects in place. Its parts may be changed: then something is wrong with the stack.

    `objects` are by context and by what kubectl is asked for; a context in `away` does not answer. `silent` are the
    containers' ports that do not answer, `connections` what an agent counts, `says` why a request fails.
    """

    def __init__(self, run: Run) -> None:
        self.objects: dict[tuple[str, str], list[Json]] = {}
        self.away: set[str] = set()
        self.silent: set[tuple[str, int, str]] = set()
        self.connections = "1"
        self.granted = True
        self.says = "proxyconnect tcp: dial tcp 192.0.2.3:8088: connect: connection refused"
        self.asked: list[str] = []
        for name in ("member3", "member4"):
            given = flags(run, name)
            spec: dict[str, Json] = {
                "syncMode": "Pull",
                "apiEndpoint": given["cluster-api-endpoint"],
                "proxyURL": given["proxy-server-address"],
            }
            if run.resources.keys() & {each for each in run.resources if each.endswith(f"{name}-registration-header")}:
                spec["proxyHeader"] = {"Proxy-Authorization": header(run, name)}
            self._has("karmada-apiserver", f"clusters.cluster.karmada.io {name}", {"spec": spec})
            self._has(name, f"deployment/karmada-agent {NAMESPACE}", _karmada_agent(given))
            self._has(name, f"pods {NAMESPACE} --selector={KARMADA_AGENT_POD}", _pod("karmada-agent", "karmada-agent"))
            self._made(name, run, "Deployment", f"{name}-proxy-agent")
            self._made(name, run, "Secret", f"{name}-proxy-agent-cert")
            self._has(name, f"pods {NAMESPACE} --selector=app={anp.AGENT}", _pod(f"{anp.AGENT}-1", anp.AGENT))
        for secret in [
            each.name for each in run.resources.values() if each.name in (anp.SERVER_CERT_SECRET, anp.GUARD)
        ]:
            self._made("karmada-host", run, "Secret", secret)
        server = _pod(f"{anp.SERVER}-1", anp.SERVER, anp.GUARD)
        self._has("karmada-host", f"pods {NAMESPACE} --selector=app={anp.SERVER}", server)

    def get(self, end: End, *what: str) -> tuple[Json, ...]:
        self._answers(end)
        return tuple(self.objects.get((end.context, " ".join(what)), []))

    def raw(self, end: End, path: str) -> str:
        self._answers(end)
        if "/proxy/" in path and path in self.away:
            raise Unavailable(self.says)
        return "ok"

    def allowed(self, end: End, review: str) -> bool:
        self._answers(end)
        self.asked.append(review)
        return self.granted

    def served(self, end: End, namespace: str, pod: str, port: int, path: str) -> str:
        self._answers(end)
        if (end.context, port, path) in self.silent:
            raise Silent("it does not answer within 5 s")
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

    def _answers(self, end: End) -> None:
        if end.context in self.away:
            raise Unavailable("connection refused")

    def _has(self, context: str, what: str, found: Json) -> None:
        self.objects[context, what] = [found]

    def _made(self, context: str, run: Run, kind: str, resource: str) -> None:
        inputs = copy.deepcopy(dict(run.the(kind, resource).inputs))
        self._has(context, f"{kind.lower()}/{text(inputs, 'metadata', 'name')} {NAMESPACE}", inputs)


def settings(sections: Mapping[str, Json] | None = None) -> Settings:
    """The settings of the dev stack with two members, and other sections."""
    whole = {**config_of("dev"), f"{PROJECT}:members": PAIR}
    whole |= {f"{PROJECT}:{key}": value for key, value in (sections or {}).items()}
    return stack_config.load(
        {key.removeprefix(f"{PROJECT}:"): json.dumps(each) for key, each in whole.items()}, PlaceholderMachine()
    )


def way(run: Run, patient: Patient, member: str = "member3", sections: Mapping[str, Json] | None = None) -> Way:
    """The way to a member of a run's stack, as the doctor walks it."""
    whole = settings(sections)
    (found,) = [each for each in whole.members if each.name == member]
    return Way(settings=whole, member=found, entry=entry_of(run.stack.outputs), asking=patient)


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
