"""Kubeconfigs: lists their contexts, and makes the official client's configuration for one.

The official client reads them, and handles KUBECONFIG and relative paths. What it lacks for exec plugins is here: why
one failed, how long it may take, and that its token expires. Credentials leave this module only in that configuration.
"""

# the client declares no types
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import base64
import copy
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import cast

from kubernetes.client import Configuration
from kubernetes.config import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger

from clusters.errors import Unavailable
from clusters.objects import Json, items, text

PLUGIN = str(Path(__file__).with_name("exec_plugin.py"))
PLUGIN_SECONDS = 180
"""How long an exec plugin may take: a person may have to log in."""

PAUSE = 10.0
"""Seconds between two runs for a token that is about to expire."""

EARLY = timedelta(minutes=1)
"""How long before its end a token is renewed."""

CONNECTIONS = 32
"""How many threads may use a configuration's client at once."""

DEFAULT = "~/.kube/config"
"""The kubeconfig if neither the config nor KUBECONFIG names one."""

_parsing, _loading = Lock(), Lock()
"""Locks. One thread parses a file for all. One loads a context at a time: the client keeps certificates in temporary
files that all contexts share, and returns a file's path before it is written."""


@dataclass(frozen=True)
class Context:
    """A Kubernetes API, by a kubeconfig (`""`: as KUBECONFIG says) and the name of a context in it.

    With a `path`, another API that this API server serves below that path, as Karmada serves its members'.
    """

    kubeconfig: str
    name: str
    path: str = ""


def servers(kubeconfig: str) -> Mapping[str, str]:
    """The API server's URL of each context. Raises Unavailable."""
    merged = _merged(kubeconfig)
    urls = {text(each, "name"): text(each, "cluster", "server") for each in items(plain(merged), "clusters")}
    contexts = items(plain(merged), "contexts")
    return {text(each, "name"): urls.get(text(each, "context", "cluster"), "") for each in contexts}


def configuration(of: Context) -> Configuration:
    """The client's configuration for a context, without its path. Raises Unavailable; if an exec plugin fails, with its
    output.

    An exec plugin runs again when its token has expired, before the next request.
    """
    made, expires = _configuration(of)
    made.connection_pool_maxsize = CONNECTIONS
    lock, not_before = Lock(), 0.0

    def renew(configuration: Configuration) -> None:
        nonlocal expires, not_before
        with lock:
            until, began = expires, time.monotonic()
            if not until or datetime.now(UTC) < until - EARLY or began < not_before:
                return
            try:
                fresh, expires = _configuration(of)
                configuration.api_key = fresh.api_key
            except Unavailable:
                if datetime.now(UTC) > until:
                    raise
            finally:
                # a plugin may print the same token until its very end, and one that hangs would do so for each request
                not_before = time.monotonic() + max(PAUSE, time.monotonic() - began)

    if expires:
        made.refresh_api_key_hook = renew  # pyright: ignore[reportAttributeAccessIssue]
    return made


def _configuration(of: Context) -> tuple[Configuration, datetime | None]:
    """The configuration, and when the token of its exec plugin expires."""
    whole, made = _merged(of.kubeconfig), Configuration()
    # callers retry by themselves; urllib3 would try three times, and log it
    made.retries = False
    try:
        merged = _single_context(whole, of.name)
        _require_no_impersonation(merged)
        expires = _run_plugin(merged, of.name)
        # without a base path relative paths begin at the kubeconfig that has them, as kubectl's do
        loader = KubeConfigLoader(merged, active_context=of.name, config_base_path=cast("str", None))
        with _loading:
            loader.load_and_set(made)
        until = datetime.fromisoformat(expires).astimezone(UTC) if expires else None
    except Exception as error:  # an auth provider that asks for a token may raise what its libraries do
        raise Unavailable(" ".join(str(error).split()) or type(error).__name__) from None
    return made, until


def _require_no_impersonation(merged: ConfigNode) -> None:
    """Raises ConfigException for a user with `as`, which the client does not read: its requests would be another's."""
    for each in items(plain(merged), "users"):
        impersonated = text(each, "user", "as")
        if impersonated:
            raise ConfigException(f'its user impersonates "{impersonated}" (as), which is not supported: use another')


def _merged(kubeconfig: str) -> ConfigNode:
    """A kubeconfig, or those of KUBECONFIG merged. It is parsed once and shared: callers must not change it."""
    where = os.path.expanduser(kubeconfig)
    if where and not os.path.exists(where):
        raise Unavailable("there is no such file")
    paths = where or os.environ.get("KUBECONFIG") or DEFAULT
    there = [each for each in map(os.path.expanduser, paths.split(os.pathsep)) if os.path.exists(each)]
    with _parsing:
        return _parsed(paths, tuple((os.stat(each).st_mtime_ns, os.stat(each).st_size) for each in there))


@cache
def _parsed(paths: str, stamps: Sequence[tuple[int, int]]) -> ConfigNode:
    """Merged kubeconfigs, cached by modification times and sizes: the YAML of 500 contexts takes many seconds."""
    try:
        merged: ConfigNode | None = KubeConfigMerger(paths).config
    except Exception as error:  # a broken file may raise anything in the parser
        raise Unavailable(" ".join(str(error).split())) from None
    if merged is None:
        raise Unavailable("there is none")
    return merged


def _single_context(merged: ConfigNode, context: str) -> ConfigNode:
    """A copy of a kubeconfig with one context, its cluster and its user; an exec plugin's credentials go into it."""
    names = {"contexts": context}
    for each in merged.value.get("contexts") or []:
        if each["name"] == context:
            names |= {"clusters": each["context"].safe_get("cluster"), "users": each["context"].safe_get("user")}
    lists = {
        key: [copy.deepcopy(each) for each in merged.value.get(key) or [] if each["name"] == names.get(key)]
        for key in ("clusters", "contexts", "users")
    }
    return ConfigNode(merged.name, {**merged.value, **lists}, merged.path)


def plain(node: object) -> Json:
    """A kubeconfig as JSON, without the ConfigNodes in which the client wraps it."""
    value = node.value if isinstance(node, ConfigNode) else node
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in cast("dict[object, object]", value).items()}
    return [plain(each) for each in cast("list[object]", value)] if isinstance(value, list) else cast("Json", value)


def _run_plugin(merged: ConfigNode, context: str) -> str:
    """Runs a context's exec plugin, puts its credentials in its place, and returns when they expire, or an empty text.
    Raises ConfigException.

    The client itself only logs why a plugin failed, and goes on without credentials.
    """
    loader = KubeConfigLoader(merged, active_context=context, config_base_path=cast("str", None))
    of = loader.current_context["context"]
    users = [each for each in merged.value.get("users") or [] if each["name"] == of.get("user")]
    user = next((each["user"] for each in users), None)
    if not isinstance(user, ConfigNode) or "exec" not in user:
        return ""
    cluster = next(each["cluster"] for each in merged["clusters"] if each["name"] == of["cluster"])
    plugin = ExecProvider(user["exec"], os.path.dirname(cluster.path or ""), cluster)
    plugin.args = [sys.executable, "-I", "-S", PLUGIN, str(PLUGIN_SECONDS), *plugin.args]
    try:
        printed: dict[str, str] = plugin.run()
    except AttributeError:
        # at a terminal the client lets it print there, and then looks for what it printed
        raise ConfigException("exec: the plugin failed: see above") from None
    credentials = {"token": printed["token"]} if "token" in printed else {}
    for key, into in (("clientCertificateData", "client-certificate-data"), ("clientKeyData", "client-key-data")):
        if key in printed:
            credentials[into] = base64.b64encode(printed[key].encode()).decode()
    del user.value["exec"]
    user.value.update(credentials)
    return printed.get("expirationTimestamp", "")
