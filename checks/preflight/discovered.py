"""Members that join or leave, if a selector finds them: a mistyped one would remove many tunnels."""

from __future__ import annotations

from checks.delivered import WORKS
from checks.outcomes import listed
from checks.preflight.facts import Facts
from clusters.api import KubernetesApis
from clusters.errors import Unavailable
from clusters.objects import is_terminating, text
from components.anp import EXECUTION_SPACE, OF_STACK
from config.problems import PROJECT, Problem, config_set
from config.settings import Settings

SHARE = 10


def default_limit(of: int) -> float:
    """How many of `of` members may leave, or be away, unless the config sets a limit: a tenth, and at least one."""
    return max(1, of / SHARE)


def facts_of_discovered(apis: KubernetesApis, settings: Settings, stack: str) -> Facts:
    """A problem if too many members leave at once, else news of who joins and leaves, by the stack's Works."""
    key, named = "discover.leaving", {each.name for each in settings.members}
    try:
        works = apis.all(settings.host.karmada, WORKS, labels=f"{OF_STACK}={stack}")
    except Unavailable as reason:
        why = f"the Karmada API does not tell which members have Works of this stack: {reason}"
        return Facts([Problem("discover", why, "see to that API, or give that user the right to list Works")])
    space = EXECUTION_SPACE.format("")
    had = {text(each, "metadata", "namespace").removeprefix(space) for each in works if not is_terminating(each)}
    come = sorted({each.name for each in settings.delivered} - had)
    leave = sorted(had - named)
    if len(leave) > max(default_limit(len(had)), settings.discover.leaving):
        why = f"{len(leave)} of {len(had)} members would leave: {listed(leave)}"
        return Facts([Problem(key, why, f"see to discover.selector, or {config_set(key, str(len(leave)))}")])
    news = ((come, "join the stack"), (leave, "leave it"))
    return Facts(news=[f"{PROJECT}:discover: {listed(names)} {what}" for names, what in news if names])
