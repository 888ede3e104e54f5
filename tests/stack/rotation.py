"""`make rotate-ca` of a checkout's stack, as make runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from tools.checkout import Checkout


def rotate_ca(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What became of it."""
    return subprocess.run(
        [sys.executable, "-m", "tools.rotate_ca", *arguments],
        cwd=checkout.directory,
        env=os.environ | checkout.environment | {"STACK": checkout.stack},
        text=True,
        capture_output=True,
        check=False,
        timeout=1200,
    )
