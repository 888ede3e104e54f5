"""Entry: the addresses at which agents and Karmada dial proxy-server. Off the host network it makes two Services.

Only :8091 is open to the outside; the plain port, for Karmada's pods, has a ClusterIP. On the host network it makes
nothing: agents and Karmada dial the host's own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_command import local
from pulumi_kubernetes.core.v1 import Service, ServicePortArgsDict, ServiceSpecArgsDict

from checks.commands import load_balancer
from components import anp, server_pod
from components.local_command import local_command
from config.fields import APP, bracketed
from config.proxy_settings import ByLoadBalancer, ByNodePort, Exposure, Proxy
from config.settings import Host

SECONDS = 300
"""How long a load balancer may take to get an address."""

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""Annotation of an object that Pulumi does not wait for. It would wait for a Service's pods, which need the Service's
address first."""


@dataclass(frozen=True, kw_only=True)
class EntryArgs:
    """The host, whose `address` agents dial (empty where a load balancer has yet to get one), and `proxy.exposure`.

    While `renaming`, agents roll before proxy-server does, and dial pods that may lack the label of their count.
    """

    host: Host
    proxy: Proxy
    renaming: bool = False


class Entry(ComponentResource):
    """The address and port that agents dial, and the URL that Karmada's `--proxy-server-address` names."""

    address: Output[str]
    port: Output[int]
    proxy_url: Output[str]

    def __init__(self, name: str, args: EntryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("karmada-anp:index:Entry", name, None, opts)
        child = ResourceOptions(parent=self)
        host, proxy = args.host, args.proxy
        self.address = Output.from_input(host.address)
        self.port = Output.from_input(anp.AGENT_PORT)
        if proxy.exposure is Exposure.HOST_NETWORK:
            self.proxy_url = Output.format("http://{0}:{1}", self.address.apply(bracketed), proxy.port)
        else:
            plain = _plain(host, proxy, child)
            selector = {APP: anp.SERVER} if args.renaming else server_pod.labels(proxy)
            agents = _agents(host, proxy, selector, child)
            self.proxy_url = Output.format(
                "http://{0}.{1}.svc:{2}", plain.metadata["name"], plain.metadata["namespace"], proxy.port
            )
            if proxy.exposure is Exposure.NODE_PORT:
                self.port = agents.spec.ports[0]["node_port"]
            else:
                self.port = Output.from_input(proxy.service_port)
                if not host.address:
                    self.address = _load_balancer(f"{name}-address", host, agents, child)
        self.register_outputs({"address": self.address, "port": self.port, "proxyUrl": self.proxy_url})


def _plain(host: Host, proxy: Proxy, opts: ResourceOptions) -> Service:
    """The ClusterIP Service of the guard's plain port. proxy_url names it without the cluster's domain, which is not
    known here."""
    return Service(
        anp.SERVER,
        metadata={"name": anp.SERVER, "namespace": host.namespace, "annotations": SKIP_AWAIT},
        spec={
            "type": "ClusterIP",
            "selector": {"app": anp.SERVER},
            "ports": [{"name": "plain", "port": proxy.port, "target_port": "plain"}],
        },
        opts=opts,
    )


def _agents(
    host: Host, proxy: ByNodePort | ByLoadBalancer, selector: Mapping[str, str], opts: ResourceOptions
) -> Service:
    """The Service of :8091, a NodePort or a LoadBalancer. It publishes pods that are not ready: proxy-server is ready
    only once an agent is connected, so agents must reach it before."""
    port: ServicePortArgsDict = {"name": "agents", "port": anp.AGENT_PORT, "target_port": "agents"}
    spec: ServiceSpecArgsDict = {
        "type": "NodePort",
        "selector": selector,
        "publish_not_ready_addresses": True,
        # an agent finds every server only by dialling again and again
        "session_affinity": "None",
        "ports": [port],
    }
    if proxy.external_traffic_policy:
        spec["external_traffic_policy"] = proxy.external_traffic_policy
    if proxy.ip_family_policy:
        spec["ip_family_policy"] = proxy.ip_family_policy
    if proxy.exposure is Exposure.NODE_PORT:
        if proxy.node_port:
            port["node_port"] = proxy.node_port
    else:
        spec["type"] = "LoadBalancer"
        port["port"] = proxy.service_port
        if proxy.load_balancer_class:
            spec["load_balancer_class"] = proxy.load_balancer_class
        if proxy.load_balancer_source_ranges:
            spec["load_balancer_source_ranges"] = proxy.load_balancer_source_ranges
    return Service(
        anp.AGENTS_SERVICE,
        metadata={
            "name": anp.AGENTS_SERVICE,
            "namespace": host.namespace,
            "annotations": {**SKIP_AWAIT, **proxy.service_annotations},
        },
        spec=spec,
        opts=opts,
    )


def _load_balancer(name: str, host: Host, service: Service, opts: ResourceOptions) -> Output[str]:
    """A Command that waits for the load balancer's address: an IP address, or a name if the cloud gives only that."""
    given = load_balancer.LoadBalancerInput(
        host=host.api, namespace=host.namespace, service=anp.AGENTS_SERVICE, seconds=SECONDS
    )
    asked = local.Command(
        name,
        create=local_command("load_balancer"),
        stdin=given.model_dump_json(),
        # a refresh that sees another Service or status makes the Command ask again
        triggers=[service.metadata["uid"], service.status],
        opts=opts,
    )
    return asked.stdout.apply(str.strip)
