"""What the clusters themselves say, asked before anything is made: `check`, called by __main__.py alone.

Reads only, in previews too. It finds what a provider would only meet half-way, or say badly, and reports all of it
together. Paused members are left out; what this machine alone knows, config.py has checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from answers import Json, at, items, text
from components.registration import FIELD_MANAGER
from problems import Problem, config_set, refusal
from settings import Agent, Cluster, Images, Member, Settings
from workstation import Unavailable, ask, kubectl, objects

REGISTER_ROLE = "system:karmada:{0}:agent"
"""The ClusterRole that `karmadactl register` makes in the Karmada API for a member."""


def check(settings: Settings) -> None:
    """Raises pulumi.RunError with everything that the clusters and the Docker engine object to."""
    questions: Sequence[Callable[[], Iterable[Problem]]] = [
        partial(_host, settings),
        partial(_karmada, settings),
        partial(_engine, settings.images),
        *(partial(_member, i, each, settings.images) for i, each in enumerate(settings.members) if not each.paused),
    ]
    with ThreadPoolExecutor(len(questions)) as pool:
        problems = [problem for answer in pool.map(_answered, questions) for problem in answer]
    if problems:
        raise refusal("The clusters are not ready for this stack; nothing was changed", problems)


def _answered(question: Callable[[], Iterable[Problem]]) -> list[Problem]:
    return list(question())


def _host(settings: Settings) -> Iterator[Problem]:
    host = settings.host
    try:
        found = objects(kubectl(host.kubeconfig, host.context, "get", f"namespace/{host.namespace}"))
        yield from _pull_secrets(host, settings.images)
    except Unavailable as reason:
        yield _no_answer("host.context", host.context, reason)
        return
    if not found:
        yield _no_namespace("host", host.context, host.namespace)


def _pull_secrets(cluster: Cluster, images: Images) -> Iterator[Problem]:
    """Those that are not there; their names alone are asked for."""
    if not images.pull_secrets:
        return
    wanted = [f"secret/{each}" for each in images.pull_secrets]
    options = [f"--namespace={cluster.namespace}", "--output=name", "--ignore-not-found", "--request-timeout=10s"]
    there = ask(kubectl(cluster.kubeconfig, cluster.context, "get", *wanted, *options)).split()
    for i, secret in enumerate(wanted):
        if secret not in there:
            key = f"images.pullSecrets[{i}]"
            why = (
                f'there is no Secret "{images.pull_secrets[i]}" in namespace "{cluster.namespace}" of {cluster.context}'
            )
            create = (
                f"kubectl --context {cluster.context} --namespace {cluster.namespace} create secret docker-registry"
            )
            yield Problem(key, why, f"{create} {images.pull_secrets[i]}, with a token that may only pull")


def _karmada(settings: Settings) -> Iterator[Problem]:
    host = settings.host
    names = [REGISTER_ROLE.format(member.name) for member in settings.active] or [REGISTER_ROLE.format("")]
    try:
        clusters = objects(kubectl(host.kubeconfig, host.karmada_context, "get", "clusters.cluster.karmada.io"))
        roles = objects(kubectl(host.kubeconfig, host.karmada_context, "get", "clusterroles", *names))
    except Unavailable as reason:
        yield _no_answer("host.karmadaContext", host.karmada_context, reason)
        return
    modes = {text(each, "metadata", "name"): text(each, "spec", "syncMode") for each in clusters}
    joined_by_register = {text(each, "metadata", "name") for each in roles}
    for i, member in enumerate(settings.members):
        if not member.paused:
            registered = REGISTER_ROLE.format(member.name) in joined_by_register
            yield from _cluster_object(f"members[{i}]", member, modes, registered)


def _cluster_object(key: str, member: Member, modes: Mapping[str, str], registered: bool) -> Iterator[Problem]:
    if member.name not in modes:
        known = ", ".join(sorted(modes)) or "none"
        why = f'Karmada has no Cluster "{member.name}"; it has {known}'
        yield Problem(f"{key}.name", why, f"join it first, or {config_set(f'{key}.name', 'NAME')}")
    elif modes[member.name] != "Pull":
        why = f'the Cluster "{member.name}" is in {modes[member.name]} mode: Karmada dials it, and needs no tunnel'
        yield Problem(f"{key}.name", why, f"take {key} out of the config")
    if registered and not member.registered:
        why = f'it is false, but `karmadactl register` joined "{member.name}": its agent may not report the tunnel'
        yield Problem(f"{key}.registered", why, config_set(f"{key}.registered", "true"))


def _engine(images: Images) -> Iterator[Problem]:
    if not images.build:
        return
    try:
        ask(["docker", "version", "--format={{.Server.Version}}"])
    except Unavailable as reason:
        mend = "start the Docker engine, or give published images: images.server and images.agent"
        yield Problem("images.build", f"the Docker engine, which would build, does not answer: {reason}", mend)


def _member(index: int, member: Member, images: Images) -> Iterator[Problem]:
    key, agent = f"members[{index}]", member.agent
    wanted = [f"namespace/{member.namespace}"]
    try:
        namespaces = objects(kubectl(member.kubeconfig, member.context, "get", *wanted))
        pull_secrets = list(_pull_secrets(member, images))
        deployments = objects(
            kubectl(
                member.kubeconfig,
                member.context,
                "get",
                f"deployment/{agent.deployment}",
                f"--namespace={agent.namespace}",
                "--show-managed-fields",
            )
        )
    except Unavailable as reason:
        problem = _no_answer(f"{key}.context", member.context, reason)
        yield Problem(problem.key, problem.why, f"{problem.mend}, or pause it: {config_set(f'{key}.paused', 'true')}")
        return
    if not namespaces:
        yield _no_namespace(key, member.context, member.namespace)
    yield from pull_secrets
    if not deployments:
        why = f'there is no Deployment "{agent.deployment}" in namespace "{agent.namespace}" of {member.context}'
        yield Problem(f"{key}.agent.deployment", why, config_set(f"{key}.agent.deployment", "NAME"))
    for deployment in deployments:
        yield from _agent_problems(f"{key}.agent", agent, deployment)


def _agent_problems(key: str, agent: Agent, deployment: Json) -> Iterator[Problem]:
    containers = items(deployment, "spec", "template", "spec", "containers")
    by_name = {text(each, "name"): each for each in containers}
    if agent.container not in by_name:
        why = f'the Deployment "{agent.deployment}" has no container "{agent.container}", but ' + ", ".join(by_name)
        yield Problem(f"{key}.container", why, config_set(f"{key}.container", "NAME"))
    elif at(by_name[agent.container], "args"):
        owners = sorted(args_owners(deployment, agent.container))
        if owners != [FIELD_MANAGER]:
            whose = ", ".join(owners) or "an unknown manager"
            why = f'the container "{agent.container}" has args of {whose}, which this program would have to overwrite'
            mend = f"move them into its command, or take them away from deployment/{agent.deployment}, then try again"
            yield Problem(f"{key}.container", why, mend)


def args_owners(deployment: Json, container: str) -> Iterable[str]:
    """The field managers that own `args` of a container, from the Deployment's managedFields."""
    path = ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}', "f:args")
    for entry in items(deployment, "metadata", "managedFields"):
        if at(entry, "fieldsV1", *path) is not None:
            yield text(entry, "manager")


def _no_answer(key: str, context: str, reason: Unavailable) -> Problem:
    return Problem(key, f'the API of "{context}" does not answer: {reason}', "see to the cluster or the credentials")


def _no_namespace(key: str, context: str, namespace: str) -> Problem:
    why = f'there is no namespace "{namespace}" in {context}'
    return Problem(f"{key}.namespace", why, f"kubectl --context {context} create namespace {namespace}")
