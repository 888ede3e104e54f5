"""The certificates of a stack, as files: what the program itself makes and puts into its Secrets, without an engine."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from clusters.objects import Json, entries, text
from tests import issuing
from tools.render.program import Run

ADDRESS = "192.0.2.10"
"""Where agents dial proxy-server in this stack: an address that nobody has (RFC 5737)."""

MEMBERS = ("member1", "member2")

CONFIG: Mapping[str, Json] = {
    "karmada-anp:host": {"context": "host", "address": ADDRESS},
    "karmada-anp:members": {name: {} for name in MEMBERS},
    "karmada-anp:images": {"server": "proxy-server:1", "agent": "proxy-agent:1"},
    "karmada-anp:proxy": {"credential": 2},
}

DOCUMENTED: Mapping[str, Json] = {**CONFIG, "karmada-anp:proxy": {"frontend": "documented"}}
"""The same as documented: where proxy-server has a frontend with certificates of its own."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Issued:
    """Files by what they are for; `agents` go by member.

    `agent_ca` is whom the server trusts, `agents_ca` whom agents trust that dial it.
    """

    agent_ca: Path
    agent_server: Pair
    agents: Mapping[str, Pair]
    agents_ca: Path
    run: Run

    def again(self, name: str, into: Path, now: datetime | None = None, **changed: Json) -> Pair:
        """A leaf certificate (`member1-agent`) issued again, with its own inputs but for those that are `changed`."""
        inputs = {**self.run.the("LocallySignedCert", name).inputs, **changed}
        pem, _ = issuing.locally_signed(inputs, now)
        return _written(into, pem, self.key(name))

    def ca_again(self, name: str, into: Path, now: datetime | None = None) -> Path:
        """A CA's certificate (`agent-ca-1`) issued again, with its own inputs: the key is the same."""
        pem, _ = issuing.self_signed(self.run.the("SelfSignedCert", name).inputs, now)
        file = into / f"{name}-again.crt"
        file.write_text(pem)
        return file

    def signed_by(self, signer: str, name: str, into: Path) -> Pair:
        """A leaf certificate issued again by a leaf, whose certificate its file has behind it as a CA's would be."""
        key, certificate = self.key(signer), text(self.run.the("LocallySignedCert", signer).outputs, "certPem")
        as_ca = {**self.run.the("SelfSignedCert", "agent-ca-1").inputs, "privateKeyPem": key}
        as_ca["subject"] = self.run.the("CertRequest", signer).inputs["subject"]
        pretended, _ = issuing.self_signed(as_ca)
        forged = self.again(name, into, caPrivateKeyPem=key, caCertPem=pretended)
        return _written(into, forged.certificate.read_text() + certificate, self.key(name))

    def key(self, name: str) -> str:
        """The private key of a leaf certificate, as PEM."""
        return text(self.run.the("PrivateKey", name).outputs, "privateKeyPem")


@dataclass(frozen=True, kw_only=True)
class Documented:
    """A documented stack's files: agents' side, and the frontend's. `ca` is whom the frontend and its clients trust."""

    agents_side: Issued
    ca: Path
    server: Pair
    client: Pair


def issue(directory: Path, keys: Mapping[str, Json] | None = None, before: Issued | None = None) -> Issued:
    """Runs the program and writes the files of its Secrets below a directory.

    `keys` are the config of the CAs' keys; `before` is an earlier run, of which this one is the next `up`.
    """
    return _issued(CONFIG, directory, keys, before)


def issue_documented(
    directory: Path, keys: Mapping[str, Json] | None = None, before: Documented | None = None
) -> Documented:
    """The same of a documented stack. No Secret has the certificate of the frontend's client: there is none in it."""
    made = _issued(DOCUMENTED, directory, keys, before.agents_side if before else None)
    server, client = directory / "proxy-server-cert", made.run.the("LocallySignedCert", "frontend-client")
    return Documented(
        agents_side=made,
        ca=server / "server-ca-cert.crt",
        server=Pair(certificate=server / "server-cert.crt", key=server / "server-key.key"),
        client=_written(directory, text(client.outputs, "certPem"), made.key("frontend-client")),
    )


def _issued(
    config: Mapping[str, Json], directory: Path, keys: Mapping[str, Json] | None, before: Issued | None
) -> Issued:
    config = {**config, "karmada-anp:certificates": dict(keys or {})}
    run = issuing.run("parts", config, before.run.resources.values() if before else ())
    server = _unpacked(run, "proxy-server-cert", directory)
    agents = {name: _unpacked(run, f"{name}-proxy-agent-cert", directory) for name in MEMBERS}
    return Issued(
        agent_ca=server / "cluster-ca-cert.crt",
        agent_server=Pair(certificate=server / "cluster-cert.crt", key=server / "cluster-key.key"),
        agents={
            name: Pair(certificate=files / "proxy-agent.crt", key=files / "proxy-agent.key")
            for name, files in agents.items()
        },
        agents_ca=directory / f"{MEMBERS[0]}-proxy-agent-cert" / "ca.crt",
        run=run,
    )


def _unpacked(run: Run, secret: str, directory: Path) -> Path:
    into = directory / secret
    into.mkdir()
    for file, content in entries(run.the("Secret", secret).inputs, "data").items():
        (into / file).write_bytes(base64.b64decode(str(content)))
    return into


def _written(into: Path, certificate: str, key: str) -> Pair:
    directory = Path(mkdtemp(dir=into))
    pair = Pair(certificate=directory / "leaf.crt", key=directory / "leaf.key")
    pair.certificate.write_text(certificate)
    pair.key.write_text(key)
    return pair
