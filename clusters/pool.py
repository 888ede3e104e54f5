"""Threads: runs a bounded number of calls in parallel, and makes each call once for all threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar

from clusters.api import KubernetesApis

AT_ONCE = 8
"""The default number of threads: each costs memory, also for its connection and exec plugin."""

Key = TypeVar("Key")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def in_parallel(calls: Mapping[Key, Callable[[], Result]], at_once: int = AT_ONCE) -> dict[Key, Result]:
    """The result of each call, by its key, in their order. Raises what a call raises."""
    with ThreadPoolExecutor(at_once) as pool:
        futures = {key: pool.submit(call) for key, call in calls.items()}
        return {key: future.result() for key, future in futures.items()}


def memoized(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function, called once for the same arguments, by concurrent threads too: all get its result or exception."""
    kept: dict[object, Future[Result]] = {}
    lock = Lock()

    def call_once(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        key = args, tuple(sorted(kwargs.items()))
        with lock:
            first = key not in kept
            future = kept.setdefault(key, Future())
        if first:
            try:
                future.set_result(function(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future.result()

    return call_once


class CachingApis:
    """KubernetesApis that caches what it reads. It does not cache create, patch and delete."""

    def __init__(self, apis: KubernetesApis) -> None:
        self.get = memoized(apis.get)
        self.all = memoized(apis.all)
        self.raw = memoized(apis.raw)
        self.pod_get = memoized(apis.pod_get)
        self.pod_connect = memoized(apis.pod_connect)
        self.create = apis.create
        self.patch = apis.patch
        self.delete = apis.delete
