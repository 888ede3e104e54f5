"""Fills in what a config leaves open and this machine knows: API endpoints, addresses, kind nodes, platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pulumi

from clusters.errors import Unanswered, Unavailable
from clusters.pool import in_parallel
from clusters.workstation import KindNode, Workstation
from config.fields import endpoint, host_of, is_loopback
from config.image_settings import PLATFORM, BuiltImages
from config.problems import PROJECT, InvalidValue, Problem, config_key, config_set, pulumi_command
from config.proxy_settings import Exposure
from config.settings import Cluster, Host, MemberSettings


class Lookups:
    """Look-ups on a workstation. What it does not know is added to `problems`; kind nodes are kept in `kind_nodes`."""

    def __init__(self, workstation: Workstation, problems: list[Problem]) -> None:
        self.kind_nodes: dict[str, KindNode] = {}
        self._workstation = workstation
        self._problems = problems

    def complete_host(self, host: Host, exposure: Exposure) -> Host:
        """The host with the address that agents dial; still empty for a load balancer, which has none before `up`."""
        there = self._server("host", host, "context", host.context)
        self._server("host", host, "karmadaContext", host.karmada_context)
        node = self._kind_node("host", host)
        address = host.address
        if not address and exposure is not Exposure.LOAD_BALANCER:
            address = node.address if node else self._node_address(host, exposure) if there else ""
        return host.model_copy(update={"address": address})

    def _node_address(self, host: Host, exposure: Exposure) -> str:
        """The address of one of the host's nodes, or "" after a problem.

        Any node will do for a node port. On the host network it must be proxy-server's, so it is not looked up there.
        """
        if host.kind:
            return ""
        why = "it is missing, and host.kind, by which it could be looked up, is too"
        try:
            if exposure is Exposure.NODE_PORT:
                return self._passing(self._workstation.node_address(host.kubeconfig, host.context))
        except Unavailable as reason:
            why = f'it is missing, and the nodes of "{host.context}" do not tell: {reason}'
        self._problems.append(Problem("host.address", why, config_set("host.address", "ADDRESS")))
        return ""

    def _passing(self, address: str) -> str:
        """The node's address, with a warning that the tunnel is lost when that node goes."""
        pulumi.log.warn(
            f"{PROJECT}:host.address: it is missing, so agents dial one node, {address}, and lose the tunnel when that "
            f"node goes; give a name or an address that stays: {config_set('host.address', 'ADDRESS')}"
        )
        return address

    def complete_member(self, member: MemberSettings, host: Host | None) -> MemberSettings:
        """The member with its context and API endpoint. The endpoint of one that is paused or away may stay empty.

        A member with `access: karmada` gets the Karmada API's context, and no endpoint but the config's own.
        """
        key = config_key("members", member.name)
        if member.delivered:
            self._node_of_member(key, member)
            karmada = {"kubeconfig": host.kubeconfig, "context": host.karmada_context} if host else {}
            return member.model_copy(update=karmada)
        context = member.context or member.name
        server = self._server(key, member, "context", context)
        node = self._node_of_member(key, member)
        found = member.api_endpoint or server
        if member.kind and not member.api_endpoint and is_loopback(host_of(server)):
            # nothing knows the address of a node that is away, and nothing needs it
            found = node.endpoint if node else ""
        try:
            found = found and endpoint(found)
        except InvalidValue as invalid:
            self._problems.append(invalid.problem(f"{key}.apiEndpoint"))
            found = ""
        return member.model_copy(update={"context": context, "api_endpoint": found})

    def complete_images(self, images: BuiltImages, clusters: Sequence[Cluster]) -> BuiltImages:
        """The images with the engine's architecture and the platforms to build for.

        It is a problem if these lack what the engine and kind nodes run: both have this machine's platform.
        """
        build, key = images.build.on(self._workstation.architecture()), "images.build.platforms"
        own = PLATFORM.format(build.builder)
        kind = sorted({each.kind for each in clusters if each.kind})
        if own not in build.platforms and not images.push:
            found = build.platforms[0]
            why = f"{found} is not this machine's, {own}: its engine and kind nodes alone have what is not pushed"
            self._problems.append(Problem(key, why, config_set(f"{key}[0]", own)))
        elif own not in build.platforms and kind:
            why = f"it lacks {own}, which kind nodes have: {', '.join(kind)}"
            self._problems.append(Problem(key, why, config_set(f"{key}[{len(build.platforms)}]", own)))
        return images.model_copy(update={"build": build})

    def discovered(self, host: Host, selector: str) -> Sequence[str]:
        """The names of the Clusters in pull mode that a selector matches; none after a problem."""
        try:
            found = self._workstation.pull_members(host.kubeconfig, host.karmada_context, selector)
            why, remedy = (
                f'"{selector}" matches no Cluster in pull mode',
                f"`{pulumi_command('destroy')}` takes the whole stack away",
            )
        except Unavailable as reason:
            found, remedy = (), "see to that API, or to the selector"
            why = f'"{host.karmada_context}" does not tell which Clusters "{selector}" matches: {reason}'
        if not found:
            self._problems.append(Problem("discover.selector", why, remedy))
        return found

    def monitored(self, clusters: Sequence[Cluster], probes: bool) -> Sequence[Cluster]:
        """Those of the clusters that have the prometheus-operator's CRDs, with a warning for each other one. With
        `probes` the host must have Probe too."""
        has_monitors = in_parallel({i: partial(self._has_monitors, each, probes) for i, each in enumerate(clusters)})
        for cluster in [clusters[i] for i, has in has_monitors.items() if not has]:
            kinds = " and ".join(_monitors(cluster, probes).values())
            pulumi.log.warn(f"{cluster.context} has no {kinds}: it gets none (monitoring.enabled)")
        return [clusters[i] for i, has in has_monitors.items() if has]

    def _has_monitors(self, cluster: Cluster, probes: bool) -> bool:
        try:
            return self._workstation.has_monitors(cluster.kubeconfig, cluster.context, _monitors(cluster, probes))
        except Unavailable:
            # a paused member keeps its resources; preflight reports any other that does not answer
            return True

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
            remedy = config_set(f"{key}.{context_key}", "CONTEXT")
            self._problems.append(Problem(f"{key}.{context_key}", why, remedy))
        return servers.get(context, "")

    def _node_of_member(self, key: str, member: MemberSettings) -> KindNode | None:
        """The member's kind node, or None. A stopped node is no problem, as any member may be away; nor is one that
        does not exist, if the member is paused."""
        return self._kind_node(key, member, needed=not member.paused, running=False)

    def _kind_node(self, key: str, cluster: Cluster, *, needed: bool = True, running: bool = True) -> KindNode | None:
        """The cluster's kind node, or None. It is a problem if it does not exist but is `needed`, or is stopped but
        must be `running`."""
        if not cluster.kind:
            return None
        try:
            self.kind_nodes[cluster.kind] = self._workstation.kind_node(cluster.kind)
        except Unavailable as reason:
            why = f'"{cluster.kind}": {reason}'
            remedy = f"start it, or {config_set(f'{key}.kind', 'NAME')}"
            if needed and (running or not isinstance(reason, Unanswered)):
                self._problems.append(Problem(f"{key}.kind", why, remedy))
        return self.kind_nodes.get(cluster.kind)


def _monitors(cluster: Cluster, probes: bool) -> Mapping[str, str]:
    """The resources of the prometheus-operator that a cluster gets, and their kinds."""
    everywhere = {"podmonitors": "PodMonitor", "prometheusrules": "PrometheusRule"}
    return {**everywhere, "probes": "Probe"} if probes and isinstance(cluster, Host) else everywhere
