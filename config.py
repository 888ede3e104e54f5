"""Reads a stack's config into Settings: `load`, called by __main__.py alone.

`load` is a function of the config's values and of what a Workstation says; it touches nothing by itself. Everything
that is wrong is reported together. What only the clusters can say is preflight.py's.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, cast
from urllib.parse import urlsplit

import pulumi
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from problems import PROJECT, Problem, config_rm, config_set, refusal
from settings import (
    ANP_OWN_PORTS,
    BUILTIN_PORT,
    UPSTREAM,
    Certificates,
    Cluster,
    Frontend,
    Host,
    Images,
    Member,
    Model,
    Proxy,
    Settings,
)
from workstation import KindNode, Unavailable, Workstation

SECTIONS: Mapping[str, type[Model]] = {
    "host": Host,
    "members": Member,
    "images": Images,
    "proxy": Proxy,
    "certificates": Certificates,
}
"""The stack's config keys and what each holds; `members` holds a list."""

M = TypeVar("M", bound=Model)


def values() -> dict[str, str]:
    """The stack's own config values, as Pulumi hands them to the program, without the project's prefix."""
    prefix = f"{PROJECT}:"
    every: dict[str, str] = pulumi.runtime.get_config_env()
    return {key.removeprefix(prefix): value for key, value in every.items() if key.startswith(prefix)}


def load(values: Mapping[str, str], workstation: Workstation) -> Settings:
    """Config values (`host` and so on, each as JSON) to Settings. Raises pulumi.RunError with all that is wrong."""
    problems = [*_unknown_sections(values)]
    host = _section(values, "host", Host, problems)
    members = _members(values, problems)
    images = _section(values, "images", Images, problems, default={"build": {}})
    proxy = _section(values, "proxy", Proxy, problems, default={})
    certificates = _section(values, "certificates", Certificates, problems, default={})

    known = _Known(workstation, problems)
    if host:
        host = known.complete_host(host)
    members = {key: known.complete_member(key, member) for key, member in members.items()}
    problems += _members_problems(host, members)
    problems += _images_problems(images, proxy) if images else []
    problems += _proxy_problems(proxy) if proxy else []
    problems += _certificates_problems(certificates) if certificates else []
    if problems or not (host and images and proxy and certificates):
        raise refusal("The stack's config has problems", problems)
    return Settings(
        host=host,
        members=list(members.values()),
        images=images,
        proxy=proxy,
        certificates=certificates,
        kind_nodes=known.kind_nodes,
    )


def _unknown_sections(values: Mapping[str, str]) -> Iterator[Problem]:
    for key in sorted(set(values) - set(SECTIONS)):
        yield Problem(key, "there is no such key" + _meant(key, SECTIONS), config_rm(key))


def _parse(values: Mapping[str, str], key: str, shape: type, problems: list[Problem]) -> object:
    try:
        parsed: object = json.loads(values[key])
    except json.JSONDecodeError:
        parsed = values[key]
    if not isinstance(parsed, shape):
        kind = "a list" if shape is list else "an object"
        problems.append(Problem(key, f"{parsed!r} is not {kind}", f"{config_rm(key)}, then set its parts with --path"))
        return None
    return parsed


def _section(
    values: Mapping[str, str],
    key: str,
    model: type[M],
    problems: list[Problem],
    default: dict[str, object] | None = None,
) -> M | None:
    if key not in values and default is None:
        mend = config_set(f"{key}.context", "CONTEXT")
        problems.append(Problem(key, "it is missing", mend))
        return None
    raw = _parse(values, key, dict, problems) if key in values else default
    return None if raw is None else _validate(key, raw, model, problems)


def _members(values: Mapping[str, str], problems: list[Problem]) -> dict[str, Member]:
    """The members that could be read, by their key (`members[0]`)."""
    raw = cast("list[object] | None", _parse(values, "members", list, problems) if "members" in values else [])
    if raw == []:
        problems.append(Problem("members", "it names no member", config_set("members[0].name", "MEMBER")))
    keyed = {f"members[{i}]": each for i, each in enumerate(raw or [])}
    read = {key: _validate(key, each, Member, problems) for key, each in keyed.items()}
    return {key: member for key, member in read.items() if member}


def _validate(key: str, raw: object, model: type[M], problems: list[Problem]) -> M | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems.extend(_explained(key, each, model) for each in error.errors(include_url=False))
        return None


def _explained(section: str, error: ErrorDetails, model: type[Model]) -> Problem:
    key = ".".join([section, *(str(part) for part in error["loc"])])
    found = json.dumps(error["input"], default=str)
    if error["type"] == "extra_forbidden":
        parent = _model_at(model, error["loc"][:-1])
        return Problem(key, "there is no such key" + _meant(str(error["loc"][-1]), _keys(parent)), config_rm(key))
    if error["type"] == "missing":
        return Problem(key, "it is missing", config_set(key, "VALUE"))
    message = error["msg"].removeprefix("Input should be ").removeprefix("String should ")
    return Problem(
        key,
        f"{found} should be {message}".replace("be match", "match").replace("be have", "have"),
        config_set(key, "VALUE"),
    )


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    for part in path:
        fields = {field.alias: field for field in model.model_fields.values()}
        annotation = fields[str(part)].annotation
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

    def complete_host(self, host: Host) -> Host:
        self._server("host", host, "context", host.context)
        self._server("host", host, "karmadaContext", host.karmada_context)
        node = self._kind_node("host", host)
        address = host.address or (node.address if node else "")
        if not address and not host.kind:
            why = "it is missing, and host.kind, by which it could be looked up, is too"
            self._problems.append(Problem("host.address", why, config_set("host.address", "ADDRESS")))
        elif address and _is_loopback(address):
            why = f'"{address}" is loopback: no member could dial it'
            self._problems.append(Problem("host.address", why, config_set("host.address", "ADDRESS")))
        return host.model_copy(update={"address": address})

    def complete_member(self, key: str, member: Member) -> Member:
        context = member.context or member.name
        server = self._server(key, member, "context", context)
        node = self._kind_node(key, member)
        endpoint = member.api_endpoint or server
        if node and not member.api_endpoint and _is_loopback(urlsplit(server).hostname or ""):
            endpoint = f"https://{node.address}:6443"
        if endpoint:
            self._problems.extend(_endpoint_problems(f"{key}.apiEndpoint", endpoint))
        return member.model_copy(update={"context": context, "api_endpoint": endpoint})

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

    def _kind_node(self, key: str, cluster: Cluster) -> KindNode | None:
        if not cluster.kind:
            return None
        try:
            self.kind_nodes[cluster.kind] = self._workstation.kind_node(cluster.kind)
        except Unavailable as reason:
            why = f'"{cluster.kind}": {reason}'
            mend = f"start it, or {config_set(f'{key}.kind', 'NAME')}"
            self._problems.append(Problem(f"{key}.kind", why, mend))
        return self.kind_nodes.get(cluster.kind)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _endpoint_problems(key: str, endpoint: str) -> Iterator[Problem]:
    url = urlsplit(endpoint)
    mend = config_set(key, "https://ADDRESS:6443")
    try:
        _ = url.port
    except ValueError:
        yield Problem(key, f'"{endpoint}" has no valid port', mend)
        return
    if url.scheme != "https":
        yield Problem(key, f'"{endpoint}" is not https', mend)
    if not url.hostname:
        yield Problem(key, f'"{endpoint}" lacks a host', mend)
    elif _is_loopback(url.hostname):
        yield Problem(key, f'"{endpoint}" is loopback: Karmada and the tunnel need the address that others use', mend)


def _members_problems(host: Host | None, members: Mapping[str, Member]) -> Iterator[Problem]:
    names: dict[str, str] = {}
    endpoints: dict[str, str] = {}
    for key, member in members.items():
        if member.name in names:
            why = f'"{member.name}" is the name of {names[member.name]} too'
            yield Problem(f"{key}.name", why, config_set(f"{key}.name", "NAME"))
        if member.host and member.host in endpoints:
            other = endpoints[member.host]
            why = f'"{member.api_endpoint}" has the host of {other} too; the server tells members apart by it'
            yield Problem(f"{key}.apiEndpoint", why, config_set(f"{key}.apiEndpoint", "https://ADDRESS:6443"))
        if host and _same_cluster(host, member):
            why = f'"{member.context}" is the host cluster (host.context, host.karmadaContext or host.kind)'
            yield Problem(f"{key}.context", why, config_set(f"{key}.context", "CONTEXT"))
        names.setdefault(member.name, key)
        endpoints.setdefault(member.host, key)


def _same_cluster(host: Host, member: Member) -> bool:
    if member.kind and member.kind == host.kind:
        return True
    return member.kubeconfig == host.kubeconfig and member.context in (host.context, host.karmada_context)


def _images_problems(images: Images, proxy: Proxy | None) -> Iterator[Problem]:
    if images.build and (images.server or images.agent):
        why = "both built (images.build) and published (images.server, images.agent) images are given"
        yield Problem("images", why, f"{config_rm('images.build')}, or the other two")
    elif not images.build and not images.server and not images.agent:
        why = "neither built (images.build) nor published (images.server, images.agent) images are given"
        yield Problem("images", why, config_rm("images") + " builds upstream's current release")
    elif not images.build and not (images.server and images.agent):
        missing = "agent" if images.server else "server"
        why = f"it is missing, though images.{'server' if images.server else 'agent'} is given"
        yield Problem(f"images.{missing}", why, config_set(f"images.{missing}", "IMAGE"))
    build = images.build
    if not build:
        return
    if "ref" in build.model_fields_set or "repository" in build.model_fields_set:
        for name in {"ref", "commit"} - build.model_fields_set:
            why = "it is missing: sources are pinned by ref and commit together"
            yield Problem(f"images.build.{name}", why, config_set(f"images.build.{name}", name.upper()))
    repository = build.repository.removesuffix("/").removesuffix(".git")
    if proxy and proxy.frontend is Frontend.BUILTIN and repository.endswith(UPSTREAM.split("://")[1]):
        why = f'"builtin", but {build.repository} has no plain port of its own'
        yield Problem("proxy.frontend", why, config_set("proxy.frontend", Frontend.GUARDED))


def _proxy_problems(proxy: Proxy) -> Iterator[Problem]:
    if proxy.replicas < 1:
        yield Problem("proxy.replicas", f"{proxy.replicas} is below 1", config_set("proxy.replicas", "1"))
    if proxy.replicas > 1:
        why = f"{proxy.replicas} is above 1: on the host network a second proxy-server finds its ports taken"
        yield Problem("proxy.replicas", why, config_set("proxy.replicas", "1"))
    if proxy.port in ANP_OWN_PORTS:
        why = f"{proxy.port} is one of ANP's own ports ({ANP_OWN_PORTS[0]} to {ANP_OWN_PORTS[-1]})"
        yield Problem("proxy.port", why, config_set("proxy.port", str(BUILTIN_PORT)))
    if proxy.frontend is Frontend.BUILTIN and proxy.port != BUILTIN_PORT:
        why = f"{proxy.port}, but the builtin frontend's port is {BUILTIN_PORT}, fixed in its code"
        yield Problem("proxy.port", why, config_set("proxy.port", str(BUILTIN_PORT)))


def _certificates_problems(certificates: Certificates) -> Iterator[Problem]:
    life, before, ca = (
        certificates.validity_hours,
        certificates.renew_before_hours,
        certificates.ca_validity_hours,
    )
    if before >= life:
        why = f"{before} is not below validityHours ({life}): every `up` would renew"
        yield Problem(
            "certificates.renewBeforeHours", why, config_set("certificates.renewBeforeHours", str(max(1, life // 12)))
        )
    if ca <= life + before:
        why = f"{ca} is not above validityHours and renewBeforeHours together ({life + before}): it must outlive leaves"
        yield Problem("certificates.caValidityHours", why, config_set("certificates.caValidityHours", str(10 * life)))
