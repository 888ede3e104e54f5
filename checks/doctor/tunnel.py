"""Tunnel: the path to one member as it should be, from a stack's settings and outputs. It holds no secret.

The stack's own check gets one as JSON; the doctor makes them from the config and the output `entry`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from clusters.kubeconfig import Context
from components.anp import IDENTIFIER
from config.proxy_settings import Frontend
from config.settings import Agent, MemberSettings, Settings


class Tunnel(BaseModel):
    """The path from the Karmada API to a member. `inside` is the member's own API, through the tunnel itself if the
    member is `delivered`: only Karmada reaches it. The namespaces are those of the proxies, `agents_name` is
    proxy-agent's Deployment.

    `identifier` is the host by which proxy-server picks agents; `servers` and `agents` are the expected numbers of
    pods. Agents dial `address` and `port`, Karmada `proxy_url`, which leads to the guards' `plain_port`; the member
    guard dials `api_address` or, if that is empty, the API server's address in pods' environment.
    """

    model_config = ConfigDict(frozen=True)

    member: str
    frontend: Frontend
    registered: bool | None
    karmada: Context
    host: Context
    inside: Context
    delivered: bool
    host_namespace: str
    member_namespace: str
    agents_name: str
    agent: Agent
    api_endpoint: str
    identifier: str
    servers: int
    agents: int
    address: str
    port: int
    proxy_url: str
    plain_port: int
    api_address: str

    @property
    def guarded(self) -> bool:
        """Whether there are guards, or else the documented frontend."""
        return self.frontend is Frontend.GUARDED

    @classmethod
    def of(cls, settings: Settings, member: MemberSettings, address: str, port: int, proxy_url: str) -> Tunnel:
        """The tunnel to a member, where agents dial `address` and `port`, and Karmada `proxy_url`."""
        host, documented = settings.host, settings.proxy.frontend is Frontend.DOCUMENTED
        return cls(
            member=member.name,
            frontend=settings.proxy.frontend,
            registered=member.registered,
            karmada=host.karmada,
            host=host.api,
            inside=member.api,
            delivered=member.delivered,
            host_namespace=host.namespace,
            member_namespace=member.namespace,
            agents_name=member.agents_name,
            agent=member.agent,
            api_endpoint=member.api_endpoint,
            identifier=member.host if documented else IDENTIFIER.format(member.name),
            servers=settings.proxy.replicas,
            agents=settings.agents(member),
            address=address,
            port=port,
            proxy_url=proxy_url,
            plain_port=settings.proxy.port,
            api_address=member.api_address,
        )
