"""Facts of a member that only Karmada reaches: from the Karmada API, and through the tunnel if that works already.

What only the member's API knows, as whether a PriorityClass exists, is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from checks.delivered import WORKS, Delivered, DeliveryFacts, condition, is_ready, lost_lately
from checks.deployments import has_flags
from checks.preflight.facts import Facts, Version, dotted
from checks.preflight.member_cluster import GUARDED
from checks.retry import answered, retry
from clusters.api import CLUSTERS, DEPLOYMENTS, FORBIDDEN, KubernetesApis
from clusters.errors import Unavailable
from clusters.kubeconfig import Context
from clusters.objects import Json, is_terminating, number, text
from clusters.pool import memoized
from components.anp import EXECUTION_SPACE, OF_STACK, work_name
from config.problems import PROJECT, Problem
from config.settings import MemberSettings, Settings

NOBODY = "-"
"""In the place of a stack's name, which this cannot be."""

GOING_SECONDS = 30
"""How long terminating Works of an earlier run may take in a member that is Ready."""


class InKarmada:
    """What the Karmada API has of all members, each read once: for a hundred members 2 requests instead of 300."""

    def __init__(self, apis: KubernetesApis, karmada: Context, stack: str) -> None:
        self._apis, self._karmada, self._stack = apis, karmada, stack
        self._clusters, self._works = memoized(self._all_clusters), memoized(self._all_works)

    def cluster(self, of: Delivered) -> Json:
        """A member's Cluster object, or None. One that has lost its Ready condition lately is waited for. Raises
        Unavailable."""
        found = self._clusters().get(of.member)
        return of.settled_cluster(self._apis) if lost_lately(found) else found

    def works(self, of: Delivered) -> Mapping[str, Json]:
        """The stack's Works for a member, by name: from its execution space alone, if the user may not list others.
        Raises Unavailable."""
        try:
            return self._works().get(EXECUTION_SPACE.format(of.member), {})
        except Unavailable as unavailable:
            if unavailable.status != FORBIDDEN:
                raise
            return of.works(self._apis)

    def owner(self, of: Delivered, name: str) -> str:
        """The stack of a member's Work of that name, NOBODY if it has none, or an empty text if there is no such Work.
        Raises Unavailable."""
        if name in self.works(of):
            return self._stack
        found = answered(lambda: self._apis.get(self._karmada, WORKS, name, EXECUTION_SPACE.format(of.member)))
        return (text(found, "metadata", "labels", OF_STACK) or NOBODY) if found else ""

    def _all_clusters(self) -> Mapping[str, Json]:
        found = answered(lambda: self._apis.all(self._karmada, CLUSTERS))
        return {text(each, "metadata", "name"): each for each in found}

    def _all_works(self) -> Mapping[str, Mapping[str, Json]]:
        works: dict[str, dict[str, Json]] = {}
        for each in answered(lambda: self._apis.all(self._karmada, WORKS, labels=f"{OF_STACK}={self._stack}")):
            works.setdefault(text(each, "metadata", "namespace"), {})[text(each, "metadata", "name")] = each
        return works


def facts_of_delivered(
    apis: KubernetesApis, known: InKarmada, key: str, of: MemberSettings, settings: Settings, stack: str
) -> Facts:
    """The member's facts: problems, warnings and `delivery`. `known` is what Karmada has, and `stack` the stack's name.
    Its `apis` must not cache, since some answers are waited for."""
    here = Delivered(member=of.name, stack=stack, karmada=settings.host.karmada)
    try:
        cluster = known.cluster(here)
        if cluster is None:
            # a problem in the Karmada API's facts
            return Facts()
        found = Facts()
        found.problems += _too_old(key, of, text(cluster, "status", "kubernetesVersion"))
        found.problems += _others(known, here, key, of, settings.removal(of))
        works, ready = known.works(here), is_ready(cluster)
        if ready:
            try:
                if any(map(is_terminating, works.values())):
                    retry(lambda: _require_none_terminating(apis, here), GOING_SECONDS)
            except Unavailable as reason:
                found.problems.append(Problem(key, str(reason), "see to karmada-agent"))
        else:
            found.away = _leaves(works)
        if not ready and not found.away:
            _, why = condition(cluster, "Ready")
            said = f'the Cluster "{of.name}" is not Ready{f" ({why})" if why else ""}'
            found.warnings.append(f"{PROJECT}:{key}: {said}: what is meant for it waits in Karmada until it is")
        own = of.namespace == of.agent.namespace
        found.delivery = DeliveryFacts(
            ready=ready,
            found=_drift(apis, of, cluster, bool(works)) if ready else "",
            has_namespace=not own and known.owner(here, work_name("Namespace", of.namespace, "")) not in ("", stack),
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


def _others(known: InKarmada, here: Delivered, key: str, of: MemberSettings, removal: str) -> Iterator[Problem]:
    """A problem if the Work of the proxy-agents exists and is not the stack's. Raises Unavailable."""
    name = work_name("Deployment", of.agents_name, of.namespace)
    whose = known.owner(here, name)
    if whose not in ("", here.stack):
        tunnel = f'"{of.name}" has the tunnel of the stack "{whose}" already'
        why = f"the Work {name} is there" if whose == NOBODY else tunnel
        yield Problem(key, why, f"take the member out of one of the two: {removal}")


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
