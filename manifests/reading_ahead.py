"""Many objects read in order, several requests at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from manifests.storage import Store

PARALLEL = 10  # requests at a time, as many as boto3 keeps connections


def read_ahead(store: Store, keys: Iterable[str]) -> Iterator[bytes]:
    """The objects' contents, in the order of the keys; at most ``PARALLEL`` of them in memory.

    Raises:
        StoreError: when the turn of an object comes that cannot be read.
    """
    waiting = iter(keys)
    with ThreadPoolExecutor(PARALLEL) as pool:
        under_way: deque[Future[bytes]] = deque(
            pool.submit(store.read, key) for key in islice(waiting, PARALLEL)
        )
        try:
            while under_way:
                content = under_way.popleft().result()
                under_way.extend(pool.submit(store.read, key) for key in islice(waiting, 1))
                yield content
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
