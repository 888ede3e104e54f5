"""The prod stack, an example for real clusters: it deploys what it says, and says what each key is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clusters.objects import at, entries, items, number, text
from tests.unit.reading import agents, arguments, containers, of_kind, pods
from tools.render.config_table import rows
from tools.render.mocks import PLACEHOLDER
from tools.render.program import Run
from tools.render.stackfile import ROOT

FILE = ROOT / "Pulumi.prod.yaml"
KEY = re.compile(r"( *)([A-Za-z][\w./:-]*?):(?: |$)")
"""A line of a key, with its indentation."""

NAMESPACE = "karmada-tunnel"
MEMBERS = ("edge-berlin", "edge-lisbon")


def test_two_members_and_two_servers_behind_a_load_balancer(prod: Run) -> None:
    assert set(entries(prod.stack.outputs, "members")) == set(MEMBERS)
    assert number(prod.the("Deployment", "proxy-server").inputs, "spec", "replicas") == 2
    assert text(prod.the("Service", "proxy-server-agents").inputs, "spec", "type") == "LoadBalancer"
    for agent in agents(prod).values():
        assert arguments(entries(agent.inputs, "spec", "template"), "proxy-agent")["proxy-server-host"] == PLACEHOLDER


def test_the_small_site_has_one_agent_and_the_other_as_many_as_there_are_servers(prod: Run) -> None:
    counts = {name: number(each.inputs, "spec", "replicas") for name, each in agents(prod).items()}
    assert counts == {"edge-berlin-proxy-agent": 2, "edge-lisbon-proxy-agent": 1}
    assert of_kind(prod, "PodDisruptionBudget").keys() == {"proxy-server", "edge-berlin-proxy-agent"}


def test_every_image_is_of_one_version_anps_by_its_digest_and_none_is_built(prod: Run) -> None:
    said = [text(each, "image") for pod in pods(prod).values() for each in containers(pod).values()]
    # a server and two agents, each with a guard beside it
    assert len(said) == 6
    assert [each for each in said if not re.search(r"/proxy-\w+:v[\d.]+@sha256:|/haproxy:\d+\.\d+\.\d+-", each)] == []
    assert [each.urn for each in prod.resources.values() if "docker" in each.type] == []


def test_the_proxies_are_in_a_namespace_of_their_own_and_karmadas_agent_stays_in_its_own(prod: Run) -> None:
    for each in prod.resources.values():
        if each.is_kubernetes and each.provider != "karmada":
            expected = "karmada-system" if each.type.endswith(":DeploymentPatch") else NAMESPACE
            assert text(each.inputs, "metadata", "namespace") == expected, each.urn


def test_karmadas_pods_enter_from_the_namespace_that_is_theirs(prod: Run) -> None:
    rules = items(prod.the("NetworkPolicy", "proxy-server-policy").inputs, "spec", "ingress")
    peers = [at(peer, "namespaceSelector", "matchLabels") for rule in rules for peer in items(rule, "from")]
    assert peers == [{"kubernetes.io/metadata.name": "karmada-system"}, {"kubernetes.io/metadata.name": "monitoring"}]


def test_both_members_were_joined_by_register_and_get_the_grant(prod: Run) -> None:
    assert of_kind(prod, "ClusterRole").keys() == {f"{member}-registration-role" for member in MEMBERS}


def test_the_cloud_is_told_what_load_balancer_to_make(prod: Run) -> None:
    annotations = entries(prod.the("Service", "proxy-server-agents").inputs, "metadata", "annotations")
    assert annotations["service.beta.kubernetes.io/aws-load-balancer-type"] == "nlb"


def test_no_kind_cluster_and_no_kubeconfigs_path_is_in_the_example() -> None:
    """Real clusters have neither node containers here nor one home directory."""
    written = {path for path, _, _ in keys_of_file()}
    assert written.isdisjoint({"host.kind", "members.NAME.kind", "host.kubeconfig", "memberDefaults.kubeconfig"})


def keys_of_file() -> Iterator[tuple[str, int, bool]]:
    """Every key of the file as the config's table has it, with its line, and whether a comment is above or on it."""
    parents: list[tuple[int, str]] = []
    above = ""
    for place, line in enumerate(FILE.read_text().splitlines(), 1):
        found = KEY.match(line)
        if found:
            parents = [each for each in parents if each[0] < len(found[1])]
            parents.append((len(found[1]), found[2].removeprefix("karmada-anp:")))
            path = re.sub(r"^members\.[^.]+", "members.NAME", ".".join(name for _, name in parents[1:]))
            yield path, place, above.lstrip().startswith("#") or " # " in line
        above = line


def test_every_key_of_the_file_has_a_comment_where_it_is_first_used() -> None:
    table = {row.key for row in rows()}
    first: Mapping[str, tuple[int, bool]] = {
        path: (line, commented) for path, line, commented in reversed(list(keys_of_file())) if path in table
    }
    assert len(first) > 20
    assert {path: line for path, (line, commented) in first.items() if not commented} == {}
