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

NO_ORGANIZATION = "organization"
"""What Pulumi says where its backend has none."""


@dataclass(frozen=True, kw_only=True)
class StoredMember:
    """A member's settings, and whether it is monitored. The settings are None if an earlier version of this program
    stored none, or some that this one does not accept.

    It is `complete` once karmada-agent's flags are set, and while no object there failed to become ready: Pulumi goes
    on with such an object in each `up`, though nothing of it has changed.
    """

    settings: MemberSettings | None
    monitored: bool
    complete: bool


def exported_state(stack: str, organization: str) -> Json:
    """The stack's state as JSON. Raises Unavailable. Without a backend that has organizations, `organization` is
    NO_ORGANIZATION."""
    name = stack if organization == NO_ORGANIZATION else f"{organization}/{stack}"
    return parse(output_of(["pulumi", "stack", "export", f"--stack={name}"], SECONDS))


def stored_members(state: Json) -> Mapping[str, StoredMember]:
    """The members with a kubeconfig in a stack's state, by name."""
    resources = items(state, "deployment", "resources")
    reached = {_name(each) for each in resources if _is_provider(each)}
    inside: dict[str, list[Json]] = {}
    for each in resources:
        inside.setdefault(text(each, "provider").rpartition("::")[0].rpartition("::")[2], []).append(each)
    found: dict[str, StoredMember] = {}
    for each in resources:
        name, outputs = _name(each), entries(each, "outputs")
        there = inside.get(f"member-{name}", [])
        if (
            text(each, "type") == "karmada-anp:index:Member"
            and f"member-{name}" in reached
            and ("certificateEnds" in outputs or there)
        ):
            found[name] = StoredMember(
                settings=_settings(name, text(outputs, "settings")),
                monitored=outputs.get("monitored") is True,
                complete=any(map(_is_patch, there)) and not any(items(one, "initErrors") for one in there),
            )
    return found


def _name(resource: Json) -> str:
    return text(resource, "urn").rpartition("::")[2]


def _is_patch(resource: Json) -> bool:
    """Whether it is what sets karmada-agent's flags."""
    return text(resource, "type") == "kubernetes:apps/v1:DeploymentPatch"


def _settings(member: str, said: str) -> MemberSettings | None:
    try:
        return MemberSettings.model_validate_json(said, context=member) if said else None
    except ValidationError:
        return None


def _is_provider(resource: Json) -> bool:
    return text(resource, "type") == "pulumi:providers:kubernetes"
