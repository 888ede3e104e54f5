"""What the stack's state remembers of each member that it reaches by a kubeconfig: as it was when it last answered.

Pulumi is asked for it, which takes a second: where a member does not answer, or leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusters.objects import Json, entries, items, parse, text
from clusters.programs import ask
from config.settings import MemberSettings

SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """A member's settings, None where an earlier version of this program left none, and whether it is monitored."""

    settings: MemberSettings | None
    monitored: bool


def exported(stack: str) -> Json:
    """The stack's state. Raises Unavailable."""
    return parse(ask(["pulumi", "stack", "export", f"--stack={stack}"], SECONDS))


def remembered(state: Json) -> Mapping[str, Remembered]:
    """The members in a stack's state, by name."""
    resources = items(state, "deployment", "resources")
    reached = {text(each, "urn").rpartition("::")[2] for each in resources if _is_provider(each)}
    found: dict[str, Remembered] = {}
    for each in resources:
        name, outputs = text(each, "urn").rpartition("::")[2], entries(each, "outputs")
        if (
            text(each, "type") == "karmada-anp:index:Member"
            and f"member-{name}" in reached
            and "certificateEnds" in outputs
        ):
            said = text(outputs, "settings")
            found[name] = Remembered(
                settings=MemberSettings.model_validate_json(said, context=name) if said else None,
                monitored=outputs.get("monitored") is True,
            )
    return found


def _is_provider(resource: Json) -> bool:
    return text(resource, "type") == "pulumi:providers:kubernetes"
