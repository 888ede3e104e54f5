"""What the stack's commands print and how they end, each as the process that Pulumi runs, before an API of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel

from checks.commands import agent_gone, check, disown_args, free_strategy, load_balancer, renamed
from checks.delivered_agent import DeliveredMembers
from checks.deployments import identifiers
from checks.doctor.tunnel import Tunnel
from clusters.api import JSON_PATCH, MERGE_PATCH, OfficialClient
from clusters.objects import Json, entries
from components.local_command import local_command
from config.settings import Agent
from tests.unit.fake_api_server import ApiServer
from tests.unit.patient import settings
from tools.render.stackfile import ROOT

URL = "http://192.0.2.3:8088"
SYSTEM = "/namespaces/karmada-system"
AGENT = f"member3 /apis/apps/v1{SYSTEM}/deployments/karmada-agent"
SERVER = f"karmada-host /apis/apps/v1{SYSTEM}/deployments/proxy-server"
SERVICE = "karmada-host /api/v1/namespaces/tunnel/services/proxy-server-agents"
CLUSTER = "karmada-apiserver /apis/cluster.karmada.io/v1alpha1/clusters/member3"
PROXIED = f"{CLUSTER}/proxy"
WORKS_THERE = (
    "karmada-apiserver /apis/work.karmada.io/v1alpha1/namespaces/karmada-es-member3/works"
    "?labelSelector=karmada-anp%2Fstack%3Ddev"
)

NAMES_THE_TUNNEL: Json = {"spec": {"proxyURL": URL}}
ROLLED_OUT: Json = {
    "metadata": {"generation": 2},
    "spec": {"replicas": 1},
    "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
}


@pytest.mark.parametrize("module", sorted(each.stem for each in (ROOT / "checks/commands").glob("[!_]*.py")))
def test_a_command_does_not_wait_until_pulumis_packages_are_imported(module: str) -> None:
    """A second and more of each `up`; it is what a wait of theirs begins with."""
    assert [each for each in imported_with(module) if each.startswith("pulumi")] == []


def imported_with(module: str) -> list[str]:
    """All modules that a command imports, in a process of its own."""
    program = f"import checks.commands.{module}, sys; print(*sys.modules)"
    return subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True).split()


def start(module: str, given: BaseModel, **environment: str) -> subprocess.Popen[str]:
    """A command with its input, running as the stack runs it."""
    process = subprocess.Popen(
        local_command(module).split(),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(given.model_dump_json())
    process.stdin.close()
    process.stdin = None
    return process


def run(module: str, given: BaseModel, **environment: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    process = start(module, given, **environment)
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


def waits(process: subprocess.Popen[str], api: ApiServer) -> bool:
    """Whether a command asks, and goes on asking."""
    ends = time.monotonic() + 20
    while len(api.asked) < 4 and time.monotonic() < ends:
        time.sleep(0.02)
    return process.poll() is None


# the load balancer's address


def of_service(api: ApiServer, seconds: int = 10) -> load_balancer.LoadBalancerInput:
    host = api.context("karmada-host")
    return load_balancer.LoadBalancerInput(
        host=host, namespace="tunnel", service="proxy-server-agents", seconds=seconds
    )


def service(*ingress: Json) -> Json:
    return {"status": {"loadBalancer": {"ingress": list(ingress)} if ingress else {}}}


@pytest.mark.parametrize(
    ("ingress", "printed"),
    [
        ([{"ip": "203.0.113.9", "hostname": "lb.example.org"}], "203.0.113.9"),
        ([{"hostname": "lb.example.org"}], "lb.example.org"),
        ([{"ip": "2001:db8::9"}, {"ip": "203.0.113.9"}], "2001:db8::9"),
    ],
    ids=["an IP address and a name", "a name", "two"],
)
def test_a_load_balancers_address_is_printed_and_nothing_else(
    api: ApiServer, ingress: list[Json], printed: str
) -> None:
    api.has[SERVICE] = service(*ingress)
    assert run("load_balancer", of_service(api)) == (0, f"{printed}\n", "")


def test_it_is_waited_for_until_there_is_one(api: ApiServer) -> None:
    api.has[SERVICE] = service()
    process = start("load_balancer", of_service(api))
    assert waits(process, api)
    api.has[SERVICE] = service({"ip": "203.0.113.9"})
    assert process.communicate(timeout=20) == ("203.0.113.9\n", "")


@pytest.mark.parametrize("found", [service({}), None], ids=["one without an address", "no Service"])
def test_where_there_is_none_in_time_one_message_says_what_is_wrong_and_what_mends_it(
    api: ApiServer, found: Json
) -> None:
    api.has[SERVICE] = found
    code, output, errors = run("load_balancer", of_service(api, 1))
    assert (code, output) == (1, "")
    assert errors.splitlines() == [
        "karmada-anp:proxy.exposure: the Service proxy-server-agents in namespace tunnel of karmada-host got no "
        "address within 1 s (its status names no load balancer)",
        "  see to what makes load balancers there and run this again, or set proxy.exposure: nodePort, or host.address",
    ]


def test_an_api_that_does_not_answer_is_the_reason(api: ApiServer) -> None:
    api.away.add("karmada-host")
    _, _, errors = run("load_balancer", of_service(api, 1))
    assert "Remote end closed connection" in errors


# karmada-agent that has lost its flags


def going(api: ApiServer) -> agent_gone.AgentGoneInput:
    return agent_gone.AgentGoneInput(
        cluster="member3",
        proxy_url=URL,
        karmada=api.context("karmada-apiserver"),
        member=api.context("member3"),
        namespace="karmada-system",
        deployment="karmada-agent",
    )


def is_back(api: ApiServer) -> None:
    api.has |= {AGENT: ROLLED_OUT, CLUSTER: {"spec": {}}, "member3 /readyz": "ok"}


def is_gone(api: ApiServer) -> None:
    """The Deployment and the Cluster: there is nothing to wait for."""


@pytest.mark.parametrize("over", [is_back, is_gone])
def test_an_agent_that_is_back_without_the_tunnel_or_gone_is_waited_for_no_longer(
    api: ApiServer, over: Callable[[ApiServer], None]
) -> None:
    over(api)
    assert run("agent_gone", going(api)) == (0, "", "")


def still_named(api: ApiServer) -> None:
    api.has[CLUSTER] = NAMES_THE_TUNNEL


def rolling(api: ApiServer) -> None:
    api.has[AGENT] = {"metadata": {"generation": 3}, "spec": {"replicas": 1}, "status": {"observedGeneration": 2}}


def old_pods(api: ApiServer) -> None:
    status: Json = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2}
    api.has[AGENT] = {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}


def away(api: ApiServer) -> None:
    """It may only be away: what its agent needs must not go before."""
    api.away.add("member3")


@pytest.mark.parametrize("unreachable_may_go", ["true", ""])
@pytest.mark.parametrize("yet", [still_named, rolling, old_pods, away])
def test_an_agent_that_is_not_yet_so_is_waited_for(
    api: ApiServer, yet: Callable[[ApiServer], None], unreachable_may_go: str
) -> None:
    is_back(api)
    yet(api)
    process = start("agent_gone", going(api), PULUMI_K8S_DELETE_UNREACHABLE=unreachable_may_go)
    if unreachable_may_go and yet is away:
        assert process.communicate(timeout=20) == (
            "",
            "member3: its API does not answer: karmada-agent's flags are left there\n",
        )
        return
    assert waits(process, api)
    api.away.clear()
    is_back(api)
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("command", f"karmada-agent's `command` has {URL} in it, which this stack does not set: remove it"),
        ("args", f"karmada-agent still reports {URL}: another field manager owns its args"),
    ],
)
def test_an_agent_that_still_names_the_proxy_is_not_waited_for_and_that_is_said(
    api: ApiServer, where: str, said: str
) -> None:
    """By its command, as the documented step has it, or by args that the stack sets through the tunnel from now on:
    nothing that this step waits for would make it forget."""
    container: Json = {"name": "karmada-agent", where: [f"--proxy-server-address={URL}"]}
    assert isinstance(ROLLED_OUT, dict)
    template: Json = {"spec": {"containers": [container]}}
    api.has |= {AGENT: {**ROLLED_OUT, "spec": {"replicas": 1, "template": template}}, CLUSTER: NAMES_THE_TUNNEL}
    assert run("agent_gone", going(api)) == (0, "", f"member3: {said}\n")


def test_the_annotation_that_names_the_field_manager_goes_also_where_the_args_are_gone_already(api: ApiServer) -> None:
    """Another stack would be in conflict with it."""
    ours: Json = {"manager": "karmada-anp-dev", "operation": "Apply", "fieldsV1": {"f:metadata": {"f:annotations": {}}}}
    assert isinstance(ROLLED_OUT, dict)
    api.has |= {AGENT: {**ROLLED_OUT, "metadata": {"managedFields": [ours]}}, CLUSTER: {"spec": {}}}
    given = going(api).model_copy(update={"manager": "karmada-anp-dev"})
    assert run("agent_gone", given) == (0, "", "")
    (patch,) = [each for each in api.asked if each.method == "PATCH"]
    assert patch.given == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "karmada-agent"}}


# Works that another state has made


def works_of(api: ApiServer) -> DeliveredMembers:
    api.has[WORKS_THERE] = {"items": [{"metadata": {"name": "proxy-agent-delivered-1"}}]}
    return DeliveredMembers(
        stack="dev",
        karmada=api.context("karmada-apiserver"),
        proxy_url=URL,
        manager="karmada-anp-dev:delivery",
        former="karmada-anp-dev",
        agents={"member3": Agent.model_validate({})},
    )


def test_a_state_that_has_none_does_not_begin_with_works_that_a_destroy_of_it_would_delete(api: ApiServer) -> None:
    code, output, errors = run("remember", works_of(api))
    assert (code, output) == (1, "")
    assert errors.startswith('member3: Works of a stack "dev" already exist, and this state has none of them: ')


@pytest.mark.parametrize(
    "environment",
    [{"PULUMI_COMMAND_STDOUT": "{}"}, {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}],
    ids=["its own", "taken over"],
)
def test_one_that_has_made_them_or_takes_them_over_goes_on(api: ApiServer, environment: Mapping[str, str]) -> None:
    assert run("remember", works_of(api), **environment) == (0, '{"member3":{}}\n', "")


def test_works_that_are_being_deleted_are_no_stacks_any_more(api: ApiServer) -> None:
    given = works_of(api)
    api.has[WORKS_THERE] = {"items": [{"metadata": {"name": "proxy-agent-delivered-1", "deletionTimestamp": "now"}}]}
    assert run("remember", given) == (0, '{"member3":{}}\n', "")


def test_where_it_cannot_be_told_whether_there_are_any_it_does_not_begin(api: ApiServer) -> None:
    given, api.answers_with = works_of(api), 500
    code, output, errors = run("remember", given)
    assert (code, output) == (1, "")
    assert errors.startswith('whether Works of a stack "dev" exist is not known: ')


# a Deployment that was made by hand


def of_server(api: ApiServer) -> free_strategy.FreeStrategyInput:
    host = api.context("karmada-host")
    return free_strategy.FreeStrategyInput(host=host, namespace="karmada-system", deployment="proxy-server")


def test_a_deployment_that_was_made_by_hand_loses_the_bounds_of_its_rolling_update(api: ApiServer) -> None:
    api.has[SERVER] = {"kind": "Deployment"}
    assert run("free_strategy", of_server(api)) == (0, "", "")
    patch = api.asked[-1]
    assert (patch.method, patch.headers["Content-Type"]) == ("PATCH", MERGE_PATCH)
    assert patch.given == {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}


def test_where_there_is_none_nothing_is_patched(api: ApiServer) -> None:
    assert run("free_strategy", of_server(api)) == (0, "", "")
    assert [each.method for each in api.asked] == ["GET"]


def test_a_deployment_that_cannot_be_patched_is_one_message(api: ApiServer) -> None:
    api.has[SERVER], api.refuses = {"kind": "Deployment"}, (403, "you may not")
    said = "deployment/proxy-server of karmada-host could not be given another strategy: you may not\n"
    assert run("free_strategy", of_server(api)) == (1, "", said)


# karmada-agent's args that were set by hand


def of_agent(api: ApiServer) -> disown_args.DisownArgsInput:
    return disown_args.DisownArgsInput(
        member=api.context("member3"),
        namespace="karmada-system",
        deployment="karmada-agent",
        container="karmada-agent",
        manager="karmada-anp-dev",
        seconds=1,
    )


def managed(container: dict[str, Json], manager: str = "kubectl-patch") -> dict[str, Json]:
    """What a manager owns of the container karmada-agent."""
    containers: Json = {'k:{"name":"karmada-agent"}': container, 'k:{"name":"sidecar"}': {"f:args": {}}}
    fields: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}
    return {"manager": manager, "operation": "Update", "fieldsV1": fields}


def with_managers(*managers: dict[str, Json]) -> Json:
    return {"kind": "Deployment", "metadata": {"resourceVersion": "7", "managedFields": list(managers)}}


def test_args_that_were_set_by_hand_are_not_theirs_afterwards_and_all_else_is_whose_it_was(api: ApiServer) -> None:
    ours, theirs = managed({"f:args": {}}, "karmada-anp-dev"), managed({"f:args": {}, "f:image": {}})
    api.has[AGENT] = with_managers(theirs, ours, {"manager": "kubelet"})
    assert run("disown_args", of_agent(api)) == (0, "", "")
    patch = api.asked[-1]
    assert (patch.method, patch.headers["Content-Type"]) == ("PATCH", JSON_PATCH)
    left: Json = [managed({"f:image": {}}), ours, {"manager": "kubelet"}]
    assert patch.given == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/metadata/managedFields", "value": left},
    ]


def test_where_nobody_has_set_args_nothing_is_patched(api: ApiServer) -> None:
    api.has[AGENT] = with_managers(managed({"f:image": {}}))
    assert run("disown_args", of_agent(api)) == (0, "", "")
    assert [each.method for each in api.asked] == ["GET"]


def test_args_that_cannot_be_taken_over_are_one_message(api: ApiServer) -> None:
    api.has[AGENT], api.refuses = with_managers(managed({"f:args": {}})), (409, "somebody was faster")
    said = "deployment/karmada-agent of member3: its args could not be taken over: somebody was faster\n"
    assert run("disown_args", of_agent(api)) == (1, "", said)


# agents that are to be known by their member's name

FORMER, BOTH = "--agent-identifiers=host=192.0.2.4", "--agent-identifiers=host=192.0.2.4&host=member3.member"
PROXY_AGENT = "/apis/apps/v1/namespaces/tunnel/deployments/proxy-agent"
FOLLOWED = "member3: its agents are known as member3.member too"


def agents(*args: str, available: int = 1) -> Json:
    """A Deployment of proxy-agent, of which so many pods are there and as many are wanted as one."""
    container: Json = {"name": "proxy-agent", "command": ["/proxy-agent"], "args": list(args)}
    status: Json = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    spec: Json = {"replicas": 1, "template": {"spec": {"containers": [container]}}}
    return {"metadata": {"generation": 2}, "spec": spec, "status": status}


def of_members(api: ApiServer, seconds: int, *others: str) -> renamed.RenamedInput:
    """member3, and others whose API is the host's."""
    at = {"member3": "member3", **dict.fromkeys(others, "karmada-host")}
    found = [renamed.Renaming(member=name, at=api.context(of), namespace="tunnel") for name, of in at.items()]
    return renamed.RenamedInput(agents=found, seconds=seconds)


def test_agents_are_waited_for_until_they_are_known_by_their_members_name_too(api: ApiServer) -> None:
    api.has[f"member3 {PROXY_AGENT}"] = agents(FORMER)
    process = start("renamed", of_members(api, 20))
    assert waits(process, api)
    api.has[f"member3 {PROXY_AGENT}"] = agents(BOTH)
    assert process.communicate(timeout=20) == (f"{FOLLOWED}\n", "")
    assert process.returncode == 0


def test_a_member_that_is_away_holds_up_neither_the_up_nor_the_others(api: ApiServer) -> None:
    """With many members one is always away; it follows in a later `up`."""
    api.has[f"member3 {PROXY_AGENT}"] = agents(BOTH)
    api.away.add("karmada-host")
    code, output, errors = run("renamed", of_members(api, 1, "member4"))
    assert (code, errors) == (0, "")
    followed, not_yet = output.splitlines()
    assert followed == FOLLOWED
    why = "its agents are not known as member4.member yet, and requests to it fail until then: "
    assert not_yet.startswith(f"member4: {why}")
    assert "Remote end closed connection" in not_yet


def test_all_are_waited_for_at_the_same_time(api: ApiServer) -> None:
    """200 that are away are not 200 times as long."""
    names = [f"member{i}" for i in range(4, 12)]
    given = of_members(api, 1, *names)
    started = time.monotonic()
    assert renamed.wait_for_all(OfficialClient(), given)[1:] == [
        f"{each}: its agents are not known as {each}.member yet, and requests to it fail until then: "
        "there is no deployment/proxy-agent"
        for each in names
    ]
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "there is no deployment/proxy-agent"),
        (agents(FORMER), "deployment/proxy-agent is still the former one"),
        (agents("--agent-identifiers=host=member4.member"), "deployment/proxy-agent is still the former one"),
        (agents(BOTH, available=0), "deployment/proxy-agent is not rolled out yet"),
    ],
    ids=["none", "former", "another's", "rolling"],
)
def test_why_agents_have_not_followed_is_said(api: ApiServer, found: Json, why: str) -> None:
    if found is not None:
        api.has[f"member3 {PROXY_AGENT}"] = found
    (line,) = renamed.wait_for_all(OfficialClient(), of_members(api, 0))
    assert line.endswith(f"fail until then: {why}")


@pytest.mark.parametrize(
    ("args", "hosts"),
    [
        ((FORMER,), ["192.0.2.4"]),
        ((BOTH,), ["192.0.2.4", "member3.member"]),
        ((FORMER, BOTH), ["192.0.2.4", "member3.member"]),
        (("--agent-identifiers=ipv4=192.0.2.4&host=a.example&host=&uid",), ["a.example"]),
        (("--agent-identifiers=host=fd00::1",), ["fd00::1"]),
        (("--agent-identifiers=",), []),
        (("--agent-id=host=192.0.2.4",), []),
    ],
    ids=["one", "two", "the last flag counts", "other kinds", "IPv6", "empty", "no such flag"],
)
def test_identifiers_are_read_as_proxy_agent_reads_them(args: Sequence[str], hosts: Sequence[str]) -> None:
    assert identifiers(agents(*args)) == hosts


def test_identifiers_of_another_container_or_of_no_deployment_are_none() -> None:
    others: Json = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "args": [BOTH]}]}}}}
    assert identifiers(others) == identifiers(None) == []


# the check


def of_tunnels(api: ApiServer, seconds: int, *names: str, away: Sequence[str] = ()) -> check.CheckInput:
    whole = settings()
    made = Tunnel.of(whole, whole.members[0], "192.0.2.3", 8091, URL)
    apis = {"karmada": "karmada-apiserver", "host": "karmada-host", "inside": "member3"}
    contexts = {each: api.context(name) for each, name in apis.items()}
    tunnels = [made.model_copy(update={**contexts, "member": name, "delivered": bool(away)}) for name in names]
    return check.CheckInput(tunnels=tunnels, seconds=seconds, away=away)


def answering(name: str, ready: str = "True") -> dict[str, Json]:
    """What the Karmada API has of a member, and what that answers."""
    of = f"karmada-apiserver /apis/cluster.karmada.io/v1alpha1/clusters/{name}"
    condition: Json = {"type": "Ready", "status": ready}
    return {
        of: {**entries(NAMES_THE_TUNNEL), "status": {"conditions": [condition]}},
        f"{of}/proxy/readyz": "ok",
        f"{of}/proxy/api/v1/namespaces/karmada-system/pods?limit=1": {"items": []},
    }


def test_a_member_that_answers_is_reached_by_two_requests_through_karmada(api: ApiServer) -> None:
    api.has |= {CLUSTER: NAMES_THE_TUNNEL, f"{PROXIED}/readyz": "ok"}
    process = start("check", of_tunnels(api, 30, "member3"))
    assert waits(process, api)
    api.has[f"{PROXIED}/api/v1/namespaces/karmada-system/pods?limit=1"] = {"items": []}
    output, errors = process.communicate(timeout=20)
    assert output.startswith("member3: reached through Karmada: /readyz and a list (")
    assert (process.returncode, errors) == (0, "")


def test_a_member_that_does_not_is_told_of_in_the_doctors_words(api: ApiServer) -> None:
    api.has[CLUSTER] = {"spec": {"syncMode": "Pull"}}
    code, output, errors = run("check", of_tunnels(api, 1, "member3"))
    assert (code, output) == (1, "")
    headline, first, *hops = errors.splitlines()
    assert headline == (
        "member3: not reached through Karmada within 1 s: its Cluster object names no proxy: karmada-agent has not "
        "reported the tunnel"
    )
    assert first == "member3: wrong at Karmada API"
    assert "  wrong    Cluster        apiEndpoint is empty, the stack's https://192.0.2.4:6443" in hops


def test_more_than_ten_that_answer_share_a_line_and_those_that_do_not_have_their_own(api: ApiServer) -> None:
    names = [f"edge-{i:03}" for i in range(12)]
    for name in names[1:]:
        api.has |= answering(name)
    code, output, errors = run("check", of_tunnels(api, 1, *names))
    assert (code, output) == (1, "")
    first, second, *_ = errors.splitlines()
    assert first.startswith(
        f"{', '.join(names[1:11])} and 1 more: reached through Karmada: /readyz and a list (slowest "
    )
    assert second.startswith("edge-000: not reached through Karmada within 1 s: ")
    assert "edge-000: wrong at Karmada API" in errors


def test_paths_are_walked_of_ten_members_that_do_not_answer(api: ApiServer) -> None:
    _, _, errors = run("check", of_tunnels(api, 1, *(f"edge-{i:03}" for i in range(12))))
    assert errors.count(": not reached through Karmada within 1 s: ") == 12
    assert errors.count(": wrong at ") == 10


def test_one_that_was_away_is_not_waited_for(api: ApiServer) -> None:
    api.has |= answering("member3")
    code, output, errors = run("check", of_tunnels(api, 5, "member3", "member4", away=["member4"]))
    reached, away = output.splitlines()
    assert (code, errors) == (0, "")
    assert reached.startswith("member3: reached through Karmada: /readyz and a list (")
    assert away == "member4: not Ready, and not waited for: what is meant for them waits in Karmada"


def test_one_that_was_away_and_is_back_is_reached(api: ApiServer) -> None:
    api.has |= answering("member3")
    code, output, errors = run("check", of_tunnels(api, 5, "member3", away=["member3"]))
    assert output.startswith("member3: reached through Karmada: /readyz and a list (")
    assert (code, errors) == (0, "")


def test_one_that_is_lost_meanwhile_fails_since_the_next_up_would_not_check_it(api: ApiServer) -> None:
    of = "karmada-apiserver /apis/cluster.karmada.io/v1alpha1/clusters/member3"
    api.has |= {**answering("member3", ready="Unknown"), f"{of}/proxy/readyz": None}
    code, _, errors = run("check", of_tunnels(api, 1, "member3"))
    assert code == 1
    assert errors.startswith("member3: not reached through Karmada within 1 s: ")


# the interpreter


def test_it_is_the_checkouts_own_whatever_python3_is_first_on_path(api: ApiServer, tmp_path: Path) -> None:
    """An old one, without the program's packages, as some distributions have it; in `destroy` too."""
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    assert run("free_strategy", of_server(api), PATH=path, VIRTUAL_ENV="/nowhere") == (0, "", "")
