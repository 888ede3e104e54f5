"""Names, ports, paths and flags that ANP and Karmada's documentation fix, each written once.

It imports nothing of the program, since checks/ and config/ import it too.
Source: Karmada's page "Deploy apiserver-network-proxy (ANP) For Pull mode" and ANP's cmd/{server,agent}/app/options.
"""

from __future__ import annotations

from dataclasses import dataclass

SERVER = "proxy-server"
AGENT = "proxy-agent"
DELIVERED_AGENT = "proxy-agent-delivered"
"""proxy-agent's Deployment in a member with `access: karmada`. It has a name of its own, so that a member whose
`access` changes has both Deployments for a moment, and is never without one."""
GUARD, MEMBER_GUARD = "proxy-guard", "member-guard"

PROXY_PATH = "/apis/cluster.karmada.io/v1alpha1/clusters/{0}/proxy"
"""Path at which Karmada serves a member's API; `kubectl --server` takes the Karmada API's URL followed by it."""

EXECUTION_SPACE = "karmada-es-{0}"
"""Karmada's execution namespace of a member: its karmada-agent applies the Works in it."""

OF_STACK = "karmada-anp/stack"
"""The label of a Work that names the stack it belongs to."""

SERVER_COUNT = "karmada-anp/server-count"
"""The label of a proxy-server's pod that says its `--server-count`."""

IDENTIFIERS_FLAG = "--agent-identifiers="
"""proxy-agent's flag with its identifiers, `host=A&host=B`: proxy-server sends it requests for these hosts."""

ENDPOINT_FLAG, PROXY_FLAG = "--cluster-api-endpoint=", "--proxy-server-address="
"""karmada-agent's two flags: it reports their values in its Cluster object, as `apiEndpoint` and `proxyURL`."""

AGENT_USER = "system:karmada:agent:{0}"
"""The user of a karmada-agent in the Karmada API, in a member that `karmadactl register` joined."""

FRONTEND_PORT = 8090  # CONNECT over mTLS, as documented
AGENT_PORT = 8091  # agents' gRPC over mTLS
SERVER_HEALTH_PORT = 8092
AGENT_HEALTH_PORT = 8093

SERVER_CERT_SECRET = "proxy-server-cert"
AGENT_CERT_SECRET = "proxy-agent-cert"
SERVER_CERT_DIR = "/var/certs/server"
AGENT_CERT_DIR = "/var/certs/agent"

SERVER_NAMES = ("kubernetes", "localhost")
"""DNS SANs of both server certificates."""

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
"""Names of the container ports that serve metrics: ANP's own, and the guard's beside it."""

FRONTEND_DIR = "/run/proxy-server"
FRONTEND_SOCKET = f"{FRONTEND_DIR}/frontend.sock"
"""The unix socket of proxy-server's frontend. Only the host guard, in the same pod, reaches it."""

IDENTIFIER = "{0}.member"
"""The host by which proxy-server picks a member's agents. In their pods it resolves to the loopback (hostAliases), on
which the member guard listens."""

MEMBER_GUARD_PORT = 6443

AGENTS_SERVICE = "proxy-server-agents"
"""The Service that agents dial for :8091, where proxy-server is not on the host network."""

SERVER_USER = 65532
GUARD_USER = 99
"""User ids of the pods: Kubernetes cannot check runAsNonRoot for a user's name. HAProxy's image has 99 as its user."""


LAST_WORDS = "FallbackToLogsOnError"
"""terminationMessagePolicy: with it, `up` shows the last log lines of a container that ended with an error."""


def work_name(kind: str, name: str, namespace: str) -> str:
    """The name that Karmada gives the Work of an object (its pkg/util/names). By it, karmada-agent finds the Work of an
    object that was deleted in the member, and makes the object again."""
    whole = "-".join(each for each in (namespace, name.replace(":", "."), kind) if each).lower()
    digest = 0x811C9DC5  # FNV-1a, 32 bits
    for byte in whole.encode():
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return f"{name.replace(':', '.').lower()}-" + "".join(letters[ord(each) % len(letters)] for each in str(digest))


@dataclass(frozen=True, kw_only=True)
class ShutdownTimes:
    """A pod's shutdown, in seconds: `pause` until Services have removed it (preStop), then `grace` for open sessions.

    proxy-agent drains at its first signal and always waits out the whole grace; its successor is connected by then.
    """

    pause: int
    grace: int

    @property
    def guard_pause(self) -> int:
        """The host guard's pause, a second longer than the server's: it gets no new requests by then."""
        return self.pause and self.pause + 1

    @property
    def termination(self) -> int:
        """terminationGracePeriodSeconds: after it the pod is killed."""
        return self.guard_pause + self.grace + 2


ALONE = ShutdownTimes(pause=0, grace=3)
"""On the host network there is no second server to hand over to."""

HANDING_OVER = ShutdownTimes(pause=5, grace=15)

READY_SECONDS = 15
"""Initial delay of a new server's readiness probe, for each server that there is. /readyz is true once any agent is
connected, and those of other members have yet to find the server: an agent that lacks one tries a random server once a
second, and a try at one that has just gone takes 20 s, gRPC's own limit. A server that lost all its agents, as by a cut
network, is ready again as soon as one is back."""

DIAL_SECONDS = 20
"""How long proxy-server waits for an agent to dial. A guard closes a stalled session well before that."""

AGENT_READY_SECONDS = 5
"""minReadySeconds of the agents' Deployment, for each server that there is. An agent is ready with any one server, and
needs the time to find the others before an old agent goes."""

KEEPALIVE_ARG = "--keepalive-time=30s"
"""gRPC keepalive of server and agent. With ANP's default of an hour, an idle agent would notice a cut connection only
then. Less than 30 s is refused."""

AGENT_ARGS = ("--sync-interval=1s", "--sync-interval-cap=5s", KEEPALIVE_ARG)
"""An agent dials only while it has fewer connections than the number of servers that a server has told it
(`--server-count`). With `--sync-forever` it would open a connection each second for ever."""


def guarded_server_args(shutdown: ShutdownTimes, replicas: int, log_level: int) -> list[str]:
    """The arguments of a guarded proxy-server. Its frontend is a unix socket in the pod and needs no certificates.

    Without `--backend-dial-timeout`, a dial through an agent that is gone would hang.
    """
    return [
        *COMMON_SERVER_ARGS,
        f"--uds-name={FRONTEND_SOCKET}",
        "--server-port=0",
        f"--server-count={replicas}",
        "--tls-min-version=VersionTLS13",
        f"--backend-dial-timeout={DIAL_SECONDS}s",
        f"--graceful-shutdown-timeout={shutdown.grace}s",
        KEEPALIVE_ARG,
        f"--v={log_level}",
    ]
