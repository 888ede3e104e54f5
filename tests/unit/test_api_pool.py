"""Calls in parallel, and each call once, however many threads make it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from clusters.api import NotServing, OfficialClient
from clusters.pool import AT_ONCE, CachingApis, in_parallel, memoized
from tests.unit.fake_api_server import ApiServer

MEMBERS = 20


def test_what_all_members_want_to_know_at_the_same_time_is_asked_once() -> None:
    asked: list[str] = []
    together = Barrier(MEMBERS)

    def answer(pod: str) -> str:
        asked.append(pod)
        return f"{pod} is well"

    ask = memoized(answer)

    def wants_to_know(_: int) -> str:
        together.wait(10)
        return ask("proxy-server")

    with ThreadPoolExecutor(MEMBERS) as pool:
        told = list(pool.map(wants_to_know, range(MEMBERS)))
    assert told == ["proxy-server is well"] * MEMBERS
    assert asked == ["proxy-server"]
    assert ask("proxy-guard") == "proxy-guard is well"


def test_a_later_caller_does_not_wait_again_for_what_does_not_answer() -> None:
    asked: list[str] = []

    def answer(pod: str) -> str:
        asked.append(pod)
        raise NotServing("it does not answer")

    ask = memoized(answer)
    for _ in range(2):
        with pytest.raises(NotServing, match="it does not answer"):
            ask("proxy-guard")
    assert asked == ["proxy-guard"]


def test_no_more_than_a_bounded_number_is_asked_at_a_time_and_all_answer_in_their_order() -> None:
    """150 members are 150 connections and exec plugins."""
    running: set[int] = set()
    most: list[int] = []

    def answer(member: int) -> int:
        running.add(member)
        most.append(len(running))
        time.sleep(0.01)
        running.discard(member)
        return member

    told = in_parallel({each: partial(answer, each) for each in range(5 * AT_ONCE)})
    assert list(told.values()) == list(range(5 * AT_ONCE))
    assert 1 < max(most) <= AT_ONCE


def test_a_guard_is_asked_once_with_each_credential_whichever_hops_want_to_know(api: ApiServer) -> None:
    pod = "karmada-host /api/v1/namespaces/tunnel/pods/proxy-server-1/portforward?ports=8088"
    api.pods[pod] = "HTTP/1.1 200 Connection Established\r\n\r\n"
    apis = CachingApis(OfficialClient())
    for credential in ("of member3", "of member4", "of member3"):
        assert apis.pod_connect(api.context("karmada-host"), "tunnel", "proxy-server-1", 8088, credential) == 200
    assert [each.split("Proxy-Authorization: ")[1].strip() for each in api.heads] == ["of member3", "of member4"]
