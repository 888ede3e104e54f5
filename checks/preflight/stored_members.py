"""The stack's state: the settings of each member with a kubeconfig, as of the last `up` in which it answered.

`pulumi stack export` takes a second, so it runs only if a member does not answer, or leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from clusters.objects import Json, entries, items, parse, text
from clusters.programs import output_of
from config.settings import MemberSettings

SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class StoredMember:
    """A member's settings, and whether it is monitored. The settings are None if an earlier version of this program
    stored none, or some that this one does not accept."""

    settings: MemberSettings | None
    monitored: bool


def exported_state(stack: str) -> Json:
    """The stack's state as JSON. Raises Unavailable."""
    return parse(output_of(["pulumi", "stack", "export", f"--stack={stack}"], SECONDS))


def stored_members(state: Json) -> Mapping[str, StoredMember]:
    """The members with a kubeconfig in a stack's state, by name."""
    resources = items(state, "deployment", "resources")
    reached = {text(each, "urn").rpartition("::")[2] for each in resources if _is_provider(each)}
    found: dict[str, StoredMember] = {}
    for each in resources:
        name, outputs = text(each, "urn").rpartition("::")[2], entries(each, "outputs")
        if (
            text(each, "type") == "karmada-anp:index:Member"
            and f"member-{name}" in reached
            and "certificateEnds" in outputs
        ):
            settings = _settings(name, text(outputs, "settings"))
            found[name] = StoredMember(settings=settings, monitored=outputs.get("monitored") is True)
    return found


def _settings(member: str, said: str) -> MemberSettings | None:
    try:
        return MemberSettings.model_validate_json(said, context=member) if said else None
    except ValidationError:
        return None


def _is_provider(resource: Json) -> bool:
    return text(resource, "type") == "pulumi:providers:kubernetes"
