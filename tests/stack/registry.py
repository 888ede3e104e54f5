"""A private registry of images on the Docker network of the kind clusters: Debian's docker-registry behind HAProxy.

HAProxy speaks TLS with a certificate of its own CA and asks for a password; the registry itself listens on loopback.
The Docker engine and the nodes are told to trust that CA.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusters.errors import Unavailable
from clusters.programs import output_of
from tests.parts import haproxy
from tests.stack.nodes import HOST_NODE

PORT = 5443
USER, PASSWORD = "puller", "not a secret of anybody's"

REGISTRY = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}/images}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{accesslog: {{disabled: true}}, level: error}}
"""

FRONT = """\
global
    log stdout format raw local0 warning
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
userlist known
    user {user} insecure-password "{password}"
frontend registry
    bind {address}:{front} ssl crt {directory}/server.pem
    http-request auth realm registry unless {{ http_auth(known) }}
    http-request set-header X-Forwarded-Proto https
    default_backend registry
backend registry
    server loopback 127.0.0.1:{port}
"""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Where it is (`address:port`), as engine and nodes reach it; and on this machine alone, open and without TLS."""

    host: str
    loopback: str


def why_not() -> str:
    """Why there can be none here, or nothing."""
    if not shutil.which("docker-registry"):
        return "docker-registry is not on PATH (Debian's package of that name)"
    if not shutil.which("haproxy", path=haproxy.PATH):
        return "haproxy is not installed"
    if os.getuid() != 0:
        return "the Docker engine's trust (/etc/docker/certs.d) is root's to change"
    return ""


@contextmanager
def running(directory: Path, nodes: Sequence[str]) -> Generator[Registry]:
    """The registry, until the block is left. `nodes` are kind nodes that shall trust it."""
    address = gateway()
    (port,), host = haproxy.free_ports(1), f"{address}:{PORT}"
    ca = _certificates(directory, address)
    (directory / "registry.yml").write_text(REGISTRY.format(directory=directory, port=port))
    front = directory / "front.cfg"
    front.write_text(
        FRONT.format(user=USER, password=PASSWORD, address=address, front=PORT, directory=directory, port=port)
    )
    binary = shutil.which("haproxy", path=haproxy.PATH) or "haproxy"
    trusted = Path("/etc/docker/certs.d") / host
    with (directory / "log").open("wb") as log:
        processes = [
            subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            for command in (
                ["docker-registry", "serve", str(directory / "registry.yml")],
                [binary, "-db", "-f", str(front)],
            )
        ]
    try:
        trusted.mkdir(parents=True, exist_ok=True)
        (trusted / "ca.crt").write_text(ca)
        for node in nodes:
            _trust(node, host, ca)
        yield Registry(host=host, loopback=f"127.0.0.1:{port}")
    finally:
        shutil.rmtree(trusted, ignore_errors=True)
        for each in processes:
            each.terminate()
            each.wait(20)


def gateway() -> str:
    """This machine's address on the kind nodes' network: as the network says, or else as its containers have it."""
    said = output_of(["docker", "network", "inspect", "kind", "--format={{(index .IPAM.Config 0).Gateway}}"]).strip()
    return (
        said
        or output_of(["docker", "inspect", HOST_NODE, "--format={{.NetworkSettings.Networks.kind.Gateway}}"]).strip()
    )


def _trust(node: str, host: str, ca: str) -> None:
    """Makes a node's containerd trust a CA: by its own directory, as kind nodes have it, or by the node's store."""
    script = (
        f"mkdir -p /etc/containerd/certs.d/{host} && cat >/etc/containerd/certs.d/{host}/ca.crt && "
        f'printf \'server = "https://{host}"\\n[host."https://{host}"]\\n  ca = "ca.crt"\\n\' '
        f">/etc/containerd/certs.d/{host}/hosts.toml && "
        f"cat /etc/containerd/certs.d/{host}/ca.crt >>/etc/ssl/certs/ca-certificates.crt"
    )
    done = subprocess.run(
        ["docker", "exec", "-i", node, "sh", "-c", script], input=ca, text=True, check=False, capture_output=True
    )
    if done.returncode:
        raise Unavailable(f"{node} could not be told to trust the registry: {done.stderr}")


def _certificates(directory: Path, address: str) -> str:
    """Writes server.pem; returns the PEM of the certificate, which is its own CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    server = directory / "server.pem"
    server.touch(0o600)
    server.write_text(pem + key.private_bytes(serialization.Encoding.PEM, form, plain).decode())
    return pem
