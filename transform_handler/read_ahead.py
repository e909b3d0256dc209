"""Recordings are read while the model works on those before them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

Source = TypeVar("Source")
Item = TypeVar("Item")

# Windows of one recording that wait for the model; a minute or two of sound.
_WAITING = 6
_POLL_SECONDS = 0.2


class _Pipe(Generic[Item]):
    """What one source gives, as far as it was not taken yet; its last entry says how it ended."""

    def __init__(self) -> None:
        self._items: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(_WAITING)
        self.closed = threading.Event()

    def put(self, item: Item | None, problem: BaseException | None = None) -> bool:
        """Hand over; False where nobody wants it any more."""
        while not self.closed.is_set():
            with contextlib.suppress(queue.Full):
                self._items.put((item, problem), timeout=_POLL_SECONDS)
                return True
        return False

    def items(self) -> Iterator[Item]:
        """All items, then the source's own error if it had one."""
        while True:
            item, problem = self._items.get()
            if problem is not None:
                raise problem
            if item is None:
                return
            yield item


class ReadAhead(Generic[Source, Item]):
    """Runs ``read`` for each source on ``readers`` threads, in order, a little ahead of its user.

    ``read`` is a generator function. What it raises is raised where its items are taken. At most
    ``readers`` + 1 sources are open at a time.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        read: Callable[[Source], Iterator[Item]],
        *,
        readers: int = 1,
    ) -> None:
        self._read = read
        self._pipes: list[_Pipe[Item]] = [_Pipe() for _ in sources]
        self._pending = iter(list(zip(sources, self._pipes, strict=True)))
        self._next = threading.Lock()
        self._room = threading.Semaphore(readers + 1)
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(readers, len(sources)))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for pipe in self._pipes:
            pipe.closed.set()
            self._room.release()
        for thread in self._threads:
            thread.join()

    @contextlib.contextmanager
    def items(self, number: int) -> Iterator[Iterator[Item]]:
        """The items of source ``number``; each source is asked for once, in order."""
        pipe = self._pipes[number]
        try:
            yield pipe.items()
        finally:
            pipe.closed.set()
            self._room.release()

    def _work(self) -> None:
        while True:
            self._room.acquire()
            with self._next:
                pair = None if self._stopped.is_set() else next(self._pending, None)
            if pair is None:
                return
            self._pump(*pair)

    def _pump(self, source: Source, pipe: _Pipe[Item]) -> None:
        items = self._read(source)
        try:
            for item in items:
                if not pipe.put(item):
                    return
            pipe.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            pipe.put(None, error)
        finally:
            with contextlib.suppress(Exception):
                items.close()  # type: ignore[attr-defined]
