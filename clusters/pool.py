"""Asks several at the same time, a bounded number of them, and each question once, however many want to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar

from clusters.api import Asking

AT_ONCE = 8
"""How many are asked at a time: threads, connections and exec plugins cost memory."""

Key = TypeVar("Key")
Question = ParamSpec("Question")
Answer = TypeVar("Answer")


def side_by_side(questions: Mapping[Key, Callable[[], Answer]], at_once: int = AT_ONCE) -> dict[Key, Answer]:
    """The answer to each question, in their order. What one of them raises is raised."""
    with ThreadPoolExecutor(at_once) as pool:
        asked = {key: pool.submit(question) for key, question in questions.items()}
        return {key: answer.result() for key, answer in asked.items()}


def once(asks: Callable[Question, Answer]) -> Callable[Question, Answer]:
    """Asks each question once, however many want to know at the same time: all get the answer, or why there is none."""
    kept: dict[object, Future[Answer]] = {}
    lock = Lock()

    def ask_once(*args: Question.args, **kwargs: Question.kwargs) -> Answer:
        key = args, tuple(sorted(kwargs.items()))
        with lock:
            first = key not in kept
            future = kept.setdefault(key, Future())
        if first:
            try:
                future.set_result(asks(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future.result()

    return ask_once


class Remembering:
    """Asks as another does, and keeps what it was told; what would be another answer each time is asked again."""

    def __init__(self, asking: Asking) -> None:
        self.get = once(asking.get)
        self.all = once(asking.all)
        self.raw = once(asking.raw)
        self.served = once(asking.served)
        self.connected = once(asking.connected)
        self.create = asking.create
        self.patch = asking.patch
        self.delete = asking.delete
