"""How several ask: each question once, however many want to know."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from checks.pool import once
from clusters.api import NotServing

MEMBERS = 20


def test_what_all_members_want_to_know_at_the_same_time_is_asked_once() -> None:
    asked: list[str] = []
    together = Barrier(MEMBERS)

    def answer(pod: str) -> str:
        asked.append(pod)
        return f"{pod} is well"

    ask = once(answer)

    def wants_to_know(_: int) -> str:
        together.wait(10)
        return ask("proxy-server")

    with ThreadPoolExecutor(MEMBERS) as pool:
        told = list(pool.map(wants_to_know, range(MEMBERS)))
    assert told == ["proxy-server is well"] * MEMBERS
    assert asked == ["proxy-server"]
    assert ask("proxy-guard") == "proxy-guard is well"


def test_nor_does_who_comes_later_wait_again_for_what_does_not_answer() -> None:
    asked: list[str] = []

    def answer(pod: str) -> str:
        asked.append(pod)
        raise NotServing("it does not answer")

    ask = once(answer)
    for _ in range(2):
        with pytest.raises(NotServing, match="it does not answer"):
            ask("proxy-guard")
    assert asked == ["proxy-guard"]
