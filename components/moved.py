"""Aliases of resources that have moved out of a component.

In 0.1.0 and before they were children of a component of their own. A component costs three writes of the whole state in
the `up` that makes it, which a hundred members feel. This may go once no stack of 0.1.0 is upgraded any more.
"""

from __future__ import annotations

from pulumi import Alias, ResourceOptions, create_urn


def moved_out_of(component: str, name: str, opts: ResourceOptions) -> ResourceOptions:
    """Options by which a resource keeps the state that it had in a component of this type and name, a child of the
    options' parent."""
    urn = create_urn(name, f"karmada-anp:index:{component}", opts.parent)
    return ResourceOptions.merge(opts, ResourceOptions(aliases=[Alias(parent=urn)]))
