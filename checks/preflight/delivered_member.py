"""Facts of a member that only Karmada reaches: from the Karmada API, and through the tunnel if that works already.

What only the member's API knows, as whether a PriorityClass exists, is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from checks.delivered import WORKS, Delivered, DeliveryFacts, condition, is_ready
from checks.deployments import has_flags
from checks.preflight import rights
from checks.preflight.facts import Facts, Version, dotted
from checks.preflight.member_cluster import GUARDED
from checks.retry import retry
from clusters.api import DEPLOYMENTS, KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import Json, is_terminating, number, text
from components.anp import EXECUTION_SPACE, OF_STACK, work_name
from config.problems import PROJECT, Problem, config_set
from config.settings import MemberSettings, Settings

GOING_SECONDS = 30
"""How long terminating Works of an earlier run may take in a member that is Ready."""


def facts_of_delivered(apis: KubernetesApis, key: str, of: MemberSettings, settings: Settings, stack: str) -> Facts:
    """The member's facts: problems, warnings and `delivery`. `stack` is the stack's name."""
    karmada = settings.host.karmada
    here = Delivered(member=of.name, stack=stack, karmada=karmada)
    try:
        cluster = here.settled_cluster(apis)
        if cluster is None:
            # a problem in the Karmada API's facts
            return Facts()
        found = Facts()
        lacking = rights.lacking(apis, karmada, rights.of_delivered(of))
        if lacking:
            remedy = f"give that user a role with these rights, or {config_set('host.karmadaContext', 'CONTEXT')}"
            found.problems.append(Problem(key, f'the user of "{karmada.name}" may not {lacking}', remedy))
        found.problems += _too_old(key, of, text(cluster, "status", "kubernetesVersion"))
        works = apis.all(karmada, WORKS, EXECUTION_SPACE.format(of.name))
        found.problems += _others(key, of, stack, works, settings.removal(of))
        ready = is_ready(cluster)
        if ready:
            try:
                retry(lambda: _require_none_terminating(apis, here), GOING_SECONDS)
            except Unavailable as reason:
                found.problems.append(Problem(key, str(reason), "see to karmada-agent"))
        else:
            found.away = _leaves(here.works(apis))
        if not ready and not found.away:
            _, why = condition(cluster, "Ready")
            said = f'the Cluster "{of.name}" is not Ready{f" ({why})" if why else ""}'
            found.warnings.append(f"{PROJECT}:{key}: {said}: what is meant for it waits in Karmada until it is")
        is_up = any(text(each, "metadata", "labels", OF_STACK) == stack for each in works)
        found.delivery = DeliveryFacts(
            ready=ready,
            found=_drift(apis, of, cluster, is_up) if ready else "",
            has_namespace=_owner(works, work_name("Namespace", of.namespace, "")) not in ("", stack),
        )
    except Unavailable as reason:
        return Facts([Problem(key, f'the Karmada API does not tell of "{of.name}": {reason}', "see to that API")])
    return found


def _too_old(key: str, of: MemberSettings, reported: str) -> Iterator[Problem]:
    """A problem if the member's Kubernetes is too old for the guarded proxy-agent; none if its version is unknown."""
    parts = re.match(r"v?(\d+)\.(\d+)", reported)
    version: Version | None = (int(parts[1]), int(parts[2])) if parts else None
    if version and version < GUARDED:
        why = (
            f'"{of.name}" runs Kubernetes {dotted(version)}, and a guarded proxy-agent needs {dotted(GUARDED)} or later'
        )
        yield Problem(key, why, "upgrade that cluster")


def _others(key: str, of: MemberSettings, stack: str, works: Sequence[Json], removal: str) -> Iterator[Problem]:
    """A problem if the Work of the proxy-agents exists and is not the stack's."""
    name = work_name("Deployment", of.agents_name, of.namespace)
    whose = _owner(works, name)
    if whose not in ("", stack):
        tunnel = f'"{of.name}" has the tunnel of the stack "{whose}" already'
        why = f"the Work {name} is there" if whose == NOBODY else tunnel
        yield Problem(key, why, f"take the member out of one of the two: {removal}")


NOBODY = "-"
"""In the place of a stack's name, which this cannot be."""


def _owner(works: Sequence[Json], name: str) -> str:
    """The stack of the Work of that name, NOBODY if it has no stack, or an empty text if there is no such Work."""
    found = [each for each in works if text(each, "metadata", "name") == name]
    return (text(found[0], "metadata", "labels", OF_STACK) or NOBODY) if found else ""


LEFT = "an earlier run has left what its karmada-agent is yet to take away: Work {}"


def _require_none_terminating(apis: KubernetesApis, of: Delivered) -> None:
    going = [name for name, work in of.works(apis).items() if is_terminating(work)]
    if going:
        raise Unavailable(LEFT.format(going[0]))


def _leaves(works: Mapping[str, Json]) -> str:
    """Why a member that is not Ready gets nothing: all that it had is terminating, and what is made anew by the same
    names would go too. Else an empty text: single Works terminate in a member that stays, as a former Secret."""
    if works and all(map(is_terminating, works.values())):
        return f"its Cluster is not Ready, and {LEFT.format(next(iter(works)))}"
    return ""


def _drift(apis: KubernetesApis, of: MemberSettings, cluster: Json, is_up: bool) -> str:
    """Which setting of the stack was lost, or an empty text. The generation makes it differ from an earlier loss.

    A new member has no Works yet. One that was joined anew has lost them, and the Command says so.
    """
    if not is_up:
        return f"no Works for Cluster {of.name}, {text(cluster, 'metadata', 'uid')}"
    url = text(cluster, "spec", "proxyURL")
    if not url:
        return f"Cluster {of.name} names no proxy, at generation {number(cluster, 'metadata', 'generation')}"
    agent = of.agent
    try:
        found = apis.get(of.api, DEPLOYMENTS, agent.deployment, agent.namespace)
    except Unavailable:
        # proxyURL or the flag may have changed; the Command sets them again, or fails with the reason
        return f"Cluster {of.name} is not reached by {url}, at generation {number(cluster, 'metadata', 'generation')}"
    if found is None or has_flags(found, agent.container, url, of.api_endpoint):
        return ""
    return f"{agent.deployment} does not report {url}, at generation {number(found, 'metadata', 'generation')}"
