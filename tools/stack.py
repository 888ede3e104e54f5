"""Runs tools/pulumi.sh on the stack STACK, to read its config and outputs or to run another pulumi command."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pulumi

from clusters.objects import Json, at, entries, parse, text
from clusters.workstation import ThisMachine
from config import stack_config
from config.problems import PROJECT
from config.settings import Settings
from tools.checkout import ROOT

PULUMI = str(ROOT / "tools" / "pulumi.sh")

ANY_IMAGES = json.dumps({"server": "any", "agent": "any"})
"""Stands in for `images`, which may hold something encrypted: pulumi prints no value then, and none is needed here."""


def name() -> str:
    """The stack's name. Ends the program where STACK is not set."""
    if not os.environ.get("STACK"):
        raise SystemExit("STACK names no stack: STACK=dev, for one")
    return os.environ["STACK"]


def run(*command: str) -> int:
    """Runs a pulumi command on the stack, and returns its exit code. ^C at a terminal is pulumi's: it is waited for
    until it has ended in order, and recorded what it did."""
    with subprocess.Popen([PULUMI, *command]) as running:
        # only now: pulumi would inherit it
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return running.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def answer(*command: str) -> Json:
    """Runs a pulumi command on the stack, and returns the JSON that it prints.

    Ends the program with pulumi's own message and exit code if the command fails.
    """
    done = subprocess.run([PULUMI, *command], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    return parse(done.stdout)


def outputs() -> Json:
    """The outputs of the stack's last `up`; an empty object where there was none."""
    return answer("stack", "output", "--json")


def settings() -> Settings:
    """The stack's settings, with defaults and look-ups. Raises pulumi.RunError with all problems."""
    stack = entries(answer("config", "--json"))
    prefix = f"{PROJECT}:"
    own = {key.removeprefix(prefix): value for key, value in stack.items() if key.startswith(prefix)}
    values = {key: text(value, "value") for key, value in own.items()}
    encrypted = [key for key, value in own.items() if at(value, "secret") is True]
    for key in encrypted:
        if key != "images":
            raise pulumi.RunError(f"{prefix}{key} holds something encrypted, and cannot be read here")
        values[key] = ANY_IMAGES
    return stack_config.load(values, ThisMachine())
