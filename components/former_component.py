"""Aliases for the children of components that are gone: until 0.1.0 these resources had a component of their own.

A component costs three writes of the whole state in an `up`, as one of a hundred members.
"""

from __future__ import annotations

from pulumi import Alias, ResourceOptions, create_urn


def child_of_former(component: str, name: str, opts: ResourceOptions) -> ResourceOptions:
    """Options by which a resource keeps the state that it had as a child of this component of the options' parent."""
    urn = create_urn(name, f"karmada-anp:index:{component}", opts.parent)
    return ResourceOptions.merge(opts, ResourceOptions(aliases=[Alias(parent=urn)]))
