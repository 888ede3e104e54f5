"""Replaces the keys of both CAs in three ups: trust the next key too, sign with it, trust it alone.

Run again after an interruption it goes on from the step that the stack's config says, from its beginning. Where no
change of keys is under way, it begins one. STACK is the stack.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from pydantic import ValidationError

from clusters.objects import entries, items, parse, text
from config.problems import PROJECT
from config.settings import Certificates
from tools.stack import answer, name, run

SECTION = f"{PROJECT}:certificates"


@dataclass(frozen=True)
class Step:
    """What the config says: the generation that signs, and those that are trusted."""

    signs: int
    trusted: frozenset[int]

    def __str__(self) -> str:
        return f"generation {self.signs} signs, trusted: {', '.join(map(str, sorted(self.trusted)))}"

    @property
    def is_last(self) -> bool:
        """Whether there is one key alone."""
        return self.trusted == frozenset({self.signs})


def next_step(step: Step) -> Step:
    """What comes after a step."""
    if step.is_last:
        return Step(step.signs, step.trusted | {step.signs + 1})
    newest = max(step.trusted)
    return Step(newest, step.trusted) if step.signs < newest else Step(newest, frozenset({newest}))


def main() -> int:
    """0 once the new keys alone are trusted everywhere; an `up`'s own exit code if one fails."""
    # in this order: a stack that is not there is not made by looking at its config
    was, step = deployed(), configured()
    if step.is_last and was in (step, None):
        step = next_step(step)
    while True:
        configure(step)
        print(f"CA keys: {step}", flush=True)
        up = run("up", "--yes", "--skip-preview")
        if up:
            print(f"CA keys: not yet everywhere: {step}. Run this again to go on.", file=sys.stderr)
            return up
        if step.is_last:
            print(f"CA keys: done, {step}")
            return 0
        step = next_step(step)


def configured() -> Step:
    """What the stack's config says."""
    section = parse(text(entries(answer("config", "--json")), SECTION, "value") or "{}")
    try:
        certificates = Certificates.model_validate(section)
    except ValidationError:
        raise SystemExit(f"{SECTION} has problems: `pulumi preview` says which") from None
    return Step(certificates.ca_key, frozenset(certificates.trusted))


def deployed() -> Step | None:
    """What the last `up` that ended well deployed everywhere; None where there was none."""
    keys = [each for each in items(answer("stack", "output", "--json"), "caKeys") if isinstance(each, int)]
    return Step(keys[0], frozenset(keys)) if keys else None


def configure(step: Step) -> None:
    """Writes a step into the stack's config."""
    commands = [["set", "--path", f"{SECTION}.caKey", str(step.signs)]]
    if step.is_last:
        commands.append(["rm", "--path", f"{SECTION}.trustedCaKeys"])
    else:
        trusted = enumerate(sorted(step.trusted))
        commands += [["set", "--path", f"{SECTION}.trustedCaKeys[{i}]", str(each)] for i, each in trusted]
    for command in commands:
        if run("config", *command):
            raise SystemExit(f"{SECTION} could not be set to: {step}")


if __name__ == "__main__":
    name()
    sys.exit(main())
