"""`make rotate-ca`: replaces the keys of all CAs in three ups: trust the next key too, sign with it, trust it alone.

Run again after an interruption, it repeats the step that the stack's config says and goes on from there. Where no
rotation is under way, it begins one. STACK is the stack; `--force` does not wait for members that are away.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pydantic import ValidationError

from clusters.objects import entries, items, parse, text
from config.certificate_settings import Certificates
from config.problems import PROJECT, pulumi_command
from tools.stack import answer, name, run

SECTION = f"{PROJECT}:certificates"

Step = tuple[int, ...]
"""A value of `certificates.caKeys`: the generations that are trusted; the first one signs."""


def next_step(step: Step) -> Step:
    """The step after a step: (1,), (1, 2), (2, 1), (2,)."""
    if len(step) == 1:
        return (*step, step[0] + 1)
    return (max(step), min(step)) if step[0] < step[1] else step[:1]


def said(step: Step) -> str:
    """A step in words."""
    return f"generation {step[0]} signs, trusted: {', '.join(map(str, sorted(step)))}"


def main(*, force: bool = False) -> int:
    """Makes the steps. Returns 0 once only the new keys are trusted in every member that is not paused, an `up`'s own
    exit code if one fails, and 1 where members are away. Ends the program where a step is not the deployed one or the
    one after it.

    Unless `force` is set, a step begins only when the one before has reached every member that is not paused: a member
    that trusts the former key alone refuses a server whose certificate the new one signed.
    """
    was, step = deployed(), configured()
    # no rotation is under way: the configured key is the deployed one, or nothing is deployed
    if len(step) == 1 and was in (step, ()):
        step = configure(next_step(step))
    while True:
        if was and step not in (was, next_step(was)):
            raise SystemExit(
                f"CA keys: deployed is: {said(was)}; the config says: {said(step)}, which is not the step after it. "
                f"Another copy of the config was deployed: set {SECTION}.caKeys to the stack's output caKeys"
            )
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
                f"back;\n  `make rotate-ca STACK={name()} ARGS=--force` goes on: they lose the tunnel until the first "
                "`up` after they are back.",
                file=sys.stderr,
            )
            return 1
        was, step = deployed(), configure(next_step(step))


def behind() -> Sequence[str]:
    """The members of the stack that were away in the last `up`."""
    outputs = answer("stack", "output", "--json")
    return [str(each) for each in items(outputs, "behind") if each in entries(outputs, "members")]


def configured() -> Step:
    """The step in the stack's config. Ends the program where that section has problems."""
    section = parse(text(entries(answer("config", "--json")), SECTION, "value") or "{}")
    try:
        return tuple(Certificates.model_validate(section).ca_keys)
    except ValidationError:
        raise SystemExit(f"{SECTION} has problems: `{pulumi_command('preview')}` says which") from None


def deployed() -> Step:
    """The step that the last successful `up` deployed in every member that was not paused or away; empty where there
    was none."""
    return tuple(each for each in items(answer("stack", "output", "--json"), "caKeys") if isinstance(each, int))


def configure(step: Step) -> Step:
    """Writes a step into the stack's config and returns it. It is one command: another run of pulumi never reads
    half of it."""
    keys: Sequence[str] = [f"{SECTION}.caKeys[{i}]={each}" for i, each in enumerate(step)]
    command = ["set-all", "--path", *(word for key in keys for word in ("--plaintext", key))]
    if len(step) == 1:
        # the signing key is already the first
        command = ["rm", "--path", f"{SECTION}.caKeys[1]"]
    if run("config", *command):
        raise SystemExit(f"{SECTION} could not be set to: {said(step)}")
    return step


if __name__ == "__main__":
    name()
    sys.exit(main(force=sys.argv[1:] == ["--force"]))
