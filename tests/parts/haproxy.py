"""A real HAProxy on loopback: one that is installed or, where none is, the guard's own image if Docker has it."""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, create_server

IMAGE = "haproxy:3.2-alpine"
ABSENT = f"there is no HAProxy: install the package haproxy (2.6 or later), or docker pull {IMAGE}"
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
"""Debian's users do not have its directory in theirs."""

PORTS = (15_000, 32_000)
"""Below those that Linux gives to connections that go out (net.ipv4.ip_local_port_range), of which some tests make
ten thousand."""

LONGEST = 20.0
"""Seconds that any of this may take."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """HAProxy as a binary or, where that is empty, from the guard's image. It reads the files of one directory."""

    directory: Path
    binary: str

    def command(self, name: str, environment: Mapping[str, str], *arguments: str) -> Sequence[str]:
        """How to run it; a container gets the name."""
        variables = [f"{each}={value}" for each, value in environment.items()]
        if self.binary:
            return ["env", *variables, self.binary, *arguments]
        run = ["docker", "run", "--rm", "--name", name, "--network", "host", "--user", f"{os.getuid()}:{os.getgid()}"]
        mounted = ["--volume", f"{self.directory}:{self.directory}:ro", "--entrypoint", "haproxy"]
        return [*run, *(f"--env={each}" for each in variables), *mounted, IMAGE, *arguments]

    def end(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Ends what was run, whatever it does."""
        if not self.binary:
            _said(["docker", "rm", "--force", name])
        process.terminate()
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(LONGEST)


def find(directory: Path) -> Program | None:
    """An installed HAProxy; else the guard's image, if it is here; else None."""
    binary = shutil.which("haproxy", path=PATH)
    if binary:
        return Program(directory=directory, binary=binary)
    if shutil.which("docker") and _said(["docker", "image", "inspect", IMAGE]).returncode == 0:
        return Program(directory=directory, binary="")
    return None


def check(program: Program, configuration: Path, environment: Mapping[str, str] | None = None) -> str:
    """What `haproxy -c` has against a configuration, warnings too: nothing, where there is nothing. What 3.3 and later
    say of more threads than this machine has CPUs is left out."""
    said = _said(program.command(_name(), environment or {}, "-c", "-f", str(configuration)))
    if said.returncode:
        return said.stdout + said.stderr or f"exit {said.returncode}"
    against = [line for line in (said.stdout + said.stderr).splitlines() if re.search(r"\[(WARNING|ALERT)\]", line)]
    return "\n".join(line for line in against if "some threads will compete for the same CPU" not in line)


@contextmanager
def running(program: Program, configuration: Path, environment: Mapping[str, str] | None = None) -> Generator[Path]:
    """HAProxy with a configuration, from when all its ports answer; yields the file that its log goes to."""
    log, name = configuration.with_suffix(".log"), _name()
    with log.open("wb") as output:
        command = program.command(name, environment or {}, "-db", "-f", str(configuration))
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        for address in _bound(configuration.read_text()):
            _wait(process, address, log)
        yield log
    finally:
        program.end(name, process)


def replaced(configuration: str, changes: Mapping[str, str]) -> str:
    """A configuration in which texts are others, each of which it must have once."""
    for ours, here in changes.items():
        assert configuration.count(ours) == 1, ours
        configuration = configuration.replace(ours, here)
    return configuration


def free_ports(count: int) -> Sequence[int]:
    """Different ports of 127.0.0.1 on which nobody listens, and which no connection that goes out is given."""
    found: list[int] = []
    with ExitStack() as listening:
        while len(found) < count:
            port = random.randrange(*PORTS)
            with suppress(OSError):
                listening.enter_context(create_server(("127.0.0.1", port)))
                found.append(port)
    return found


def _bound(configuration: str) -> Sequence[tuple[str, int]]:
    """The addresses that a configuration listens on, in its order: the last may answer later than the first."""
    addresses = [each for bind in re.findall(r"^ *bind (\S+)", configuration, re.MULTILINE) for each in bind.split(",")]
    return [(host, int(port)) for host, _, port in (each.rpartition(":") for each in addresses)]


def _wait(process: subprocess.Popen[bytes], address: tuple[str, int], log: Path) -> None:
    ends = time.monotonic() + LONGEST
    while time.monotonic() < ends and process.poll() is None:
        try:
            create_connection(address, 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"HAProxy does not answer on {address}: {log.read_text()}")


def _said(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)


def _name() -> str:
    return f"karmada-anp-parts-{secrets.token_hex(4)}"
