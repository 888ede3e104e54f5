"""What a member that Karmada alone gets at has, in its own cluster and in the Karmada API."""

from __future__ import annotations

from collections.abc import Sequence

from clusters.objects import Json, items, text
from clusters.programs import output_of
from components.anp import DELIVERED_AGENT, EXECUTION_SPACE, OF_STACK
from tests.stack import environment
from tests.stack.environment import KARMADA, NAMESPACE
from tests.stack.kubectl import kubectl, objects
from tests.stack.nodes import pods, uid_of
from tests.stack.refusals import succeeds
from tools.checkout import Checkout


def cluster(name: str) -> Json:
    (found,) = objects(kubectl(*KARMADA, "get", "clusters.cluster.karmada.io", name))
    return found


def proxy_url(name: str) -> str:
    return text(cluster(name), "spec", "proxyURL")


def args(name: str) -> Sequence[Json]:
    """Of karmada-agent in a member."""
    (found,) = objects(
        kubectl(*environment.member(name), "get", "deployment/karmada-agent", f"--namespace={NAMESPACE}")
    )
    return items(items(found, "spec", "template", "spec", "containers")[0], "args")


def label(name: str, given: str) -> None:
    """Gives a Cluster object a label (`key=value`), or takes one away (`key-`)."""
    output_of(kubectl(*KARMADA, "label", "--overwrite", f"clusters.cluster.karmada.io/{name}", given))


def works(name: str) -> Sequence[Json]:
    where = [f"--namespace={EXECUTION_SPACE.format(name)}", f"--selector={OF_STACK}"]
    return objects(kubectl(*KARMADA, "get", "works.work.karmada.io", *where))


def in_member(name: str) -> list[str]:
    """What a member has of the stack, by kind and name."""
    kinds = "deployments,secrets,networkpolicies,poddisruptionbudgets,roles,rolebindings"
    found = objects(kubectl(*environment.member(name), "get", kinds, f"--namespace={NAMESPACE}"))
    named = {f"{text(each, 'kind')}/{text(each, 'metadata', 'name')}": text(each, "metadata", "name") for each in found}
    return [each for each, of in named.items() if of.startswith(("proxy-", "karmada-anp"))]


def clear(name: str) -> None:
    """Deletes by hand what a member still has of the stack."""
    left = in_member(name)
    if left:
        output_of(kubectl(*environment.member(name), "delete", f"--namespace={NAMESPACE}", *left), 60)


def agents(name: str) -> set[str]:
    return {uid_of(each) for each in pods(environment.member(name), DELIVERED_AGENT)}


def unchanged(afar: Checkout) -> None:
    succeeds(afar.run("preview", "--expect-no-changes"))
    assert set(afar.select().up().summary.resource_changes or {}) == {"same"}
    succeeds(afar.run("refresh", "--yes", "--skip-preview", "--expect-no-changes"))
    succeeds(afar.run("preview", "--expect-no-changes"))
