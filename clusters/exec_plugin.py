"""Runs a kubeconfig's exec plugin for a limited time: `python exec_plugin.py SECONDS COMMAND…`.

The official client waits for a plugin for ever, as for one that asks for a login which nobody sees.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence


def main(seconds: str, command: Sequence[str]) -> int:
    """Prints what the plugin prints, and returns its exit code; 124 if it takes too long, 127 if it cannot be run."""
    # at a terminal it may ask for something; a pipe that its own children keep open must not be waited for
    stderr = None if sys.stderr.isatty() else subprocess.PIPE
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=stderr, timeout=float(seconds), check=False, text=True
        )
    except subprocess.TimeoutExpired:
        print(f"{command[0]} gave no answer within {seconds} s", file=sys.stderr)
        return 124
    except OSError as error:
        print(error, file=sys.stderr)
        return 127
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr or "")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
