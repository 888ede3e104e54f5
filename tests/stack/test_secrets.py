"""Where private keys and the credential must not be seen after all that a stack does: every place is searched.

Places: the state, what commands print and Pulumi's event log, the clusters' events, pods and logs, and what is left in
the checkout. Left out are Works, which hold the Secret of a member that Karmada alone gets at in plain text. A value
that is planted in each place is found there, so that the search is known to find.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from clusters.errors import Unavailable
from clusters.objects import Json, entries, items, text
from clusters.programs import output_of
from tests.proof import note
from tests.stack import environment
from tests.stack.environment import HOST, KARMADA, NAMESPACE, SITE, member, settings_of
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import shell
from tools.checkout import ROOT, Checkout

pytestmark = pytest.mark.long

PART = "Secrets"
PLANTED = "planted-by-a-test"
WINDOW = 48
"""How much of an encoded key is looked for: characters that occur nowhere by chance."""

Places: TypeAlias = Mapping[str, str]
"""Everything that there is to read, by where it is."""

Needles: TypeAlias = Mapping[str, str]
"""What must not be found, by a name that may be printed."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was printed, by the command, and the keys and credentials that the clusters held meanwhile."""

    printed: Places
    needles: Needles


@pytest.fixture(scope="module")
def run(dev: Checkout) -> Run:
    """All that one does with a stack, and the engine's events: up, a change of the credential, diffs of both.

    One of its members Karmada alone gets at.
    """
    said: dict[str, str] = {}
    needles: dict[str, str] = {}

    def runs(*command: str) -> None:
        # --event-log is there for who debugs
        done = dev.run(*command, PULUMI_DEBUG_COMMANDS="true")
        said[f"output of {' '.join(command)}, {len(said)}"] = done.stdout + done.stderr
        assert done.returncode == 0, done.stderr

    afar: Json = {"access": "karmada", "kind": SITE.registered}
    dev.configure(members={**settings_of(*SITE.joined), **({SITE.registered: afar} if len(SITE.joined) > 1 else {})})
    dev.select()
    log = dev.directory.parent / "events.json"
    runs("preview", "--diff")
    runs("up", "--yes", "--diff", f"--event-log={log}")
    said["event log of up"] = log.read_text()
    needles |= in_clusters("before the change")
    said |= {f"{place}, before the change": content for place, content in every_log().items()}
    dev.configure(proxy={"credential": 2})
    runs("preview", "--diff", "--json")
    runs("preview", "--diff")
    runs("up", "--yes", "--diff", "--refresh", f"--event-log={log}")
    said["event log of the change"] = log.read_text()
    needles |= in_clusters("after the change")
    runs("stack", "output", "--json")
    runs("stack", "export")
    runs("up", "--yes", "--diff", "--json")
    return Run(printed=said, needles=needles)


@pytest.fixture(scope="module")
def planted(run: Run, dev: Checkout, backend: Path) -> Iterator[str]:
    """A value in every kind of place, until the module ends."""
    value = secrets.token_hex(24)
    (dev.directory / PLANTED).write_text(value)
    (backend / PLANTED).write_text(value)
    for end in (HOST, member("member3")):
        for each in (pod_with(value), event_with(value)):
            apply(kubectl(*end), each)
    for end in (HOST, member("member3")):
        until_logged(end, value)
    yield value
    for end in (HOST, member("member3")):
        where = [f"pod/{PLANTED}", f"event/{PLANTED}", f"--namespace={NAMESPACE}", "--grace-period=1"]
        output_of(kubectl(*end, "delete", *where), 60)


@pytest.fixture(scope="module")
def places(planted: str, run: Run, dev: Checkout, backend: Path) -> Places:
    """Everything that there is to read."""
    return {
        **run.printed,
        **{f"state {file.relative_to(backend)}": read(file) for file in files_of(backend)},
        **{f"checkout {file.relative_to(dev.directory)}": read(file) for file in left_in(dev)},
        **in_api("karmada", KARMADA, "events"),
        **in_api("host", HOST, "events", "pods"),
        **{
            place: content
            for name in environment.members()
            for place, content in in_api(name, member(name), "events", "pods").items()
        },
        **every_log(),
    }


def test_the_search_finds_a_value_that_was_planted_in_each_kind_of_place(places: Places, planted: str) -> None:
    found = {re.split(r"[ :]", place)[0] for place in where(planted, places)}
    kinds = {re.split(r"[ :]", place)[0] for place in places}
    note(
        PART,
        tried="a value planted in state, checkout, events, pods and logs, then searched for",
        expected="found in each of them",
        seen=f"found in {', '.join(sorted(where(planted, places)))}",
    )
    assert found == {"state", "checkout", "events", "pods", "log"}
    # what a command printed is text already: no plant is needed to know that it is searched
    assert kinds == found | {"output", "event"}


def test_it_finds_each_key_and_credential_in_the_secrets_that_hold_them(places: Places, run: Run) -> None:
    held = "".join(
        base64.b64decode(text(data, key)).decode() + text(data, key)
        for end in (HOST, *(member(name) for name in environment.members()))
        for secret in objects(kubectl(*end, "get", "secrets", f"--namespace={NAMESPACE}"))
        if (data := entries(secret, "data")) and text(secret, "metadata", "name").startswith("proxy-")
        for key in data
    )
    sought = {name: needle for name, needle in run.needles.items() if "after the change" in name}
    assert {name for name, needle in sought.items() if needle not in held and "header" not in name} == set()
    assert len([name for name in sought if "MAC key" in name]) >= 2 * 2
    assert len([name for name in sought if "private key" in name]) >= 2 * (1 + len(environment.members()))


def test_no_private_key_and_no_credential_is_anywhere_else(places: Places, run: Run) -> None:
    needles = {**run.needles, "the words PRIVATE KEY": "PRIVATE" + " KEY"}
    seen = [f"{name} in {place}" for name, needle in needles.items() for place in where(needle, places)]
    size = sum(map(len, places.values()))
    note(
        PART,
        tried=f"{len(needles)} pieces of keys and credentials sought in {len(places)} places, {size:,} characters",
        expected="none is found; Works, which hold Secrets in plain text, are left out",
        seen=", ".join(seen) or "none",
    )
    assert seen == []


def where(needle: str, places: Places) -> list[str]:
    """The places in which it is."""
    return [place for place, content in places.items() if needle in content]


def in_clusters(when: str) -> dict[str, str]:
    """What must not be seen: each private key and credential that Secrets hold, as it is and as it is encoded."""
    found: dict[str, str] = {}
    for end in (HOST, *(member(name) for name in environment.members())):
        for secret in objects(kubectl(*end, "get", "secrets", f"--namespace={NAMESPACE}")):
            name = text(secret, "metadata", "name")
            if name.startswith("proxy-"):
                for file, data in entries(secret, "data").items():
                    called = f"{end[1]}'s {name}/{file} {when}"
                    found |= {f"{key} of {called}": value for key, value in pieces(str(data)).items()}
    for cluster in objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io")):
        header = text(cluster, "spec", "proxyHeader", "Proxy-Authorization").removeprefix("Basic ")
        if header:
            called = f"{text(cluster, 'metadata', 'name')}'s header {when}"
            found[f"credential of {called}"] = header
            found[f"password of {called}"] = base64.b64decode(header).decode().partition(":")[2]
    assert found
    return found


def pieces(data: str) -> dict[str, str]:
    """Of a Secret's value: a private key's first line and each key of credentials, as it is and as it is encoded.

    The other lines of an elliptic curve's key are its public half, which anybody may see.
    """
    content = base64.b64decode(data).decode()
    spans: dict[str, tuple[int, int]] = {}
    for key in re.finditer(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(\S+)\n", content):
        spans["private key"] = key.span(1)
    for i, key in enumerate(re.finditer(r"hmac\(sha256,([A-Za-z0-9+/]{40,}=*)\)", content)):
        spans[f"MAC key {i + 1}"] = key.span(1)
    found: dict[str, str] = {}
    for name, (start, end) in spans.items():
        found[name] = content[start:end]
        # three bytes are four characters: what is encoded of it alone
        found[f"{name}, encoded"] = data[-(-start // 3) * 4 : end // 3 * 4][:WINDOW]
    return found


def in_api(name: str, end: tuple[str, str], *kinds: str) -> dict[str, str]:
    """Objects of all namespaces, as the API has them."""
    return {
        f"{kind} of {name}": output_of(kubectl(*end, "get", kind, "--all-namespaces", "--output=json"), 30)
        for kind in kinds
    }


def every_log() -> dict[str, str]:
    """Of the host and of each member."""
    ends = {"host": HOST, **{name: member(name) for name in environment.members()}}
    return {place: content for name, end in ends.items() for place, content in logs(name, end).items()}


def logs(name: str, end: tuple[str, str]) -> dict[str, str]:
    """What each container in the namespace of Karmada and the proxies logged, the one before a restart as well."""
    found: dict[str, str] = {}
    for pod in objects(kubectl(*end, "get", "pods", f"--namespace={NAMESPACE}")):
        for container in items(pod, "spec", "containers"):
            of = [text(pod, "metadata", "name"), f"--container={text(container, 'name')}", f"--namespace={NAMESPACE}"]
            place = f"log of {name}: {of[0]} {text(container, 'name')}"
            found[place] = output_of(kubectl(*end, "logs", *of), 30)
            # there is none where the container never ended
            with suppress(Unavailable):
                found[f"{place}, before"] = output_of(kubectl(*end, "logs", *of, "--previous"), 30)
    return found


def files_of(directory: Path) -> Iterator[Path]:
    """The files in a directory; links are not followed."""
    for each in sorted(directory.iterdir()):
        if each.is_dir() and not each.is_symlink():
            yield from files_of(each)
        elif each.is_file():
            yield each


def left_in(checkout: Checkout) -> Iterator[Path]:
    """Files in a checkout that are not the program's own, nor ANP's sources, which hold keys for their own tests."""
    for file in files_of(checkout.directory):
        name = file.relative_to(checkout.directory)
        own = ROOT / name
        if name.parts[0] not in (".sources", ".venv") and not (own.is_file() and own.read_bytes() == file.read_bytes()):
            yield file


def read(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


def pod_with(value: str) -> Json:
    """A pod that has it in its environment and logs it."""
    return shell(PLANTED, NAMESPACE, "sh", "-c", "echo $VALUE; exec sleep 600", VALUE=value)


def event_with(value: str) -> Json:
    """An event that tells it."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": PLANTED, "namespace": NAMESPACE},
        "involvedObject": {"kind": "Pod", "name": PLANTED, "namespace": NAMESPACE},
        "message": value,
        "reason": "Planted",
        "type": "Normal",
    }


def until_logged(end: tuple[str, str], value: str) -> None:
    """Waits until the pod has said it."""
    output_of(kubectl(*end, "wait", f"pod/{PLANTED}", f"--namespace={NAMESPACE}", "--for=condition=Ready"), 60)
    ends = time.monotonic() + 20
    while (
        value not in output_of(kubectl(*end, "logs", PLANTED, f"--namespace={NAMESPACE}")) and time.monotonic() < ends
    ):
        time.sleep(0.5)
