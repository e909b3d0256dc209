"""Scores become words as soon as a pause has ended them; the order of answers does not matter."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_handler.stub_engine import HOP, StubEngine
from transform_handler.audio.pieces import Stretch
from transform_handler.engine.batching import Job
from transform_handler.engine.frames import FrameScores
from transform_handler.records import Word
from transform_handler.tracks import Track

FRAMES = 20


def stretch(number: int, *, spoken: bool) -> Stretch:
    start, end = number * FRAMES * HOP, (number + 1) * FRAMES * HOP
    return Stretch(start=start, end=end, keep_start=start, keep_end=end, spoken=spoken)


def scores(number: int) -> FrameScores:
    ids = np.random.default_rng(number).integers(0, 12, FRAMES).astype(np.int32)
    return FrameScores(ids=ids, log_probabilities=np.full(FRAMES, -0.5, np.float32))


def words_of(spoken: list[bool], order: list[int]) -> list[Word]:
    track = Track(StubEngine(), language=None)
    jobs: dict[int, Job[FrameScores]] = {}
    for number, said in enumerate(spoken):
        if said:
            jobs[number] = track.job(stretch(number, spoken=True), np.zeros(1, np.float32))
        else:
            track.pause(stretch(number, spoken=False))
    for number in sorted(jobs, key=lambda number: order[number]):
        jobs[number].done(scores(number))
    assert track.failure is None
    return track.words()


@settings(max_examples=60, deadline=None)
@given(spoken=st.lists(st.booleans(), max_size=10), data=st.data())
def test_the_order_of_answers_changes_no_word(spoken: list[bool], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(spoken))))
    assert words_of(spoken, order) == words_of(spoken, list(range(len(spoken))))


def test_a_pause_parts_words_and_lets_go_of_what_lies_before_it() -> None:
    track = Track(StubEngine(), language=None)
    letters = FrameScores(
        ids=np.full(FRAMES, 5, np.int32), log_probabilities=np.zeros(FRAMES, np.float32)
    )
    job = track.job(stretch(0, spoken=True), np.zeros(1, np.float32))
    track.pause(stretch(1, spoken=False))
    after = track.job(stretch(2, spoken=True), np.zeros(1, np.float32))
    assert len(track._slots) == 3
    job.done(letters)
    assert len(track._slots) == 1
    after.done(letters)
    assert [(word.start, word.end) for word in track.words()] == [(0.0, 0.4), (0.8, 1.2)]


def test_words_that_cannot_be_made_fail_the_track_and_not_the_batch() -> None:
    class Broken(StubEngine):
        def words(self, pieces, *, language):
            raise LookupError

    track = Track(Broken(), language=None)
    job = track.job(stretch(0, spoken=True), np.zeros(1, np.float32))
    track.pause(stretch(1, spoken=False))
    job.done(scores(0))
    assert isinstance(track.failure, LookupError)
