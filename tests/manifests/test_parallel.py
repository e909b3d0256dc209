"""Calls side by side: as map would have it, and nobody who is told to stop waits for them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.parallel import PARALLEL, in_order

_STALL = """
import signal, threading
from manifests.parallel import in_order

# A shell starts what it puts into the background deaf to this signal.
signal.signal(signal.SIGINT, signal.default_int_handler)

def stall(number):
    if number == 9:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    if number:
        threading.Event().wait()

try:
    for _ in in_order(stall, range({first}, 10)):
        threading.Event().wait()
except KeyboardInterrupt:
    print("stopped")
"""


class RefusedError(Exception):
    """What a call raises."""


@given(st.lists(st.integers(), max_size=40), st.sets(st.integers(0, 39), max_size=2))
def test_results_and_errors_come_as_from_map(numbers: list[int], refused: set[int]) -> None:
    def call(one: tuple[int, int]) -> int:
        place, number = one
        if place in refused:
            raise RefusedError(str(place))
        return number * 2

    def collected(results: Iterator[int]) -> tuple[list[int], str]:
        seen: list[int] = []
        try:
            for result in results:
                seen.append(result)  # noqa: PERF402 - what came before an error counts
        except RefusedError as error:
            return seen, str(error)
        return seen, ""

    arguments = list(enumerate(numbers))
    assert collected(in_order(call, arguments)) == collected(map(call, arguments))


def test_no_more_than_so_many_are_begun_ahead_of_what_is_taken() -> None:
    begun: list[int] = []

    def arguments() -> Iterator[int]:
        for number in range(50):
            begun.append(number)
            yield number

    for taken, _ in enumerate(in_order(str, arguments()), start=1):
        assert len(begun) == min(50, taken + PARALLEL)


def test_what_is_under_way_ends_before_an_error_is_raised() -> None:
    together, ended = threading.Barrier(PARALLEL), []

    def call(number: int) -> None:
        together.wait()
        if number == 0:
            raise RefusedError
        ended.append(number)

    with pytest.raises(RefusedError):
        list(in_order(call, range(100)))
    assert sorted(ended) == list(range(1, PARALLEL))


def test_no_threads_are_left_when_all_is_done() -> None:
    before = threading.active_count()
    assert list(in_order(str, range(100))) == [str(number) for number in range(100)]
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "first", [pytest.param(0, id="in the body"), pytest.param(1, id="waiting")]
)
def test_an_interrupt_does_not_wait_for_calls_that_stall(first: int) -> None:
    script = _STALL.format(first=first)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("stopped\n", "", 0)
