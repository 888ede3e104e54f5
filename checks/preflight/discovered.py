"""Who comes and who goes, where members are found by a selector: a mistyped one would take their tunnels away."""

from __future__ import annotations

from checks.delivered import WORKS
from checks.outcomes import listed
from checks.preflight.facts import Facts
from clusters.api import Asking
from clusters.errors import Unavailable
from clusters.objects import is_going, text
from components.anp import EXECUTION_SPACE, OF_STACK
from config.problems import PROJECT, Problem, config_set
from config.settings import Settings

SHARE = 10


def unasked(of: int) -> float:
    """How many of so many members may leave, or be away, without being asked for: a tenth, and always one."""
    return max(1, of / SHARE)


def facts_of_discovered(asking: Asking, settings: Settings, stack: str) -> Facts:
    """That many leave at once, and else who comes and who goes. What members have Karmada's Works of the stack tell."""
    key, named = "discover.leaving", {each.name for each in settings.members}
    try:
        works = asking.all(settings.host.karmada, WORKS, labels=f"{OF_STACK}={stack}")
    except Unavailable as reason:
        why = f"the Karmada API does not tell which members have Works of this stack: {reason}"
        return Facts([Problem("discover", why, "see to that API, or give that user the right to list Works")])
    space = EXECUTION_SPACE.format("")
    had = {text(each, "metadata", "namespace").removeprefix(space) for each in works if not is_going(each)}
    come = sorted({each.name for each in settings.delivered} - had)
    leave = sorted(had - named)
    if len(leave) > max(unasked(len(had)), settings.discover.leaving):
        why = f"{len(leave)} of {len(had)} members would leave: {listed(leave)}"
        return Facts([Problem(key, why, f"see to discover.selector, or {config_set(key, str(len(leave)))}")])
    news = ((come, "join the stack"), (leave, "leave it"))
    return Facts(news=[f"{PROJECT}:discover: {listed(names)} {what}" for names, what in news if names])
