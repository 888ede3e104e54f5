"""What ANP and Karmada's documentation fix: names, ports, paths and flags, each written once.

Source: Karmada's page "Deploy apiserver-network-proxy (ANP) For Pull mode" and ANP's cmd/{server,agent}/app/options.
"""

from __future__ import annotations

SERVER = "proxy-server"
AGENT = "proxy-agent"
GUARD = "proxy-guard"

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
GRACE_SECONDS = 3
"""How long a stopping pod may finish what runs through it. There is no second one to hand over to."""

TERMINATION_SECONDS = GRACE_SECONDS + 2

AGENT_TERMINATION_SECONDS = 2
"""ANP's agent sits out the whole of it. When it is rolled, its successor is connected by then."""

KEEPALIVE_ARG = "--keepalive-time=30s"
"""ANP's own default is an hour: an idle agent would not notice a cut connection before. Less than 30 s is refused."""

GUARDED_SERVER_ARGS = (
    "--server-bind-address=127.0.0.1",
    f"--graceful-shutdown-timeout={GRACE_SECONDS}s",
    KEEPALIVE_ARG,
)
LASTING_AGENT_ARGS = ("--sync-forever", "--sync-interval=2s", KEEPALIVE_ARG)
"""Without them an agent stops dialling once it has been connected to every server there is."""
