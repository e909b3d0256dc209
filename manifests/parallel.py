"""Many objects read or written, several requests at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from manifests.storage import Store

T = TypeVar("T")
A = TypeVar("A")

PARALLEL = 10  # requests at a time, as many as boto3 keeps connections


def in_order(call: Callable[[A], T], arguments: Iterable[A]) -> Iterator[T]:
    """The results of calls, in the order of their arguments; at most ``PARALLEL`` are ahead.

    A call's error is raised when its turn comes, and no further ones are begun then.
    """
    waiting = iter(arguments)
    with ThreadPoolExecutor(PARALLEL) as pool:
        under_way: deque[Future[T]] = deque(
            pool.submit(call, one) for one in islice(waiting, PARALLEL)
        )
        try:
            while under_way:
                result = under_way.popleft().result()
                under_way.extend(pool.submit(call, one) for one in islice(waiting, 1))
                yield result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_ahead(store: Store, keys: Iterable[str]) -> Iterator[bytes]:
    """The objects' contents, in the order of the keys.

    Raises:
        StoreError: when the turn of an object comes that cannot be read.
    """
    yield from in_order(store.read, keys)


def put_all(store: Store, contents: Iterable[tuple[str, bytes]]) -> None:
    """Write objects; all of them are there when this returns.

    Raises:
        StoreError: one of them could not be written; others may have been.
    """
    for _ in in_order(lambda one: store.put(*one), contents):
        pass
