"""Utterances of one recording are heard together, and each word goes to one of them."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.labels import LabelledUtterance
from training.evaluating.hypotheses import Heard, Unheard, hypotheses
from transform_handler.records import (
    ErrorKind,
    RecordError,
    Segment,
    Status,
    TranscriptRecord,
    Word,
)

SECONDS = 600.0


@dataclass
class Recording:
    """A transcriber that knows the words of each recording, by channel; it answers as ours does."""

    words: dict[str, list[list[Word]]]
    asked: list = field(default_factory=list)

    def transcribe(self, pointers, *, deadline):
        self.asked += pointers
        return [record for pointer in pointers for record in self._records(pointer)]

    def _records(self, pointer):
        if pointer.uri not in self.words:
            error = RecordError(kind=ErrorKind.NOT_FOUND, message="no such file")
            yield TranscriptRecord(id=pointer.id, uri=pointer.uri, status=Status.ERROR, error=error)
            return
        start = pointer.offset or 0.0
        end = SECONDS if pointer.duration is None else min(SECONDS, start + pointer.duration)
        streams = self.words[pointer.uri]
        for number, words in enumerate(streams if pointer.channels == "split" else streams[:1]):
            inside = tuple(w for w in words if start <= w.start < end)
            yield TranscriptRecord(
                id=pointer.id,
                uri=pointer.uri,
                status=Status.OK,
                channel=number if pointer.channels == "split" else None,
                offset=pointer.offset,
                duration=max(0.0, end - start),
                channels=len(streams),
                segments=tuple(
                    Segment(
                        start=w.start,
                        end=w.end,
                        channel=None,
                        text=w.text,
                        confidence=1.0,
                        words=(w,),
                    )
                    for w in inside
                ),
            )


def word(text, start, end=None):
    return Word(text=text, start=start, end=end or start + 0.4, confidence=1.0)


def utterance(offset=0.0, duration=None, audio="file:///a.wav", channel=None):
    return LabelledUtterance(
        audio=audio, text="", offset=offset, duration=duration, channel=channel
    )


def texts(found):
    return [one.text for one in found]


def test_a_word_belongs_to_the_utterance_that_holds_its_middle():
    recording = Recording({"file:///a.wav": [[word("early", 4.9, 5.3), word("late", 9.7, 10.1)]]})
    found = hypotheses(recording, [utterance(5, 5), utterance(10, 5)])
    assert texts(found) == ["early late", ""]


def test_utterances_near_each_other_are_one_request_and_far_ones_are_not():
    recording = Recording({"file:///a.wav": [[word("x", 5), word("y", 500)]]})
    found = hypotheses(recording, [utterance(500, 3), utterance(4, 3), utterance(9, 3)])
    assert texts(found) == ["y", "x", ""]
    asked = sorted((p.offset or 0.0, p.duration) for p in recording.asked)
    assert asked == [(0.0, 17.0), (495.0, 13.0)]


def test_an_utterance_without_a_duration_runs_to_the_end_of_the_sound():
    recording = Recording({"file:///a.wav": [[word("last", 599)]]})
    (found,) = hypotheses(recording, [utterance()])
    assert (found.text, found.seconds) == ("last", SECONDS)
    assert (recording.asked[0].offset, recording.asked[0].duration) == (None, None)


def test_a_channel_is_heard_alone():
    recording = Recording({"file:///a.wav": [[word("left", 1)], [word("right", 1)]]})
    found = hypotheses(recording, [utterance(0, 5, channel=1), utterance(0, 5, channel=0)])
    assert texts(found) == ["right", "left"]
    assert len(recording.asked) == 1


def test_a_channel_that_is_not_there_is_named():
    recording = Recording({"file:///a.wav": [[word("left", 1)]]})
    (found,) = hypotheses(recording, [utterance(0, 5, channel=3)])
    assert found == Unheard(
        kind="unsupported_format", message="channel 3 is asked for; the recording has 1"
    )


def test_an_utterance_past_the_end_of_the_sound_is_unheard_and_not_silent():
    recording = Recording({"file:///a.wav": [[word("x", 1)]]})
    inside, beyond = hypotheses(recording, [utterance(0, 5), utterance(601, 2)])
    assert inside.text == "x"
    assert "begins at 601.00 s; the sound ends at" in beyond.message


def test_a_recording_that_cannot_be_read_fails_its_own_utterances_only():
    recording = Recording({"file:///a.wav": [[word("x", 1)]]})
    found = hypotheses(recording, [utterance(0, 5, audio="file:///gone.wav"), utterance(0, 5)])
    assert found == [
        Unheard(kind="not_found", message="no such file"),
        Heard(words=(word("x", 1),), seconds=5.0),
    ]


def test_progress_ends_with_all_utterances():
    told = []
    recording = Recording({"file:///a.wav": [[]]})
    hypotheses(
        recording,
        [utterance(0, 5), utterance(300, 5)],
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (2, 2)


def test_the_words_of_a_long_recording_are_gone_through_once():
    """Not once for each of its utterances: ten hours have ten thousand of them."""

    class Counted(TranscriptRecord):
        asked = 0

        @property
        def words(self):
            type(self).asked += 1
            return super().words

    class Transcriber(Recording):
        def _records(self, pointer):
            for record in super()._records(pointer):
                yield Counted(**vars(record))

    words = [word(f"w{n}", n * 3) for n in range(100)]
    found = hypotheses(
        Transcriber({"file:///a.wav": [words]}), [utterance(n * 3, 3) for n in range(100)]
    )
    assert texts(found) == [w.text for w in words]
    assert Counted.asked == 1


cuts = st.lists(st.integers(1, 5990), unique=True, max_size=12).map(
    lambda tenths: [0.0, *sorted(t / 10 for t in tenths), SECONDS]
)
starts = st.lists(st.integers(0, 5980).map(lambda t: t / 10), unique=True, max_size=60)


@given(cuts, starts, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_utterances_that_tile_a_recording_share_out_each_word_once(edges, begins, random):
    words = [word(f"w{n}", start) for n, start in enumerate(sorted(begins))]
    tiles = [utterance(a, b - a) for a, b in pairwise(edges)]
    random.shuffle(tiles)
    found = hypotheses(Recording({"file:///a.wav": [words]}), tiles)
    shared_out = [
        text
        for tile, heard in sorted(zip(tiles, found, strict=True), key=lambda p: p[0].offset)
        for text in heard.text.split()
    ]
    assert shared_out == [w.text for w in words]
