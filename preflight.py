"""What the clusters themselves say, asked before anything is made: `check`, called by __main__.py alone.

Changes nothing, in previews too. It finds what a provider would only meet half-way, or say badly, and reports all of it
together. Paused members are left out; what this machine alone knows, config.py has checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import pulumi

import adoption
import rights
from answers import Json, at, items, text
from components.anp import AGENT, AGENT_CERT_SECRET, GUARD, SERVER, SERVER_CERT_SECRET
from components.field_manager import field_manager, stack_of
from identity import NAMESPACE, Asked, mistaken
from problems import PROJECT, Problem, config_set, refusal
from rights import Right
from settings import Cluster, Images, Member, Settings
from workstation import Unavailable, ask, kubectl, objects

REGISTER_ROLE = "system:karmada:{0}:agent"
"""The ClusterRole that `karmadactl register` makes in the Karmada API for a member."""


@dataclass
class Told:
    """What came of asking one API: its problems, its identity if it told that, the Cluster objects that it has, whether
    a proxy-server is there, and whether the stack takes the place of something that was made by hand."""

    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])
    uid: str = ""
    clusters: Sequence[Json] = ()
    has_server: bool = False
    adopts: bool = False


def check(settings: Settings) -> Sequence[Cluster]:
    """The clusters in which the stack takes the place of what was made by hand (adoption.py).

    Raises pulumi.RunError with everything that the clusters and the Docker engine object to.
    """
    # asked here: Pulumi knows the stack in this thread alone
    ours = field_manager()
    asked: Mapping[str, Callable[[], Told]] = {
        "host": partial(_host, settings),
        "karmada": partial(_karmada, settings),
        "engine": partial(_engine, settings.images),
        **{key: partial(_member, key, each, settings, ours) for key, each in _active(settings)},
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        answering = {key: pool.submit(question) for key, question in asked.items()}
        told = {key: answer.result() for key, answer in answering.items()}
    for key, problem in _mistaken(settings, told):
        # what else is wrong there is wrong of another cluster than the one that is meant
        told[key].problems = [problem]
    problems = [problem for each in told.values() for problem in each.problems]
    if problems:
        raise refusal("The clusters are not ready for this stack; nothing was changed", problems)
    warnings = [warning for each in told.values() for warning in each.warnings]
    for warning in [*warnings, *_tunnelled_elsewhere(settings, told["host"].has_server, told["karmada"].clusters)]:
        pulumi.log.warn(warning)
    clusters: Mapping[str, Cluster] = {"host": settings.host, **dict(_active(settings))}
    return [cluster for key, cluster in clusters.items() if told[key].adopts]


def _tunnelled_elsewhere(settings: Settings, has_server: bool, clusters: Sequence[Json]) -> Iterator[str]:
    """Members that have a tunnel, though the host has no proxy-server. No problem: the server may have been deleted."""
    host = settings.host
    ways = {text(each, "metadata", "name"): text(each, "spec", "proxyURL") for each in clusters}
    for key, member in _active(settings):
        if ways.get(member.name) and not has_server:
            server = f'no {SERVER} in namespace "{host.namespace}" of {host.context}'
            why = f'Karmada goes to "{member.name}" by {ways[member.name]}, but there is {server}'
            mend = "if that is another stack's tunnel, `up` will fail: take the member out of one of the two"
            yield f"{PROJECT}:{key}.name: {why}; {mend}"


def _active(settings: Settings) -> Iterator[tuple[str, Member]]:
    """The members that are asked, by their keys."""
    return ((f"members[{i}]", each) for i, each in enumerate(settings.members) if not each.paused)


def _host(settings: Settings) -> Told:
    host = settings.host
    wanted = [f"namespace/{host.namespace}", f"deployment/{SERVER}", f"--namespace={host.namespace}"]
    with ThreadPoolExecutor(1) as beside:
        standing = beside.submit(adoption.made_by_hand, host, SERVER, [SERVER_CERT_SECRET])
        try:
            told, found = _asked("host.context", host, host.context, wanted, rights.of_host(settings))
            told.problems += _pull_secrets(host, settings.images)
        except Unavailable as reason:
            return Told([_no_answer("host.context", host.context, reason)])
    if not _of_kind(found, "Namespace", host.namespace):
        told.problems.append(_no_namespace("host", host.context, host.namespace))
    told.has_server = bool(_of_kind(found, "Deployment", SERVER))
    told.problems += adoption.problems(host, standing.result(), [SERVER, GUARD], settings.proxy.adopt)
    told.adopts = bool(standing.result())
    return told


def _asked(
    key: str, cluster: Cluster, context: str, wanted: Sequence[str], needed: Sequence[Right]
) -> tuple[Told, Sequence[Json]]:
    """A cluster's identity, what its user lacks of the rights that are needed, and what is there of what is wanted.

    Raises Unavailable where it does not tell of them.
    """
    get = kubectl(cluster.kubeconfig, context, "get")
    with ThreadPoolExecutor(1) as beside:
        lacking = beside.submit(rights.lacking, cluster, context, needed)
        try:
            found = objects([*get, f"namespace/{NAMESPACE}", *wanted])
        except Unavailable as reason:
            if f'"{NAMESPACE}"' not in str(reason):
                raise
            # a user of some namespaces alone may not look into that one, and need not
            found = objects([*get, *wanted])
    uids = [text(each, "metadata", "uid") for each in _of_kind(found, "Namespace", NAMESPACE)]
    return Told(problems=_no_right(key, context, lacking.result()), uid=next(iter(uids), "")), found


def _no_right(key: str, context: str, lacking: str) -> list[Problem]:
    if not lacking:
        return []
    mend = f"give that user a role with these rights, or {config_set(key, 'CONTEXT')}"
    return [Problem(key, f'the user of "{context}" may not {lacking}', mend)]


def _of_kind(found: Iterable[Json], kind: str, name: str) -> list[Json]:
    return [each for each in found if text(each, "kind") == kind and text(each, "metadata", "name") == name]


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


def _karmada(settings: Settings) -> Told:
    host, context = settings.host, settings.host.karmada_context
    names = [REGISTER_ROLE.format(member.name) for member in settings.active] or [REGISTER_ROLE.format("")]
    roles = [f"clusterrole/{each}" for each in names]
    with ThreadPoolExecutor(1) as beside:
        listed = beside.submit(objects, kubectl(host.kubeconfig, context, "get", "clusters.cluster.karmada.io"))
        try:
            told, found = _asked("host.karmadaContext", host, context, roles, rights.of_karmada(settings))
            clusters = listed.result()
        except Unavailable as reason:
            return Told([_no_answer("host.karmadaContext", context, reason)])
    modes = {text(each, "metadata", "name"): text(each, "spec", "syncMode") for each in clusters}
    for key, member in _active(settings):
        registered = bool(_of_kind(found, "ClusterRole", REGISTER_ROLE.format(member.name)))
        told.problems += _cluster_object(key, member, modes, registered)
    told.clusters = clusters
    return told


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


def _engine(images: Images) -> Told:
    if not images.build:
        return Told()
    try:
        ask(["docker", "version", "--format={{.Server.Version}}"])
    except Unavailable as reason:
        mend = "start the Docker engine, or give published images: images.server and images.agent"
        return Told([Problem("images.build", f"the Docker engine, which would build, does not answer: {reason}", mend)])
    return Told()


def _member(key: str, member: Member, settings: Settings, ours: str) -> Told:
    agent = member.agent
    wanted = [f"namespace/{member.namespace}", f"deployment/{agent.deployment}"]
    wanted += [f"--namespace={agent.namespace}", "--show-managed-fields"]
    with ThreadPoolExecutor(1) as beside:
        standing = beside.submit(adoption.made_by_hand, member, AGENT, [AGENT_CERT_SECRET])
        try:
            needed = rights.of_member(settings, member)
            told, found = _asked(f"{key}.context", member, member.context, wanted, needed)
            pull_secrets = list(_pull_secrets(member, settings.images))
        except Unavailable as reason:
            problem = _no_answer(f"{key}.context", member.context, reason)
            mend = f"{problem.mend}, or pause it: {config_set(f'{key}.paused', 'true')}"
            return Told([Problem(problem.key, problem.why, mend)])
    if not _of_kind(found, "Namespace", member.namespace):
        told.problems.append(_no_namespace(key, member.context, member.namespace))
    told.problems += pull_secrets
    told.problems += adoption.problems(member, standing.result(), [AGENT], settings.proxy.adopt)
    told.adopts = bool(standing.result())
    deployments = _of_kind(found, "Deployment", agent.deployment)
    if not deployments:
        why = f'there is no Deployment "{agent.deployment}" in namespace "{agent.namespace}" of {member.context}'
        told.problems.append(Problem(f"{key}.agent.deployment", why, config_set(f"{key}.agent.deployment", "NAME")))
    for deployment in deployments:
        _karmada_agent(told, key, member, deployment, ours, settings.proxy.adopt)
    return told


def _karmada_agent(told: Told, key: str, member: Member, deployment: Json, ours: str, adopt: bool) -> None:
    """Whether the container that takes the flags is there, and its args free, the stack's, or taken over."""
    agent = member.agent
    containers = items(deployment, "spec", "template", "spec", "containers")
    by_name = {text(each, "name"): each for each in containers}
    if agent.container not in by_name:
        why = f'the Deployment "{agent.deployment}" has no container "{agent.container}", but ' + ", ".join(by_name)
        mend = config_set(f"{key}.agent.container", "NAME")
        told.problems.append(Problem(f"{key}.agent.container", why, mend))
        return
    told.warnings += _flags_in_command(key, member, items(by_name[agent.container], "command"))
    args = items(by_name[agent.container], "args")
    owners = sorted(args_owners(deployment, agent.container)) if args else []
    if not args or owners == [ours]:
        return
    others = [each for each in owners if each != ours]
    if adopt and others and adoption.is_documented(args) and not any(map(stack_of, others)):
        told.adopts = True
    else:
        told.problems.append(_args_of_others(key, member, owners, ours, adoption.is_documented(args)))


def _flags_in_command(key: str, member: Member, command: Sequence[Json]) -> Iterator[str]:
    """That the documented flags are in karmada-agent's command, where no stack can take them away."""
    if any(str(word).startswith(adoption.FLAGS) for word in command):
        where = f'command of the container "{member.agent.container}" of deployment/{member.agent.deployment}'
        why = f"the {where} in {member.context} has {' or '.join(adoption.FLAGS)}, which the stack's args override"
        yield f"{PROJECT}:{key}.agent: {why}; take them out before you destroy the stack, or they will be true again"


def _args_of_others(key: str, member: Member, owners: Sequence[str], ours: str, documented: bool) -> Problem:
    agent = member.agent
    stacks = [stack_of(each) for each in owners if each != ours and stack_of(each)]
    if stacks:
        why = f'"{member.name}" has the tunnel of the stack "{stacks[0]}" already'
        return Problem(f"{key}.name", why, f"take it out of one of the two: {key} here, or that stack's")
    whose = ", ".join(owners) or "an unknown manager"
    why = f'the container "{agent.container}" has args of {whose}, which this program would have to overwrite'
    mend = f"move them into its command, or take them away from deployment/{agent.deployment}, then try again"
    if documented:
        mend = f"they are the two flags alone: {config_set(adoption.KEY, 'true')} takes their place"
    return Problem(f"{key}.agent.container", why, mend)


def args_owners(deployment: Json, container: str) -> Iterable[str]:
    """The field managers that own `args` of a container, from the Deployment's managedFields."""
    path = ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}', "f:args")
    for entry in items(deployment, "metadata", "managedFields"):
        if at(entry, "fieldsV1", *path) is not None:
            yield text(entry, "manager")


def _mistaken(settings: Settings, told: Mapping[str, Told]) -> Iterator[tuple[str, Problem]]:
    """What is not the cluster that is meant: who was asked, and the problem."""
    asked = [
        Asked(key="host", context=settings.host.context, uid=told["host"].uid),
        *(Asked(key=key, context=each.context, uid=told[key].uid, member=each.name) for key, each in _active(settings)),
    ]
    karmada = told["karmada"]
    return mistaken(karmada.uid, karmada.clusters, [each.name for each in settings.members], asked)


def _no_answer(key: str, context: str, reason: Unavailable) -> Problem:
    """Why an API could not be asked, and whose business that is."""
    said = str(reason)
    credentials = f"see to the credentials of that context in the kubeconfig, or {config_set(key, 'CONTEXT')}"
    if "logged in to the server" in said or "Unauthorized" in said:
        why = f'the API of "{context}" does not accept the credentials, which may have expired: {said}'
        return Problem(key, why, credentials)
    if "forbidden" in said.lower():
        return Problem(key, f'the user of "{context}" may not even ask: {said}', credentials)
    if "doesn't have a resource type" in said and key == "host.karmadaContext":
        why = f'"{context}" is no Karmada API: it has no Cluster objects (clusters.cluster.karmada.io)'
        return Problem(key, why, config_set(key, "CONTEXT"))
    return Problem(key, f'the API of "{context}" does not answer: {said}', "see to the cluster or the credentials")


def _no_namespace(key: str, context: str, namespace: str) -> Problem:
    why = f'there is no namespace "{namespace}" in {context}'
    return Problem(f"{key}.namespace", why, f"kubectl --context {context} create namespace {namespace}")
