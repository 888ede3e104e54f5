"""What ANP and Karmada's documentation fix: names, ports, paths and flags, each written once.

It imports nothing of the program, for checks/ reads it too.
Source: Karmada's page "Deploy apiserver-network-proxy (ANP) For Pull mode" and ANP's cmd/{server,agent}/app/options.
"""

from __future__ import annotations

from dataclasses import dataclass

SERVER = "proxy-server"
AGENT = "proxy-agent"
GUARD = "proxy-guard"

PROXY_PATH = "/apis/cluster.karmada.io/v1alpha1/clusters/{0}/proxy"
"""Where Karmada serves a member's API; `kubectl --server` takes the Karmada API's URL with this behind it."""

ENDPOINT_FLAG, PROXY_FLAG = "--cluster-api-endpoint=", "--proxy-server-address="
"""karmada-agent's two flags, by which it reports the way to its member."""

FRONTEND_PORT = 8090  # CONNECT over mTLS
AGENT_PORT = 8091  # agents' gRPC over mTLS
SERVER_HEALTH_PORT = 8092
AGENT_HEALTH_PORT = 8093

SERVER_CERT_SECRET = "proxy-server-cert"
AGENT_CERT_SECRET = "proxy-agent-cert"
SERVER_CERT_DIR = "/var/certs/server"
AGENT_CERT_DIR = "/var/certs/agent"

SERVER_NAMES = ("kubernetes", "localhost")
"""DNS names in both server certificates. The guard checks the first."""

SERVER_ARGS = (
    f"--health-port={SERVER_HEALTH_PORT}",
    f"--cluster-ca-cert={SERVER_CERT_DIR}/cluster-ca-cert.crt",
    f"--cluster-cert={SERVER_CERT_DIR}/cluster-cert.crt",
    f"--cluster-key={SERVER_CERT_DIR}/cluster-key.key",
    "--mode=http-connect",
    "--proxy-strategies=destHost",
    f"--server-ca-cert={SERVER_CERT_DIR}/server-ca-cert.crt",
    f"--server-cert={SERVER_CERT_DIR}/server-cert.crt",
    f"--server-key={SERVER_CERT_DIR}/server-key.key",
)


# What a guarded stack adds to the documented Deployments.
GUARD_METRICS_PORT = 8096
METRICS, GUARD_METRICS = "metrics", "guard-metrics"
"""Names of the ports that serve metrics: ANP's and the guard's."""

AGENTS_SERVICE = "proxy-server-agents"
"""The Service by which agents reach :8091, where proxy-server is not on the host network."""

SERVER_USER = 65532
GUARD_USER = 99
"""Users of the pods, by number: Kubernetes cannot tell whether a name is root's. HAProxy's image has its own as 99."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a pod ends, in seconds: first it goes on until Services have forgotten it, then it ends what runs through it.

    ANP's agent drains at its first signal and then sits out the whole of it; its successor is connected by then.
    """

    pause: int
    grace: int

    @property
    def guard_pause(self) -> int:
        """The guard goes after the server: nothing new comes by then."""
        return self.pause and self.pause + 1

    @property
    def termination(self) -> int:
        """Until it is killed."""
        return self.guard_pause + self.grace + 2


ALONE = Ending(pause=0, grace=3)
"""On the host network there is no second server to hand over to."""

HANDING_OVER = Ending(pause=5, grace=15)

READY_SECONDS = 30
"""How old a new server is before it is used: it is ready with any agent, and those of other members are yet to find
it. An agent tries once a second, at a random one of the servers; a try at one that has just gone takes 20 s, gRPC's own
limit. A server that has lost all its agents, as by a cut network, is used again as soon as one is back."""

AGENT_READY_SECONDS = 10
"""How long a new agent has been ready before an old one goes: it is ready with any server, and finds the others so."""

KEEPALIVE_ARG = "--keepalive-time=30s"
"""ANP's own default is an hour: an idle agent would not notice a cut connection before. Less than 30 s is refused."""

LASTING_AGENT_ARGS = ("--sync-forever", "--sync-interval=1s", "--sync-interval-cap=5s", KEEPALIVE_ARG)
"""Without the first an agent stops dialling once it has been connected to every server there is."""


def guarded_server_args(ending: Ending, replicas: int) -> list[str]:
    """What a guarded proxy-server gets beside the documented arguments.

    The plain port's side stays on the pod's loopback. All who speak TLS to it are ours. Without a timeout, dialling
    through an agent that is gone would hang.
    """
    return [
        "--server-bind-address=127.0.0.1",
        f"--server-count={replicas}",
        "--tls-min-version=VersionTLS13",
        "--backend-dial-timeout=10s",
        f"--graceful-shutdown-timeout={ending.grace}s",
        KEEPALIVE_ARG,
    ]
