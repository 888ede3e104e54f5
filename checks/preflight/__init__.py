"""What the clusters themselves say, asked before anything is made: `check`, called by __main__.py alone.

Changes nothing, in previews too. It finds what a provider would only meet half-way, or say badly, and reports all of it
together. Paused members are left out; what this machine alone knows, config.py has checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pulumi

from checks.preflight import docker_engine, host_cluster, karmada_api, member_cluster
from checks.preflight.identity import Asked, mistaken
from checks.preflight.told import Told
from clusters.objects import Json, text
from components.anp import SERVER
from components.field_manager import field_manager
from config.problems import PROJECT, Problem, config_key, refusal
from config.settings import Cluster, MemberSettings, Settings


def check(settings: Settings) -> Sequence[Cluster]:
    """The clusters in which the stack takes the place of what was made by hand (adoption.py).

    Raises pulumi.RunError with everything that the clusters and the Docker engine object to.
    """
    # asked here: Pulumi knows the stack in this thread alone
    ours = field_manager()
    active = _active(settings)
    asked: Mapping[str, Callable[[], Told]] = {
        "host": partial(host_cluster.tell, settings),
        "karmada": partial(karmada_api.tell, settings, active),
        "engine": partial(docker_engine.tell, settings.images),
        **{key: partial(member_cluster.tell, key, each, settings, ours) for key, each in active.items()},
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        answering = {key: pool.submit(question) for key, question in asked.items()}
        told = {key: answer.result() for key, answer in answering.items()}
    for key, problem in _mistaken(settings, active, told):
        # what else is wrong there is wrong of another cluster than the one that is meant
        told[key].problems = [problem]
    problems = [problem for each in told.values() for problem in each.problems]
    if problems:
        raise refusal("The clusters are not ready for this stack; nothing was changed", problems)
    elsewhere = _tunnelled_elsewhere(settings, active, told["host"].has_server, told["karmada"].clusters)
    for warning in [*(warning for each in told.values() for warning in each.warnings), *elsewhere]:
        pulumi.log.warn(warning)
    clusters: Mapping[str, Cluster] = {"host": settings.host, **active}
    return [cluster for key, cluster in clusters.items() if told[key].adopts]


def _active(settings: Settings) -> Mapping[str, MemberSettings]:
    """The members that are asked, by their keys."""
    return {config_key("members", each.name): each for each in settings.active}


def _mistaken(
    settings: Settings, active: Mapping[str, MemberSettings], told: Mapping[str, Told]
) -> Iterator[tuple[str, Problem]]:
    """What is not the cluster that is meant: who was asked, and the problem."""
    asked = [
        Asked(key="host", context=settings.host.context, uid=told["host"].uid),
        *(Asked(key=key, context=each.context, uid=told[key].uid, member=each.name) for key, each in active.items()),
    ]
    known = told["karmada"]
    return mistaken(known.uid, known.clusters, [each.name for each in settings.members], asked)


def _tunnelled_elsewhere(
    settings: Settings, active: Mapping[str, MemberSettings], has_server: bool, clusters: Sequence[Json]
) -> Iterator[str]:
    """Members that have a tunnel, though the host has no proxy-server. No problem: the server may have been deleted."""
    ways = {text(each, "metadata", "name"): text(each, "spec", "proxyURL") for each in clusters}
    for key, each in active.items():
        if ways.get(each.name) and not has_server:
            server = f'no {SERVER} in namespace "{settings.host.namespace}" of {settings.host.context}'
            why = f'Karmada goes to "{each.name}" by {ways[each.name]}, but there is {server}'
            mend = "if that is another stack's tunnel, `up` will fail: take the member out of one of the two"
            yield f"{PROJECT}:{key}: {why}; {mend}"
