"""Sources are read ahead, in order, within bounds; errors and ends arrive where they belong."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform_handler.read_ahead import ReadAhead


def counted(source: int) -> Iterator[tuple[int, int]]:
    for item in range(source):
        yield source, item


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 30), max_size=8), readers=st.integers(1, 4))
def test_every_item_arrives_once_in_order(sizes: list[int], readers: int) -> None:
    with ReadAhead(sizes, counted, readers=readers) as ahead:
        for number, size in enumerate(sizes):
            with ahead.items(number) as items:
                assert list(items) == [(size, item) for item in range(size)]


def test_the_next_source_is_read_while_the_first_is_being_used() -> None:
    second_was_read = threading.Event()

    def read(source: int) -> Iterator[int]:
        if source == 1:
            second_was_read.set()
        yield source

    with ReadAhead([0, 1], read) as ahead, ahead.items(0) as items:
        assert next(items) == 0
        assert second_was_read.wait(timeout=30)


def test_an_error_is_raised_where_the_items_are_taken_and_costs_no_other_source() -> None:
    def read(source: int) -> Iterator[int]:
        yield source
        if source == 1:
            raise LookupError("broken")

    with ReadAhead([0, 1, 2], read) as ahead:
        for number in (0, 2):
            with ahead.items(number) as items:
                assert list(items) == [number]
            if number == 0:
                with ahead.items(1) as items, pytest.raises(LookupError, match="broken"):
                    list(items)


@pytest.mark.parametrize("readers", [1, 3])
def test_whoever_leaves_early_leaves_no_thread_behind_and_sources_are_closed(readers: int) -> None:
    closed: list[int] = []

    def endless(source: int) -> Iterator[int]:
        try:
            while True:
                yield source
        finally:
            closed.append(source)

    before = threading.active_count()
    with ReadAhead(range(9), endless, readers=readers) as ahead, ahead.items(0) as items:
        next(items)
    assert threading.active_count() == before
    assert 0 in closed


def test_a_source_that_is_left_early_makes_way_for_the_next() -> None:
    def endless(source: int) -> Iterator[int]:
        while True:
            yield source

    with ReadAhead(range(5), endless) as ahead:
        for number in range(5):
            with ahead.items(number) as items:
                assert next(items) == number


def test_no_more_sources_than_readers_and_one_are_open() -> None:
    opened: list[int] = []

    def read(source: int) -> Iterator[int]:
        opened.append(source)
        yield source

    with ReadAhead(range(20), read, readers=2) as ahead:
        for number in range(20):
            with ahead.items(number) as items:
                list(items)
                assert len(opened) <= number + 3
