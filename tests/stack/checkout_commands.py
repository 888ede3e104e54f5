"""What a person, or a machine without one, runs in a checkout beside pulumi itself, for its stack."""

from __future__ import annotations

import os
import subprocess
import sys

from tools.checkout import Checkout

Done = subprocess.CompletedProcess[str]


def doctor(checkout: Checkout, *options: str) -> Done:
    """`make doctor`, as its Makefile runs it."""
    return _run(checkout, 120, sys.executable, "-m", "checks.doctor", *options)


def rotate_ca(checkout: Checkout, *options: str) -> Done:
    """`make rotate-ca`, as its Makefile runs it."""
    return _run(checkout, 1_200, sys.executable, "-m", "tools.rotate_ca", *options)


def drift(checkout: Checkout) -> Done:
    """`deploy/run.sh drift`."""
    return _run(checkout, 600, "deploy/run.sh", "drift")


def _run(checkout: Checkout, seconds: float, *command: str) -> Done:
    return subprocess.run(
        command,
        cwd=checkout.directory,
        env=os.environ | checkout.environment | {"STACK": checkout.stack},
        text=True,
        capture_output=True,
        check=False,
        timeout=seconds,
    )
