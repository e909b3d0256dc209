"""Like windows share a batch within its limits; a failure hits the culprit alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transform_handler.stub_engine import StubEngine
from transform_handler.engine.batching import LOOK_AHEAD, Batcher, Job
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples

SECOND = 16_000
asked = st.lists(
    st.tuples(st.integers(SECOND // 10, 4 * SECOND), st.sampled_from([None, "fra", "urd"])),
    max_size=40,
)
limits = st.builds(
    BatchLimits, windows=st.integers(1, 6), seconds=st.floats(0.5, 20.0, allow_nan=False)
)


class Engine(StubEngine):
    """Scores within its memory, and fails on a window of a certain number."""

    def __init__(self, fitting: BatchLimits, *, memory: float = 1e9, culprit: int = -1) -> None:
        super().__init__()
        self.limits = fitting
        self.memory = memory
        self.culprit = culprit
        self.languages: list[str | None] = []

    def run(self, batch: list[Samples], *, language: str | None) -> list[FrameScores]:
        if padded([len(samples) for samples in batch]) > self.memory:
            raise MemoryError
        if any(samples[0] == self.culprit for samples in batch):
            raise ArithmeticError("not finite")
        self.languages.append(language)
        return super().run(batch, language=language)


class EqualLengths(Engine):
    def __init__(self, fitting: BatchLimits) -> None:
        super().__init__(fitting)
        self.equal_lengths_only = True


class Told:
    """What the batcher told of each window, by its number."""

    def __init__(self) -> None:
        self.done: dict[int, int] = {}
        self.failed: dict[int, Exception] = {}

    def job(self, number: int, size: int, language: str | None = None) -> Job[FrameScores]:
        return Job(
            samples=np.full(size, number, dtype=np.float32),
            language=language,
            done=lambda scores: self.done.update({number: len(scores.ids)}),
            failed=lambda error: self.failed.update({number: error}),
        )


def padded(sizes: list[int]) -> float:
    return len(sizes) * max(sizes) / SECOND


def run(engine: Engine, windows: list[tuple[int, str | None]]) -> Told:
    told = Told()
    batcher = Batcher(engine=engine)
    for number, (size, language) in enumerate(windows):
        batcher.add(told.job(number, size, language))
    batcher.flush()
    return told


def frames(windows: list[tuple[int, str | None]]) -> dict[int, int]:
    return {number: max(0, (size - 400) // 320 + 1) for number, (size, _) in enumerate(windows)}


@given(asked, limits)
def test_every_window_is_scored_once_in_batches_within_the_limits(
    windows: list[tuple[int, str | None]], fitting: BatchLimits
) -> None:
    engine = Engine(fitting)
    told = run(engine, windows)
    assert told.done == frames(windows)
    assert told.failed == {}
    for batch in engine.batches:
        assert len(batch) <= fitting.windows
        assert len(batch) == 1 or padded(batch) <= fitting.seconds
        assert batch == sorted(batch, reverse=True)


@given(asked, limits)
def test_a_batch_is_of_one_language(
    windows: list[tuple[int, str | None]], fitting: BatchLimits
) -> None:
    engine = Engine(fitting)
    run(engine, windows)
    said = [language for language, batch in zip(engine.languages, engine.batches, strict=True)
            for _ in batch]  # fmt: skip
    assert sorted(map(str, said)) == sorted(str(language) for _, language in windows)
    by_language: dict[str | None, list[int]] = {}
    for language, batch in zip(engine.languages, engine.batches, strict=True):
        by_language.setdefault(language, []).extend(batch)
    for language, sizes in by_language.items():
        assert sorted(sizes) == sorted(size for size, its in windows if its == language)


@given(st.lists(st.sampled_from([1600, 3200, 4800]), max_size=40), limits)
def test_an_engine_that_wants_equal_lengths_gets_them(
    sizes: list[int], fitting: BatchLimits
) -> None:
    engine = EqualLengths(fitting)
    told = run(engine, [(size, None) for size in sizes])
    assert told.done == frames([(size, None) for size in sizes])
    assert all(len(set(batch)) == 1 for batch in engine.batches)


@given(asked, limits)
def test_what_waits_is_bounded(windows: list[tuple[int, str | None]], fitting: BatchLimits) -> None:
    told = Told()
    batcher = Batcher(engine=Engine(fitting))
    for number, (size, language) in enumerate(windows):
        batcher.add(told.job(number, size, language))
        waiting = [n for n in range(number + 1) if n not in told.done]
        assert len(waiting) < LOOK_AHEAD * fitting.windows
        assert sum(windows[n][0] for n in waiting) < LOOK_AHEAD * fitting.seconds * SECOND


def test_a_batch_of_one_window_waits_for_no_other() -> None:
    told = Told()
    batcher = Batcher(engine=Engine(BatchLimits(windows=1, seconds=60.0)))
    batcher.add(told.job(0, SECOND))
    assert told.done == {0: 49}


def test_padding_is_small_where_there_is_a_choice() -> None:
    random = np.random.default_rng(0)
    windows = [(int(size), None) for size in random.integers(14 * SECOND, 20 * SECOND, 500)]
    engine = Engine(BatchLimits(windows=1_000, seconds=300.0))
    run(engine, windows)
    computed = sum(padded(batch) for batch in engine.batches)
    assert computed / (sum(size for size, _ in windows) / SECOND) < 1.06


@given(asked, limits, st.integers(0, 39))
def test_a_window_that_fails_fails_alone(
    windows: list[tuple[int, str | None]], fitting: BatchLimits, culprit: int
) -> None:
    told = run(Engine(fitting, culprit=culprit), windows)
    expected = frames(windows)
    failed = {culprit} & expected.keys()
    assert told.failed.keys() == failed
    assert all(isinstance(error, ArithmeticError) for error in told.failed.values())
    assert told.done == {number: n for number, n in expected.items() if number not in failed}


@given(asked, limits, st.floats(4.0, 30.0))
def test_a_batch_too_large_for_memory_is_halved_until_it_fits(
    windows: list[tuple[int, str | None]], fitting: BatchLimits, memory: float
) -> None:
    told = run(Engine(fitting, memory=memory), windows)
    assert told.done == frames(windows)
    assert told.failed == {}


def test_after_a_batch_was_too_large_all_later_ones_are_half_of_it() -> None:
    engine = Engine(BatchLimits(windows=8, seconds=1e6), memory=4.0)
    told = Told()
    batcher = Batcher(engine=engine)
    for number in range(64):
        batcher.add(told.job(number, SECOND))
    batcher.flush()
    assert len(told.done) == 64
    assert [len(batch) for batch in engine.batches] == [4] * 16
    assert batcher.limits == BatchLimits(windows=4, seconds=4.0)


def test_a_window_that_does_not_fit_by_itself_fails_with_its_length() -> None:
    told = run(Engine(BatchLimits(windows=4, seconds=60.0), memory=2.0), [
        (SECOND, None), (3 * SECOND, None), (SECOND, None),
    ])  # fmt: skip
    assert told.done == {0: 49, 2: 49}
    assert isinstance(told.failed[1], MemoryError)
    with pytest.raises(MemoryError, match=r"a window of 3\.0 s does not fit into memory by itself"):
        raise told.failed[1]


def test_what_a_recipient_raises_is_its_own_error_and_not_the_engines() -> None:
    def broken(scores: FrameScores) -> None:
        raise KeyError("recipient")

    engine = Engine(BatchLimits(windows=1, seconds=60.0))
    batcher = Batcher(engine=engine)
    samples = np.zeros(SECOND, dtype=np.float32)
    with pytest.raises(KeyError):
        batcher.add(Job(samples=samples, done=broken, failed=lambda error: None))
    assert len(engine.batches) == 1
