"""Many objects read or written, several requests at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from manifests.storage import Store

T = TypeVar("T")
A = TypeVar("A")

PARALLEL = 10  # requests at a time, as many as boto3 keeps connections


class _Threads:
    """Threads that neither an interrupt nor the end of the program waits for.

    Those of ``ThreadPoolExecutor`` hold the interpreter's exit until the last request is answered.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[Thread] = []

    def begin(self, call: Callable[[A], T], argument: A) -> Future[T]:
        """Carry out a call on a thread of its own, or on one that is free by now."""
        future: Future[T] = Future()
        self._waiting.put(partial(_carry_out, future, call, argument))
        if len(self._threads) < PARALLEL:
            self._threads.append(Thread(target=self._work, daemon=True))
            self._threads[-1].start()
        return future

    def end(self, under_way: Iterable[Future[T]]) -> None:
        """Let the threads end with the call that each has begun."""
        for future in under_way:
            future.cancel()
        for _ in self._threads:
            self._waiting.put(None)

    def join(self) -> None:
        """Wait until they have."""
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            task()
            del task  # or what it has read would be kept until the next one


def _carry_out(future: Future[T], call: Callable[[A], T], argument: A) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(call(argument))
        except BaseException as error:  # noqa: BLE001 - raised where the result is taken
            future.set_exception(error)


def in_order(call: Callable[[A], T], arguments: Iterable[A]) -> Iterator[T]:
    """The results of calls, in the order of their arguments; at most ``PARALLEL`` are ahead.

    A call's error is raised when its turn comes; no further ones are begun then, and those under
    way have ended. An interrupt, and who stops taking results, do not wait for them.
    """
    waiting = iter(arguments)
    threads = _Threads()
    under_way: deque[Future[T]] = deque()
    try:
        under_way.extend(threads.begin(call, one) for one in islice(waiting, PARALLEL))
        while under_way:
            result = under_way.popleft().result()
            under_way.extend(threads.begin(call, one) for one in islice(waiting, 1))
            yield result
    except Exception:
        threads.end(under_way)
        threads.join()
        raise
    finally:
        threads.end(under_way)
    threads.join()


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
