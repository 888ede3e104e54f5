"""An example of what a team wants of resources and no config key says. Copied beside __main__.py it is used.

`make preview` shows what it changes. It is Pulumi's own way: pulumi.com/docs/iac/concepts/resources/options/transforms
"""

from collections.abc import Mapping
from typing import Any

from pulumi import Output, ResourceTransformArgs, ResourceTransformResult

OWNER = {"example.org/owner": "network-team"}
DNS = {"options": [{"name": "ndots", "value": "2"}]}


def transform(args: ResourceTransformArgs) -> ResourceTransformResult | None:
    """Every Kubernetes object of the stack says whose it is, and pods ask the DNS with fewer tries.

    What is patched belongs to others: `DeploymentPatch` of karmada-agent, `ClusterPatch` of Karmada's Cluster.
    """
    if not args.type_.startswith("kubernetes:") or args.type_.endswith("Patch") or "metadata" not in args.props:
        return None
    changed = {"metadata": Output.from_input(args.props["metadata"]).apply(_owned)}
    if args.type_ == "kubernetes:apps/v1:Deployment":
        changed["spec"] = Output.from_input(args.props["spec"]).apply(_asking_less)
    return ResourceTransformResult(props={**args.props, **changed}, opts=args.opts)


def _owned(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**metadata, "labels": {**metadata.get("labels", {}), **OWNER}}


def _asking_less(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    template = spec["template"]
    return {**spec, "template": {**template, "spec": {**template["spec"], "dnsConfig": DNS}}}
