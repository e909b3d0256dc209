"""Windows share batches; a failure hits the culprit alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transform_handler.stub_engine import StubEngine
from transform_handler.engine.batching import Batcher, Job
from transform_handler.engine.frames import FrameScores, Samples

lengths = st.lists(st.sampled_from([800, 1600, 3200]), max_size=40)


class Moody(StubEngine):
    """Fails on any batch with a window of a certain first sample."""

    def run(self, batch: list[Samples], *, language: str | None) -> list[FrameScores]:
        if any(samples[0] == 13 for samples in batch):
            raise MemoryError
        return super().run(batch, language=language)


def scored(engine: StubEngine, sizes: list[int]) -> tuple[dict[int, int], list[int]]:
    """Frames by the number of the window, and the numbers of those that failed."""
    done: dict[int, int] = {}
    failed: list[int] = []
    batcher = Batcher(engine=engine)
    for number, size in enumerate(sizes):
        batcher.add(
            Job(
                samples=np.full(size, number, dtype=np.float32),
                language=None,
                done=lambda scores, number=number: done.update({number: len(scores.ids)}),
                failed=lambda error, number=number: failed.append(number),
            )
        )
    batcher.flush()
    return done, failed


@given(lengths, st.integers(1, 5))
def test_every_window_is_scored_once_in_batches_of_at_most_so_many(
    sizes: list[int], most: int
) -> None:
    engine = StubEngine(windows=most)
    done, failed = scored(engine, sizes)
    assert done == {number: (size - 400) // 320 + 1 for number, size in enumerate(sizes)}
    assert failed == []
    assert all(len(batch) <= most for batch in engine.batches)


@given(lengths, st.integers(1, 5))
def test_a_window_that_fails_fails_alone(sizes: list[int], most: int) -> None:
    done, failed = scored(Moody(windows=most), sizes)
    assert failed == [number for number in range(len(sizes)) if number == 13]
    assert sorted([*done, *failed]) == list(range(len(sizes)))
