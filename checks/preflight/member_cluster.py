"""Facts of a member: whether proxy-agent can be deployed, and karmada-agent's args are unset or the stack's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.delivered import Delivered
from checks.deployments import args_owners, identifiers
from checks.preflight import adoption, rights
from checks.preflight.facts import Facts, facts, no_answer, no_namespace, no_priority_class, pull_secrets, too_old
from clusters.api import DEPLOYMENTS, NAMESPACES, KubernetesApis
from clusters.errors import Unanswered, Unavailable
from clusters.objects import Json, entries, items, text
from components.anp import AGENT, AGENT_CERT_SECRET, IDENTIFIER, PROXY_FLAG
from components.field_manager import DELIVERING, stack_of
from config.problems import PROJECT, Problem, config_set
from config.proxy_settings import Frontend
from config.settings import Access, MemberSettings, Settings

SUFFIX = IDENTIFIER.format("")

GUARDED = (1, 27)
"""The first Kubernetes with `matchLabelKeys` of a spread and `unhealthyPodEvictionPolicy` of a budget."""


def facts_of_member(
    apis: KubernetesApis, key: str, of: MemberSettings, settings: Settings, ours: str, stack: str
) -> Facts:
    """Problems, `uid`, `identifiers`, `takes_over`, `was_delivered` and `away`. `ours` is the stack's field manager,
    `stack` its name."""
    agent, adopt = of.agent, settings.proxy.adopt
    try:
        found = facts(apis, f"{key}.context", of.api, rights.of_member(settings, of))
        found.problems += no_namespace(apis, key, of)
        found.problems += _delivered_namespace(apis, key, of)
        found.problems += pull_secrets(apis, of, settings.images)
        if settings.proxy.frontend is Frontend.GUARDED:
            found.problems += too_old(apis, f"{key}.context", of, GUARDED, "a guarded proxy-agent")
            found.problems += no_priority_class(apis, key, of, of)
        deployment = apis.get(of.api, DEPLOYMENTS, agent.deployment, agent.namespace)
        found.identifiers = identifiers(apis.get(of.api, DEPLOYMENTS, AGENT, of.namespace))
        found.problems += _of_another_name(key, of, found.identifiers)
    except Unanswered as reason:
        if is_delivered(apis, of, settings, stack):
            why = (
                f'the API of "{of.context}" does not answer ({reason}), and Karmada alone gets at the member until now'
            )
            return Facts([Problem(f"{key}.access", why, config_set(f"{key}.access", Access.KARMADA))])
        return Facts(away=str(reason))
    except Unavailable as reason:
        problem = no_answer(f"{key}.context", of.api, reason)
        remedy = f"{problem.remedy}, or pause it: {config_set(f'{key}.paused', 'true')}"
        return Facts([Problem(problem.key, problem.why, remedy)])
    standing = adoption.made_by_hand(apis, of, AGENT, [AGENT_CERT_SECRET])
    found.problems += adoption.problems(of, standing, [AGENT], adopt)
    found.takes_over = bool(standing)
    if deployment is None:
        why = f'there is no Deployment "{agent.deployment}" in namespace "{agent.namespace}" of {of.context}'
        found.problems.append(Problem(f"{key}.agent.deployment", why, config_set(f"{key}.agent.deployment", "NAME")))
    else:
        _karmada_agent(found, key, of, deployment, ours, adopt)
    return found


def is_delivered(apis: KubernetesApis, of: MemberSettings, settings: Settings, stack: str) -> bool:
    """Whether the stack has Works for the member. A user who may not list Works has none."""
    try:
        return bool(Delivered(member=of.name, stack=stack, karmada=settings.host.karmada).works(apis))
    except Unavailable:
        return False


def _of_another_name(key: str, of: MemberSettings, hosts: Sequence[str]) -> Iterator[Problem]:
    """A problem if the agents there have another member's name, as after it was joined by a new one."""
    names = [host.removesuffix(SUFFIX) for host in hosts if host.endswith(SUFFIX)]
    if names and of.name not in names:
        why = f'{AGENT} in {of.context} is of the member "{names[0]}"'
        yield Problem(key, why, f"take that one out of the config of its stack and `up`, then set {of.name}")


def _delivered_namespace(apis: KubernetesApis, key: str, of: MemberSettings) -> Iterator[Problem]:
    """A problem if a Work made the namespace, as when only Karmada reached the member: it goes with that."""
    labels = entries(apis.get(of.api, NAMESPACES, of.namespace), "metadata", "annotations")
    if text(labels, "work.karmada.io/namespace") and of.namespace != of.agent.namespace:
        why = f'"{of.namespace}" is a namespace that Karmada has handed over, and takes away with what else it has'
        yield Problem(f"{key}.namespace", why, config_set(f"{key}.namespace", "ANOTHER"))


def _karmada_agent(found: Facts, key: str, member: MemberSettings, deployment: Json, ours: str, adopt: bool) -> None:
    """Adds problems of karmada-agent's container and args, or that the stack takes these over or set them before."""
    agent = member.agent
    containers = items(deployment, "spec", "template", "spec", "containers")
    by_name = {text(each, "name"): each for each in containers}
    if agent.container not in by_name:
        why = f'the Deployment "{agent.deployment}" has no container "{agent.container}", but ' + ", ".join(by_name)
        remedy = config_set(f"{key}.agent.container", "NAME")
        found.problems.append(Problem(f"{key}.agent.container", why, remedy))
        return
    found.warnings += _proxy_in_command(key, member, items(by_name[agent.container], "command"))
    args = items(by_name[agent.container], "args")
    owners = sorted(args_owners(deployment, agent.container)) if args else []
    if not args or owners == [ours]:
        return
    others = [each for each in owners if each not in (ours, f"{ours}{DELIVERING}")]
    if owners and not others:
        # the stack's own, set through the tunnel, while only Karmada reached the member
        found.was_delivered = True
        return
    # an `up` that ended while it took them over has left them without an owner
    if adopt and adoption.is_documented(args) and not any(map(stack_of, others)):
        found.takes_over = True
    else:
        found.problems.append(_args_of_others(key, member, owners, ours, adoption.is_documented(args)))


def _proxy_in_command(key: str, member: MemberSettings, command: Sequence[Json]) -> Iterator[str]:
    """A warning if karmada-agent's command has the proxy flag, which no stack can remove."""
    if adoption.names_a_proxy(command):
        where = f'the command of the container "{member.agent.container}" in {member.context}'
        why = f"{where} has {PROXY_FLAG}…, which the stack's args override"
        yield f"{PROJECT}:{key}.agent: {why}; take it out before you destroy the stack, or it will be true again"


def _args_of_others(key: str, member: MemberSettings, owners: Sequence[str], ours: str, documented: bool) -> Problem:
    agent = member.agent
    stacks = [stack_of(each) for each in owners if each != ours and stack_of(each)]
    if stacks:
        why = f'"{member.name}" has the tunnel of the stack "{stacks[0]}" already'
        return Problem(key, why, f"take it out of one of the two: {key} here, or that stack's")
    whose = ", ".join(owners) or "an unknown manager"
    why = f'the container "{agent.container}" has args of {whose}, which this program would have to overwrite'
    remedy = f"move them into its command, or take them away from deployment/{agent.deployment}, then try again"
    if documented:
        remedy = f"they are the two flags alone: {config_set(adoption.KEY, 'true')} takes their place"
    return Problem(f"{key}.agent.container", why, remedy)
