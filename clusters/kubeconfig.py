"""Kubeconfigs: the contexts that there are, and how one of them is connected to.

The official client reads them: KUBECONFIG's own rules, relative paths, exec plugins, tokens that end. No credential
leaves this file but into the client's configuration.
"""

# the client declares no types
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import cast

from kubernetes.client import Configuration
from kubernetes.config import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger

from clusters.errors import Unavailable
from clusters.objects import Json, items, text

DEFAULT = "~/.kube/config"
"""Where contexts are if neither a kubeconfig nor KUBECONFIG says so."""


_parsing, _loading = Lock(), Lock()
"""One parses a file for all who want it; and one loads at a time, for the client puts certificates into files that all
contexts share, and says where one is before it is written."""


@dataclass(frozen=True)
class Context:
    """An API: the kubeconfig (`""`: KUBECONFIG's own rules) and the context in it by which it is asked.

    `path` is below which of its paths another API is served, as Karmada serves its members'.
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
    """How the client connects to a context. Raises Unavailable; where an exec plugin fails, with what it said."""
    whole, made = _merged(of.kubeconfig), Configuration()
    # whoever asks tries again; urllib3 would do it three times, and say so
    made.retries = False
    try:
        merged = _alone(whole, of.name)
        _run_plugin(merged, of.name)
        # without a base path relative paths begin at the kubeconfig that has them, as kubectl's do
        loader = KubeConfigLoader(merged, active_context=of.name, config_base_path=cast("str", None))
        with _loading:
            loader.load_and_set(made)
    except (ConfigException, OSError, ValueError) as error:
        raise Unavailable(" ".join(str(error).split())) from None
    made.host = f"{made.host}{of.path}"
    return made


def _merged(kubeconfig: str) -> ConfigNode:
    """A kubeconfig, or those that KUBECONFIG names, as one. Nobody changes it: it is parsed once."""
    where = os.path.expanduser(kubeconfig)
    if where and not os.path.exists(where):
        raise Unavailable("there is no such file")
    paths = where or os.environ.get("KUBECONFIG") or DEFAULT
    there = [each for each in map(os.path.expanduser, paths.split(os.pathsep)) if os.path.exists(each)]
    with _parsing:
        return _parsed(paths, tuple((os.stat(each).st_mtime_ns, os.stat(each).st_size) for each in there))


@cache
def _parsed(paths: str, stamps: Sequence[tuple[int, int]]) -> ConfigNode:
    """Files as one, as they are at some times and sizes: YAML of 500 contexts takes many seconds."""
    try:
        merged: ConfigNode | None = KubeConfigMerger(paths).config
    except Exception as error:  # whatever a broken file makes of its parser
        raise Unavailable(" ".join(str(error).split())) from None
    if merged is None:
        raise Unavailable("there is none")
    return merged


def _alone(merged: ConfigNode, context: str) -> ConfigNode:
    """A context with its own cluster and user, and no others: a copy, into which a plugin's answer is put."""
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
    """What the client has read, without the nodes that it wraps things in."""
    value = node.value if isinstance(node, ConfigNode) else node
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in cast("dict[object, object]", value).items()}
    return [plain(each) for each in cast("list[object]", value)] if isinstance(value, list) else cast("Json", value)


def _run_plugin(merged: ConfigNode, context: str) -> None:
    """Puts what a context's exec plugin answers in its place. Raises ConfigException.

    By itself the client logs why a plugin failed, and goes on as nobody.
    """
    loader = KubeConfigLoader(merged, active_context=context, config_base_path=cast("str", None))
    of = loader.current_context["context"]
    users = [each for each in merged.value.get("users") or [] if each["name"] == of.get("user")]
    user = next((each["user"] for each in users), None)
    if not isinstance(user, ConfigNode) or "exec" not in user:
        return
    cluster = next(each["cluster"] for each in merged["clusters"] if each["name"] == of["cluster"])
    answered: dict[str, str] = ExecProvider(user["exec"], os.path.dirname(cluster.path or ""), cluster).run()
    credentials = {"token": answered["token"]} if "token" in answered else {}
    for key, into in (("clientCertificateData", "client-certificate-data"), ("clientKeyData", "client-key-data")):
        if key in answered:
            credentials[into] = base64.b64encode(answered[key].encode()).decode()
    del user.value["exec"]
    user.value.update(credentials)
