"""Reads a stack's config into Settings: `load`, called by __main__.py alone.

`load` is a function of the config's values and of what a Workstation says; it touches nothing by itself. Everything
that is wrong is reported together. What only the clusters can say is preflight's.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import pulumi
from pulumi.runtime.config import get_config_secret_keys_env
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from clusters.workstation import KindNode, Unavailable, Workstation
from config.problems import PROJECT, Problem, config_rm, config_set, refusal
from config.rules import (
    address_problems,
    certificates_problems,
    endpoint_problems,
    host_of,
    host_problems,
    images_problems,
    is_loopback,
    members_problems,
    monitoring_problems,
    proxy_problems,
)
from config.settings import (
    PATTERNS,
    Certificates,
    Cluster,
    Exposure,
    Host,
    Images,
    MemberSettings,
    Model,
    MonitoringSettings,
    Proxy,
    Settings,
)

SECTIONS: Mapping[str, type[Model]] = {
    "host": Host,
    "members": MemberSettings,
    "images": Images,
    "proxy": Proxy,
    "certificates": Certificates,
    "monitoring": MonitoringSettings,
}
"""The stack's config keys and what each holds; `members` holds a list."""

M = TypeVar("M", bound=Model)


def values() -> dict[str, str]:
    """The stack's own config values, as Pulumi hands them to the program, without the project's prefix."""
    prefix = f"{PROJECT}:"
    every: dict[str, str] = pulumi.runtime.get_config_env()
    return {key.removeprefix(prefix): value for key, value in every.items() if key.startswith(prefix)}


def secrets() -> frozenset[str]:
    """Those of the stack's sections that hold something encrypted."""
    encrypted = set(get_config_secret_keys_env())
    return frozenset(key for key in SECTIONS if f"{PROJECT}:{key}" in encrypted)


def load(
    values: Mapping[str, str], workstation: Workstation, secret: Collection[str] = frozenset(SECTIONS)
) -> Settings:
    """Config values (`host` and so on, each as JSON) to Settings. Raises pulumi.RunError with all that is wrong.

    `secret` are the sections that hold something encrypted.
    """
    problems = [*_unknown_sections(values)]
    read = _Sections(values, secret, problems)
    host = read.section("host", Host)
    members = read.members()
    images = read.section("images", Images, default={"build": {}})
    proxy = read.section("proxy", Proxy, default={})
    certificates = read.section("certificates", Certificates, default={})
    monitoring = read.section("monitoring", MonitoringSettings, default={})

    known = _Known(workstation, problems)
    if host:
        problems += host_problems(host)
        host = known.complete_host(host, proxy.exposure if proxy else Exposure.HOST_NETWORK)
    members = {key: known.complete_member(key, member) for key, member in members.items()}
    problems += members_problems(host, members)
    problems += images_problems(images, proxy) if images else []
    problems += proxy_problems(proxy) if proxy else []
    problems += certificates_problems(certificates) if certificates else []
    problems += monitoring_problems(monitoring, certificates, proxy) if monitoring and certificates else []
    if images and images.credentials and "images" not in secret:
        key = "images.credentials.password"
        problems.append(Problem(key, "it is there in plain text", f"{config_set(key, 'PASSWORD')} --secret"))
    if problems or not (host and images and proxy and certificates and monitoring):
        raise refusal("The stack's config has problems", problems)
    return Settings(
        host=host,
        members=list(members.values()),
        images=images,
        proxy=proxy,
        certificates=certificates,
        monitoring=monitoring,
        kind_nodes=known.kind_nodes,
        monitored=known.monitored([host, *members.values()]) if monitoring.enabled else (),
    )


def _unknown_sections(values: Mapping[str, str]) -> Iterator[Problem]:
    for key in sorted(set(values) - set(SECTIONS)):
        yield Problem(key, "there is no such key" + _meant(key, SECTIONS), config_rm(key))


class _Sections:
    """Reads sections into models. Of one that is secret, a wrong value is not shown."""

    def __init__(self, values: Mapping[str, str], secret: Collection[str], problems: list[Problem]) -> None:
        self._values = values
        self._secret = secret
        self._problems = problems

    def section(self, key: str, model: type[M], default: dict[str, object] | None = None) -> M | None:
        if key not in self._values and default is None:
            self._problems.append(Problem(key, "it is missing", config_set(f"{key}.context", "CONTEXT")))
            return None
        raw = self._parsed(key, dict) if key in self._values else default
        return None if raw is None else _validate(key, raw, model, self._problems)

    def members(self) -> dict[str, MemberSettings]:
        """The members that could be read, by their key (`members[0]`)."""
        raw = cast("list[object] | None", self._parsed("members", list) if "members" in self._values else [])
        if raw == []:
            self._problems.append(Problem("members", "it names no member", config_set("members[0].name", "MEMBER")))
        keyed = {f"members[{i}]": each for i, each in enumerate(raw or [])}
        read = {key: _validate(key, each, MemberSettings, self._problems) for key, each in keyed.items()}
        return {key: member for key, member in read.items() if member}

    def _parsed(self, key: str, shape: type) -> object:
        try:
            parsed: object = json.loads(self._values[key])
        except json.JSONDecodeError:
            parsed = self._values[key]
        if not isinstance(parsed, shape):
            found = "what it holds" if key in self._secret else repr(parsed)
            kind = "a list" if shape is list else "an object"
            mend = f"{config_rm(key)}, then set its parts with --path"
            self._problems.append(Problem(key, f"{found} is not {kind}", mend))
            return None
        return parsed


def _validate(key: str, raw: object, model: type[M], problems: list[Problem]) -> M | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems.extend(_explained(key, each, model) for each in error.errors(include_url=False))
        return None


def _explained(section: str, error: ErrorDetails, model: type[Model]) -> Problem:
    key = section + "".join(map(_part, error["loc"]))
    # of a password not even a wrong one
    found = "what it holds" if "credentials" in error["loc"] else json.dumps(error["input"], default=str)
    if error["type"] == "extra_forbidden":
        parent = _model_at(model, error["loc"][:-1])
        return Problem(key, "there is no such key" + _meant(str(error["loc"][-1]), _keys(parent)), config_rm(key))
    if error["type"] == "missing":
        return Problem(key, "it is missing", config_set(key, "VALUE"))
    return Problem(key, f"{found} should be {_wanted(error)}", config_set(key, "VALUE"))


def _part(of: int | str) -> str:
    """A part of a key as `pulumi config set --path` has it: `[0]`, `.name`, or quoted what is no plain name."""
    if isinstance(of, int):
        return f"[{of}]"
    return f".{of}" if of.isidentifier() else f'["{of}"]'


def _wanted(error: ErrorDetails) -> str:
    """What a value should be, in the words of the config rather than pydantic's."""
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "an object"
    if error["type"] in ("sequence_str", "is_instance_of"):
        return "a list"
    if error["type"] == "string_pattern_mismatch":
        return PATTERNS[error.get("ctx", {})["pattern"]]
    if error["type"] == "string_too_short":
        return "a text that is not empty"
    return error["msg"].removeprefix("Input should be ")


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The model at the end of a path; what is in a list is what the list is of."""
    for part in [each for each in path if isinstance(each, str)]:
        fields = {field.alias: field for field in model.model_fields.values()}
        annotation = fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel))
    return model


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _meant(key: str, known: Mapping[str, object] | Sequence[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


class _Known:
    """Fills in what this machine knows: contexts are looked up, and with them endpoints and kind nodes."""

    def __init__(self, workstation: Workstation, problems: list[Problem]) -> None:
        self.kind_nodes: dict[str, KindNode] = {}
        self._workstation = workstation
        self._problems = problems

    def complete_host(self, host: Host, exposure: Exposure) -> Host:
        """The host with the address that agents dial; a load balancer's own is known only once there is one."""
        there = self._server("host", host, "context", host.context)
        self._server("host", host, "karmadaContext", host.karmada_context)
        node = self._kind_node("host", host)
        address = host.address
        if not address and exposure is not Exposure.LOAD_BALANCER:
            address = node.address if node else self._node_address(host, exposure) if there else ""
        self._problems.extend(address_problems("host.address", address) if address else [])
        return host.model_copy(update={"address": address})

    def _node_address(self, host: Host, exposure: Exposure) -> str:
        """The address of one of the host's nodes, or "" after a problem. On the host network it is not just any's."""
        if host.kind:
            return ""
        why = "it is missing, and host.kind, by which it could be looked up, is too"
        try:
            if exposure is Exposure.NODE_PORT:
                return self._workstation.node_address(host.kubeconfig, host.context)
        except Unavailable as reason:
            why = f'it is missing, and the nodes of "{host.context}" do not tell: {reason}'
        self._problems.append(Problem("host.address", why, config_set("host.address", "ADDRESS")))
        return ""

    def complete_member(self, key: str, member: MemberSettings) -> MemberSettings:
        context = member.context or member.name
        server = self._server(key, member, "context", context)
        node = self._kind_node(key, member, needed=not member.paused)
        endpoint = member.api_endpoint or server
        if member.kind and not member.api_endpoint and is_loopback(host_of(server)):
            # of a paused member the node may be away: then nothing knows its address, and nothing needs it
            endpoint = node.endpoint if node else "" if member.paused else endpoint
        problems = [*endpoint_problems(f"{key}.apiEndpoint", endpoint)] if endpoint else []
        self._problems.extend(problems)
        return member.model_copy(update={"context": context, "api_endpoint": "" if problems else endpoint})

    def monitored(self, clusters: Sequence[Cluster]) -> Sequence[Cluster]:
        """Those clusters that have the kinds of the prometheus-operator; of the others it says so."""
        with ThreadPoolExecutor(len(clusters)) as pool:
            answers = list(zip(clusters, pool.map(self._has_monitors, clusters), strict=True))
        for cluster in [each for each, has in answers if not has]:
            pulumi.log.warn(
                f"{cluster.context} has no PodMonitor and PrometheusRule: it gets none (monitoring.enabled)"
            )
        return [each for each, has in answers if has]

    def _has_monitors(self, cluster: Cluster) -> bool:
        try:
            return self._workstation.has_monitors(cluster.kubeconfig, cluster.context)
        except Unavailable:
            # a paused member keeps what it has; of any other preflight says that it does not answer
            return True

    def _server(self, key: str, cluster: Cluster, context_key: str, context: str) -> str:
        """The API server's URL of a context, or "" after a problem."""
        try:
            servers = self._workstation.servers(cluster.kubeconfig)
        except Unavailable as reason:
            found = f'"{cluster.kubeconfig}"' if cluster.kubeconfig else "KUBECONFIG's file"
            problem = Problem(
                f"{key}.kubeconfig", f"{found} cannot be read: {reason}", config_set(f"{key}.kubeconfig", "PATH")
            )
            if problem not in self._problems:
                self._problems.append(problem)
            return ""
        if context not in servers:
            where = cluster.kubeconfig or "KUBECONFIG"
            why = f'"{context}" is no context of {where}, which has ' + (", ".join(sorted(servers)) or "none")
            mend = config_set(f"{key}.{context_key}", "CONTEXT")
            self._problems.append(Problem(f"{key}.{context_key}", why, mend))
        return servers.get(context, "")

    def _kind_node(self, key: str, cluster: Cluster, needed: bool = True) -> KindNode | None:
        """The node of a kind cluster. Where it is not needed, a paused member's, it may be away."""
        if not cluster.kind:
            return None
        try:
            self.kind_nodes[cluster.kind] = self._workstation.kind_node(cluster.kind)
        except Unavailable as reason:
            why = f'"{cluster.kind}": {reason}'
            mend = f"start it, or {config_set(f'{key}.kind', 'NAME')}"
            self._problems.extend([Problem(f"{key}.kind", why, mend)] if needed else [])
        return self.kind_nodes.get(cluster.kind)
