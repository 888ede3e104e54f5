"""A Karmada API that fails half of the time: a run may end with an error, and nobody loses what a run did not change.

HAProxy on loopback stands before it, for the stack alone: members and Karmada's own parts ask the API itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from clusters.objects import Json, text
from tests import issuing
from tests.parts import haproxy
from tests.proof import note
from tests.stack import environment
from tests.stack.delivered import in_member, label
from tests.stack.environment import HOST, KARMADA, SITE, settings_of
from tests.stack.kubeconfigs import decoded, encoded, seen, write
from tests.stack.nodes import HOST_NODE, address_of, answers_itself
from tests.stack.refusals import succeeds
from tools.checkout import DESTROY, UP, Checkout

pytestmark = pytest.mark.long

LABEL = "karmada-anp.test/failing"
GOES_ON = (*UP, "--continue-on-error")

BEFORE = """\
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen api
  bind 127.0.0.1:{port} ssl crt {own}
  {fails}
  server api {address} ssl crt {client} ca-file {authority}
"""
FAILS = "http-request return status 500 if { rand(2) eq 0 }"
FAILS_TO_CHANGE = f"{FAILS} !{{ method GET }} !{{ path_end reviews }}"
"""So that a run gets past preflight."""


class Before:
    """HAProxy before the Karmada API, and a kubeconfig that leads to it, in a directory."""

    def __init__(self, directory: Path, program: haproxy.Program) -> None:
        self.kubeconfig = directory / "config"
        self._directory, self._program = directory, program
        key, (self._port,) = issuing.private_key_pem(), haproxy.free_ports(1)
        own, _ = issuing.self_signed(
            {
                "privateKeyPem": key,
                "subject": {"commonName": "before the Karmada API"},
                "ipAddresses": ["127.0.0.1"],
                "allowedUses": ["server_auth"],
                "validityPeriodHours": 24,
            }
        )
        cluster, user = seen(KARMADA)
        self._address = text(cluster, "server").removeprefix("https://")
        self._holds("own", own, key)
        self._holds("client", *(decoded(text(user, f"client-{each}-data")) for each in ("certificate", "key")))
        self._holds("authority", decoded(text(cluster, "certificate-authority-data")))
        here = {"server": f"https://127.0.0.1:{self._port}", "certificate-authority-data": encoded(own)}
        write(self.kubeconfig, {HOST[1]: seen(HOST), KARMADA[1]: (here, user)})

    def _holds(self, name: str, *content: str) -> None:
        file = self._directory / name
        file.touch(0o600)
        file.write_text("".join(content))

    def running(self, fails: str = "") -> AbstractContextManager[Path]:
        """From when it answers: with what the API says, or as a rule of HAProxy's has it."""
        configuration = self._directory / "haproxy.cfg"
        files = {name: self._directory / name for name in ("own", "client", "authority")}
        configuration.write_text(BEFORE.format(port=self._port, address=self._address, fails=fails, **files))
        return haproxy.running(self._program, configuration)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Before:
    directory = tmp_path_factory.mktemp("before")
    program = haproxy.find(directory)
    if program is None:
        pytest.skip(haproxy.ABSENT)
    return Before(directory, program)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, backend: Path, before: Mapping[str, Json], api: Before
) -> Iterator[Checkout]:
    """The stack of a member that is reached by a kubeconfig, and of one that is found by a label.

    It has a name of its own: by that its Works are told from those of the stack that is up beside it.
    """
    dev = Checkout(tmp_path_factory.mktemp("failing"), backend, "failing", like="dev")
    label(SITE.registered, f"{LABEL}=yes")
    dev.configure(
        host={"kubeconfig": str(api.kubeconfig), "context": HOST[1], "kind": HOST[1], "address": address_of(HOST_NODE)},
        discover={"selector": LABEL},
        members=settings_of(SITE.plain) | {SITE.registered: {"access": "karmada", "kind": SITE.registered}},
    )
    dev.select()
    yield dev
    with api.running():
        dev.select().destroy()
    label(SITE.registered, f"{LABEL}-")


@pytest.mark.parametrize("fails", [FAILS, FAILS_TO_CHANGE], ids=["all", "changes"])
def test_nobody_loses_a_tunnel_by_runs_that_end_with_an_error(both: Checkout, api: Before, fails: str) -> None:
    with api.running():
        succeeds(both.run(*GOES_ON))
    ended: list[int] = []
    with api.running(fails):
        for hours in (8_000, 8_100, 8_200):
            both.configure(certificates={"validityHours": hours})
            done = both.run(*GOES_ON)
            ended.append(done.returncode)
            print(done.stdout, done.stderr)
            assert "Traceback" not in done.stdout + done.stderr
            for name in SITE.names:
                assert answers_itself(name), hours
    with api.running():
        done = both.run(*GOES_ON)
        changes = both.select().up().summary.resource_changes
    note(
        "Away and gone",
        tried=f"three `up` with other leaves while the Karmada API answers {'all' if fails is FAILS else 'changes'} "
        "with 500 half of the time; then `up`",
        expected="errors at most, both go on answering; then all is as said",
        seen=f"exit {ended}; then exit {done.returncode}, both answered",
    )
    succeeds(done)
    assert set(changes or {}) == {"same"}


def test_a_destroy_goes_on_once_the_api_answers(both: Checkout, api: Before, before: Mapping[str, Json]) -> None:
    with api.running(FAILS):
        done = both.run(*DESTROY, "--continue-on-error")
    print(done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    with api.running():
        again = both.run(*DESTROY)
    succeeds(again)
    assert environment.agent_specs() == before
    assert in_member(SITE.registered) == []
