"""What ANP and Karmada's documentation fix: names, ports, paths and flags, each written once.

It imports nothing of the program, for checks/ reads it too.
Source: Karmada's page "Deploy apiserver-network-proxy (ANP) For Pull mode" and ANP's cmd/{server,agent}/app/options.
"""

from __future__ import annotations

from dataclasses import dataclass

SERVER = "proxy-server"
AGENT = "proxy-agent"
DELIVERED_AGENT = "proxy-agent-delivered"
"""The agents that Karmada hands a member: of another name, so that a member that comes to be reached in the other way
has both for a moment, and is never without."""
GUARD, MEMBER_GUARD = "proxy-guard", "member-guard"

PROXY_PATH = "/apis/cluster.karmada.io/v1alpha1/clusters/{0}/proxy"
"""Where Karmada serves a member's API; `kubectl --server` takes the Karmada API's URL with this behind it."""

EXECUTION_SPACE = "karmada-es-{0}"
"""The namespace in the Karmada API from which a member's karmada-agent takes Works."""

OF_STACK = "karmada-anp/stack"
"""The label of Works: whose they are."""

IDENTIFIERS_FLAG = "--agent-identifiers="
"""proxy-agent's: `host=A&host=B`, the hosts whose requests it takes."""

ENDPOINT_FLAG, PROXY_FLAG = "--cluster-api-endpoint=", "--proxy-server-address="
"""karmada-agent's two flags, by which it reports the way to its member."""

AGENT_USER = "system:karmada:agent:{0}"
"""The user as which the karmada-agent of a member that `karmadactl register` joined speaks to the Karmada API."""

FRONTEND_PORT = 8090  # CONNECT over mTLS, as documented
AGENT_PORT = 8091  # agents' gRPC over mTLS
SERVER_HEALTH_PORT = 8092
AGENT_HEALTH_PORT = 8093

SERVER_CERT_SECRET = "proxy-server-cert"
AGENT_CERT_SECRET = "proxy-agent-cert"
SERVER_CERT_DIR = "/var/certs/server"
AGENT_CERT_DIR = "/var/certs/agent"

SERVER_NAMES = ("kubernetes", "localhost")
"""DNS names in both server certificates."""

COMMON_SERVER_ARGS = (
    f"--health-port={SERVER_HEALTH_PORT}",
    f"--cluster-ca-cert={SERVER_CERT_DIR}/cluster-ca-cert.crt",
    f"--cluster-cert={SERVER_CERT_DIR}/cluster-cert.crt",
    f"--cluster-key={SERVER_CERT_DIR}/cluster-key.key",
    "--mode=http-connect",
    "--proxy-strategies=destHost",
)

DOCUMENTED_SERVER_ARGS = (
    *COMMON_SERVER_ARGS,
    f"--server-ca-cert={SERVER_CERT_DIR}/server-ca-cert.crt",
    f"--server-cert={SERVER_CERT_DIR}/server-cert.crt",
    f"--server-key={SERVER_CERT_DIR}/server-key.key",
)


# What a guarded stack adds to the documented Deployments.
GUARD_METRICS_PORT = 8096
METRICS, GUARD_METRICS = "metrics", "guard-metrics"
"""Names of the ports that serve metrics: ANP's and the guard's beside it."""

FRONTEND_DIR = "/run/proxy-server"
FRONTEND_SOCKET = f"{FRONTEND_DIR}/frontend.sock"
"""Where the host guard reaches proxy-server's frontend: in the pod alone."""

IDENTIFIER = "{0}.member"
"""The host by which proxy-server picks a member's agents. In their pods it is the loopback, where the guard is."""

MEMBER_GUARD_PORT = 6443

AGENTS_SERVICE = "proxy-server-agents"
"""The Service by which agents reach :8091, where proxy-server is not on the host network."""

SERVER_USER = 65532
GUARD_USER = 99
"""Users of the pods, by number: Kubernetes cannot tell whether a name is root's. HAProxy's image has its own as 99."""


LAST_WORDS = "FallbackToLogsOnError"
"""terminationMessagePolicy: `up` then says what a container logged last before it ended with an error."""


def work_name(kind: str, name: str, namespace: str) -> str:
    """As Karmada names the Work of an object (its pkg/util/names): by it karmada-agent finds what to make again when
    the object is deleted in the member."""
    whole = "-".join(each for each in (namespace, name.replace(":", "."), kind) if each).lower()
    digest = 0x811C9DC5  # FNV-1a, 32 bits
    for byte in whole.encode():
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return f"{name.replace(':', '.').lower()}-" + "".join(letters[ord(each) % len(letters)] for each in str(digest))


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

READY_SECONDS = 15
"""How old a new server is before it is used, for each server that there is: it is ready with any agent, and those of
other members are yet to find it. An agent that lacks one tries once a second, at a random one of the servers; a try at
one that has just gone takes 20 s, gRPC's own limit. A server that has lost all its agents, as by a cut network, is used
as soon as one is back."""

DIAL_SECONDS = 20
"""How long proxy-server waits for an agent's dial. A stalled session is cut off well before."""

AGENT_READY_SECONDS = 5
"""How long a new agent has been ready before an old one goes, for each server that there is: it is ready with any
server, and finds the others so."""

KEEPALIVE_ARG = "--keepalive-time=30s"
"""ANP's own default is an hour: an idle agent would not notice a cut connection before. Less than 30 s is refused."""

AGENT_ARGS = ("--sync-interval=1s", "--sync-interval-cap=5s", KEEPALIVE_ARG)
"""An agent dials while it has fewer connections than a server has told it that there are (`--server-count`), and is
silent else. With `--sync-forever` it would open a connection each second for ever."""


def guarded_server_args(ending: Ending, replicas: int, log_level: int) -> list[str]:
    """The arguments of a guarded proxy-server. Its frontend is a socket in the pod, which needs no certificates.

    Without a timeout, dialling through an agent that is gone would hang.
    """
    return [
        *COMMON_SERVER_ARGS,
        f"--uds-name={FRONTEND_SOCKET}",
        "--server-port=0",
        f"--server-count={replicas}",
        "--tls-min-version=VersionTLS13",
        f"--backend-dial-timeout={DIAL_SECONDS}s",
        f"--graceful-shutdown-timeout={ending.grace}s",
        KEEPALIVE_ARG,
        f"--v={log_level}",
    ]
