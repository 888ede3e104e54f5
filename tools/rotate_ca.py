"""Replaces the keys of both CAs in three ups: trust the next key too, sign with it, trust it alone.

Run again after an interruption it goes on from the step that the stack's config says, from its beginning. Where no
change of keys is under way, it begins one. STACK is the stack; `--force` does not wait for members that are away.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pydantic import ValidationError

from clusters.objects import entries, items, parse, text
from config.problems import PROJECT, pulumi_command
from config.settings import Certificates
from tools.stack import answer, name, run

SECTION = f"{PROJECT}:certificates"

Step = tuple[int, ...]
"""The generations that are trusted, the first one signs: `certificates.caKeys`."""


def next_step(step: Step) -> Step:
    """What comes after a step: (1,), (1, 2), (2, 1), (2,)."""
    if len(step) == 1:
        return (*step, step[0] + 1)
    return (max(step), min(step)) if step[0] < step[1] else step[:1]


def said(step: Step) -> str:
    """A step in words."""
    return f"generation {step[0]} signs, trusted: {', '.join(map(str, sorted(step)))}"


def main(*, force: bool = False) -> int:
    """0 once the new keys alone are trusted everywhere; an `up`'s own exit code if one fails.

    Each step waits until the one before it has reached every member that is not paused, unless by `force`: a member
    that trusts the former key alone refuses a server that has its certificate from the new one.
    """
    # in this order: a stack that is not there is not made by looking at its config
    was, step = deployed(), configured()
    if len(step) == 1 and was in (step, ()):
        step = configure(next_step(step))
    while True:
        print(f"CA keys: {said(step)}", flush=True)
        up = run("up", "--yes", "--skip-preview")
        if up:
            print(f"CA keys: not yet everywhere: {said(step)}. Run this again to go on.", file=sys.stderr)
            return up
        if len(step) == 1:
            print(f"CA keys: done, {said(step)}")
            return 0
        away = behind()
        if away and not force:
            print(
                f"CA keys: not yet everywhere: {said(step)}. Away: {', '.join(away)}. Run this again when they are "
                "back;\n  `make rotate-ca ARGS=--force` goes on, and cuts them off until the first `up` after that.",
                file=sys.stderr,
            )
            return 1
        step = configure(next_step(step))


def behind() -> Sequence[str]:
    """The members that have their part of the stack, and were away in the last `up`."""
    outputs = answer("stack", "output", "--json")
    return [str(each) for each in items(outputs, "behind") if each in entries(outputs, "members")]


def configured() -> Step:
    """What the stack's config says."""
    section = parse(text(entries(answer("config", "--json")), SECTION, "value") or "{}")
    try:
        return tuple(Certificates.model_validate(section).ca_keys)
    except ValidationError:
        raise SystemExit(f"{SECTION} has problems: `{pulumi_command('preview')}` says which") from None


def deployed() -> Step:
    """What the last `up` that ended well deployed everywhere; nothing where there was none."""
    return tuple(each for each in items(answer("stack", "output", "--json"), "caKeys") if isinstance(each, int))


def configure(step: Step) -> Step:
    """Writes a step into the stack's config, in one go: another program may read it at any time."""
    keys: Sequence[str] = [f"{SECTION}.caKeys[{i}]={each}" for i, each in enumerate(step)]
    command = ["set-all", "--path", *(word for key in keys for word in ("--plaintext", key))]
    if len(step) == 1:
        # the key that signs stays the first
        command = ["rm", "--path", f"{SECTION}.caKeys[1]"]
    if run("config", *command):
        raise SystemExit(f"{SECTION} could not be set to: {said(step)}")
    return step


if __name__ == "__main__":
    name()
    sys.exit(main(force=sys.argv[1:] == ["--force"]))
