"""What Karmada says of a member that it alone gets at, and what karmada-agent says through a tunnel that stands.

What only the member itself knows, as whether a PriorityClass is there, is not known before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from checks.delivered import WORKS, Delivered, DeliveryFacts, condition, is_ready
from checks.deployments import reports
from checks.preflight import rights
from checks.preflight.facts import Facts, Version, dotted
from checks.preflight.member_cluster import GUARDED
from checks.until import until
from clusters.api import CLUSTERS, DEPLOYMENTS, Asking
from clusters.errors import Unavailable
from clusters.objects import Json, is_going, number, text
from components.anp import EXECUTION_SPACE, OF_STACK, work_name
from config.problems import PROJECT, Problem, config_rm, config_set
from config.settings import MemberSettings, Settings

GOING_SECONDS = 30
"""How long Works of an earlier run may take to go, where their member is Ready."""


def facts_of_delivered(asking: Asking, key: str, of: MemberSettings, settings: Settings, stack: str) -> Facts:
    """Its problems, and what is known of it for its delivery. `stack` is the stack's name."""
    karmada = settings.host.karmada
    try:
        cluster = asking.get(karmada, CLUSTERS, of.name)
        if cluster is None:
            # the Karmada API's facts say so
            return Facts()
        found = Facts()
        lacking = rights.lacking(asking, karmada, rights.of_delivered(of))
        if lacking:
            mend = f"give that user a role with these rights, or {config_set('host.karmadaContext', 'CONTEXT')}"
            found.problems.append(Problem(key, f'the user of "{karmada.name}" may not {lacking}', mend))
        found.problems += _too_old(key, of, text(cluster, "status", "kubernetesVersion"))
        here = Delivered(member=of.name, stack=stack, karmada=karmada)
        works = asking.all(karmada, WORKS, EXECUTION_SPACE.format(of.name))
        found.problems += _others(key, of, stack, works)
        ready = is_ready(cluster)
        try:
            until(lambda: _none_goes(asking, here), GOING_SECONDS if ready else 0)
        except Unavailable as reason:
            if ready:
                found.problems.append(Problem(key, str(reason), "see to karmada-agent"))
            else:
                found.away = f"its Cluster is not Ready, and {reason}"
        if not ready and not found.away:
            _, why = condition(cluster, "Ready")
            said = f'the Cluster "{of.name}" is not Ready{f" ({why})" if why else ""}'
            found.warnings.append(f"{PROJECT}:{key}: {said}: what is meant for it waits in Karmada until it is")
        is_up = any(text(each, "metadata", "labels", OF_STACK) == stack for each in works)
        found.delivery = DeliveryFacts(
            ready=ready,
            found=_lost(asking, of, cluster) if ready and is_up else "",
            has_namespace=_whose(works, work_name("Namespace", of.namespace, "")) not in ("", stack),
        )
    except Unavailable as reason:
        return Facts([Problem(key, f'the Karmada API does not tell of "{of.name}": {reason}', "see to that API")])
    return found


def _too_old(key: str, of: MemberSettings, says: str) -> Iterator[Problem]:
    """That the member's Kubernetes is older than what is deployed there; one that Karmada does not know yet is not."""
    parts = re.match(r"v?(\d+)\.(\d+)", says)
    version: Version | None = (int(parts[1]), int(parts[2])) if parts else None
    if version and version < GUARDED:
        why = (
            f'"{of.name}" runs Kubernetes {dotted(version)}, and a guarded proxy-agent needs {dotted(GUARDED)} or later'
        )
        yield Problem(key, why, "upgrade that cluster")


def _others(key: str, of: MemberSettings, stack: str, works: Sequence[Json]) -> Iterator[Problem]:
    """That the Work of the proxy-agents is there, and another stack's or somebody's."""
    name = work_name("Deployment", of.agents_name, of.namespace)
    whose = _whose(works, name)
    if whose not in ("", stack):
        tunnel = f'"{of.name}" has the tunnel of the stack "{whose}" already'
        why = f"the Work {name} is there" if whose == NOBODY else tunnel
        yield Problem(key, why, f"take the member out of one of the two: {config_rm(key)}")


NOBODY = "-"
"""In the place of a stack's name: no stack has this one."""


def _whose(works: Sequence[Json], name: str) -> str:
    """The stack of a Work, NOBODY if it is none's, or nothing where it is not there."""
    found = [each for each in works if text(each, "metadata", "name") == name]
    return (text(found[0], "metadata", "labels", OF_STACK) or NOBODY) if found else ""


def _none_goes(asking: Asking, of: Delivered) -> None:
    going = [name for name, work in of.works(asking).items() if is_going(work)]
    if going:
        raise Unavailable(f"an earlier run has left what its karmada-agent is yet to take away: Work {going[0]}")


def _lost(asking: Asking, of: MemberSettings, cluster: Json) -> str:
    """What the stack had set and is not set any more, with what makes it another one than the last time; or nothing."""
    url = text(cluster, "spec", "proxyURL")
    if not url:
        return f"Cluster {of.name} names no proxy, at generation {number(cluster, 'metadata', 'generation')}"
    agent = of.agent
    try:
        found = asking.get(of.api, DEPLOYMENTS, agent.deployment, agent.namespace)
    except Unavailable:
        # what was set may have been changed; the step sets it again or says what is wrong
        return f"Cluster {of.name} is not reached by {url}, at generation {number(cluster, 'metadata', 'generation')}"
    if found is None or reports(found, agent.container, url, of.api_endpoint):
        return ""
    return f"{agent.deployment} does not report {url}, at generation {number(found, 'metadata', 'generation')}"
