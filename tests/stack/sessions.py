"""Sessions through Karmada that are not read, one in each direction, as a person leaves them who presses Ctrl-Z.

ANP has no flow control between sessions: without tcp-ut in both guards each of these stops the whole member.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.stack.environment import through_karmada

LARGE = 400 * 2**20
"""Bytes that are sent to who reads none: more than all buffers on the way hold."""

Session = Callable[[str, str], AbstractContextManager[subprocess.Popen[bytes]]]
"""A session with a pod of a member, for as long as the block lasts."""


@contextmanager
def unread_download(member: str, pod: str) -> Generator[subprocess.Popen[bytes]]:
    """A client that stops while the other end goes on sending."""
    command = [*through_karmada(member), "exec", pod, "--", "cat", "/dev/zero"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.read(2**20)
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def unread_upload(member: str, pod: str) -> Generator[subprocess.Popen[bytes]]:
    """A client that sends to what does not read."""
    zeros = subprocess.Popen(["head", f"--bytes={LARGE}", "/dev/zero"], stdout=subprocess.PIPE)
    command = [*through_karmada(member), "exec", "--stdin", pod, "--", "sleep", "50"]
    process = subprocess.Popen(command, stdin=zeros.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert zeros.stdout
    zeros.stdout.close()
    try:
        yield process
    finally:
        for each in (process, zeros):
            each.kill()
            each.wait(10)


STALLS: Mapping[str, Session] = {
    "a client that stops reading": unread_download,
    "an upload that is not read": unread_upload,
}
