"""Which cluster an object goes to is said by a provider of the program's own, never by the context of the moment."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource

DEFAULT = "default"
"""How the name of a provider begins that the engine makes by itself."""


def objects_are_on_an_explicit_provider(resource: Resource) -> Iterator[str]:
    """The default provider takes the current context of whoever runs it."""
    if resource.is_kubernetes and (not resource.provider or resource.provider.startswith(DEFAULT)):
        yield f"{resource} is on the default provider: hand it one of components/clusters.py in its options"
