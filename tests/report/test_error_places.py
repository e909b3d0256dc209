"""Where errors live: what is found, what is left alone, and what is said to be unknown."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.report import TimedWord, summary
from batch.report.alignment import align_recording
from batch.report.findings.joins import JoinGrid
from batch.report.findings.listed import Collector
from batch.report.findings.repetitions import repetitions
from batch.report.findings.timeline import step_seconds
from training.scoring import normalizer_for, sum_counts

GRID = JoinGrid(step=18.0, reach=1.5, longest=23.0)
UNICODE = normalizer_for(None)
SAID = "alpha bravo charlie delta echo foxtrot golf hotel india juliet"
MANY = [f"x{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(100)]


def words(text, *, every=0.5, confidence=0.9, start=0.0):
    return tuple(
        TimedWord(
            text=w, start=start + i * every, end=start + i * every + 0.4, confidence=confidence
        )
        for i, w in enumerate(text.split())
    )


def aligned(reference, hypothesis):
    return align_recording(reference, hypothesis, words(hypothesis), UNICODE)


# -- when ------------------------------------------------------------------------------------


def test_a_written_word_is_at_its_middle_and_missing_ones_are_spread_over_their_gap():
    found = step_seconds(
        align_recording(
            "a b c d",
            "a d",
            (TimedWord(text="a", start=1.0, end=2.0), TimedWord(text="d", start=6.0, end=7.0)),
            UNICODE,
        ),
        10.0,
    )
    assert found == [1.5, 3.0, 5.0, 6.5]


def test_missing_words_at_the_ends_lie_between_speech_and_the_recordings_ends():
    found = step_seconds(
        align_recording("a b c", "b", (TimedWord(text="b", start=4.0, end=6.0),), UNICODE), 10.0
    )
    assert found == [2.0, 5.0, 8.0]
    assert step_seconds(aligned("a b", "a"), None)[-1] is None


def test_without_word_times_no_step_has_a_place():
    untimed = align_recording("a b", "a c", (), UNICODE)
    assert step_seconds(untimed, 10.0) == [None, None]


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_places_never_run_backwards_and_never_leave_the_recording(reference, hypothesis):
    pair = aligned(" ".join(reference), " ".join(hypothesis))
    found = step_seconds(pair, 20.0)
    assert None not in found
    assert found == sorted(found)
    assert all(0 <= second <= 20 for second in found)


# -- lost speech -----------------------------------------------------------------------------


def test_five_deletions_in_a_row_are_lost_speech_and_four_are_not(make_recording, make_report):
    report = make_report(
        make_recording("lost.wav", SAID, "alpha bravo hotel india juliet"),
        make_recording("short.wav", SAID, "alpha bravo golf hotel india juliet"),
    )
    (found,) = report.places.lost.items
    assert report.recordings[found.recording].path == "lost.wav"
    assert (found.words, found.text) == (5, "charlie delta echo foxtrot golf")
    assert (found.start, found.end) == (0.9, 1.0)
    assert (report.places.lost.count, report.places.lost.words) == (1, 5)


def test_lost_speech_at_the_ends_reaches_to_the_ends_of_the_recording(make_recording, make_report):
    report = make_report(
        make_recording("begin.wav", SAID, "hotel india juliet", id="b"),
        make_recording("end.wav", SAID, "alpha bravo charlie", id="e"),
        make_recording("all.wav", SAID, None, id="a"),
        make_recording("gone.wav", SAID, "alpha bravo charlie", duration=None, id="g"),
    )
    found = {report.recordings[one.recording].path: one for one in report.places.lost.items}
    assert (found["begin.wav"].start, found["begin.wav"].end) == (0.0, 0.0)
    assert (found["end.wav"].start, found["end.wav"].end) == (1.4, 12.0)
    assert (found["all.wav"].words, found["all.wav"].seconds) == (10, 12.0)
    assert found["gone.wav"].seconds is None


# -- position --------------------------------------------------------------------------------


def test_positions_add_up_to_the_corpus(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", SAID, "alpha bravo delta echo x foxtrot golf hotel india"),
        make_recording("b.wav", "echo foxtrot", "echo foxtrot golf"),
        make_recording("empty.wav", SAID, None),
    )
    positions = report.places.positions
    assert sum_counts(positions.tenths) == report.normalized
    assert (positions.placed, positions.unplaced, positions.long) == (3, 0, 0)


def test_first_and_last_minute_are_those_of_long_recordings(make_recording, make_report):
    spoken = "start middle stop"
    times = [
        TimedWord(text=w, start=at, end=at + 1)
        for w, at in zip(spoken.split(), (5, 100, 190), strict=True)
    ]
    report = make_report(
        make_recording(
            "long.wav", "began middle stopped", spoken, words=tuple(times), duration=200.0
        ),
        make_recording("short.wav", "x", "y"),
    )
    positions = report.places.positions
    assert positions.long == 1
    assert [p.errors for p in (positions.first, positions.between, positions.last)] == [1, 0, 1]


def test_recordings_without_times_or_length_are_counted_as_unplaced(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", "a b", "a c", words=()),
        make_recording("b.wav", "a b", "a c", duration=None),
    )
    assert (report.places.positions.placed, report.places.positions.unplaced) == (0, 2)


# -- joins -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "duration", "near"),
    [
        (1.0, 60.0, False),  # no join at the beginning
        (14.4, 60.0, False),
        (14.5, 60.0, True),
        (21.5, 60.0, True),
        (21.6, 60.0, False),
        (18.0, 23.0, False),  # what is left is not cut again
        (18.0, 23.1, True),
        (36.0, 39.4, False),
        (36.0, 39.6, True),  # the border before may lie early
    ],
)
def test_near_is_where_a_join_can_be_within_two_seconds(second, duration, near):
    assert GRID.near(second, duration) is near


def with_joins(report, grid=GRID, digest="d"):
    rows = tuple(dataclasses.replace(row, decode_digest=digest) for row in report.recordings)
    facts = dataclasses.replace(report.facts, joins=grid, decode_digest="d")
    return dataclasses.replace(report, facts=facts, recordings=rows)


def test_deletions_near_joins_are_told_from_others(make_recording, make_report):
    reference = " ".join(MANY[:60])
    heard = [
        TimedWord(text=MANY[i], start=float(i), end=i + 0.9) for i in range(60) if i not in (18, 36)
    ]
    text = " ".join(word.text for word in heard)
    rows = [
        make_recording(f"{i}.wav", reference, text, words=tuple(heard), duration=60.0, id=str(i))
        for i in range(20)
    ]
    joins = with_joins(make_report(*rows)).places.joins
    assert (joins.near.deletions, joins.elsewhere.deletions) == (40, 0)
    assert joins.near.words + joins.elsewhere.words == 1200
    assert joins.difference.low > 0
    assert joins.unknown == 0


def test_channels_of_one_meeting_are_one_block(make_recording, make_report):
    rows = [make_recording("a.wav", "a b", "a", id="a", channel=channel) for channel in range(2)]
    assert with_joins(make_report(*rows)).places.joins.difference.blocks == 1


def test_recordings_decoded_otherwise_are_not_measured_by_this_grid(make_recording, make_report):
    report = make_report(make_recording("a.wav", "a b", "a c"))
    joins = with_joins(report, digest="another").places.joins
    assert (joins.recordings, joins.unknown, joins.near.words) == (0, 1, 0)
    assert joins.difference.delta is None
    assert with_joins(report, grid=None).places.joins is None


# -- repetitions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "hypothesis", "found"),
    [
        ("so", "no no no", [("no", 3)]),
        ("so", "no no", []),
        ("so", "thank you thank you thank you bye", [("thank you", 3)]),
        ("no no no", "no no no no no", []),  # the speaker repeats it too
        ("so", "a a a a a a", [("a", 6)]),  # not "a a" three times as well
        ("so", "x a b a b a b y c c c", [("c", 3), ("a b", 3)]),
        ("so", "a b c d e f g h i " * 3, []),  # longer than what is looked for
    ],
)
def test_phrases_written_over_and_over(reference, hypothesis, found):
    assert [(r.phrase, r.times) for r in repetitions(0, aligned(reference, hypothesis))] == found


@given(st.lists(st.sampled_from("ab"), max_size=14))
def test_every_word_written_three_times_in_a_row_is_found(hypothesis):
    text = " ".join(hypothesis)
    found = list(repetitions(0, aligned("z", text)))
    thrice = any(
        hypothesis[i : i + n] * 3 == hypothesis[i : i + 3 * n]
        for n in range(1, 5)
        for i in range(len(hypothesis) - 3 * n + 1)
    )
    assert bool(found) == thrice
    for one in found:
        assert " ".join([one.phrase] * one.times) in text


# -- made up, suspected ----------------------------------------------------------------------


def test_words_on_an_empty_reference_are_made_up(make_recording, make_report):
    report = make_report(
        make_recording("music.wav", "", "thanks for watching"),
        make_recording("quiet.wav", "", None),
        make_recording("talk.wav", "hello", "hello there"),
    )
    (found,) = report.places.hallucinated.items
    assert (found.recording, found.words, found.text) == (0, 3, "thanks for watching")
    assert report.places.silent == 2


def sure_words(text, *pairs):
    """Words with a confidence of 0.5 and, from each (text, confidence), of their own."""
    sure = dict(pairs)
    return tuple(
        dataclasses.replace(word, confidence=sure.get(word.text, 0.5)) for word in words(text)
    )


@pytest.fixture
def suspicious(make_recording, make_report):
    """A hundred right words of confidence 0.5, and three wrong words of which the model is sure."""
    common = " ".join(MANY)
    said, heard = f"{common} the old budget grew", f"{common} the new profit fell"
    return make_report(
        make_recording(
            "a.wav",
            said,
            heard,
            id="a",
            words=sure_words(heard, ("new", 0.9), ("profit", 0.8), ("fell", 0.95)),
        )
    )


def test_errors_in_a_row_of_which_the_model_is_sure_are_suspected(suspicious):
    assert suspicious.places.sure == 0.5
    (found,) = suspicious.places.suspected.items
    assert (found.reference, found.hypothesis) == ("old budget grew", "new profit fell")
    assert (found.confidence, found.agreed) == (0.8, False)


def test_one_word_of_doubt_is_enough_not_to_suspect(suspicious):
    (row,) = suspicious.recordings
    doubted = tuple(
        dataclasses.replace(word, confidence=0.3) if word.text == "profit" else word
        for word in row.words
    )
    report = dataclasses.replace(suspicious, recordings=(dataclasses.replace(row, words=doubted),))
    assert report.places.suspected.count == 0


def test_a_second_run_suspects_where_both_wrote_the_same_and_only_there(suspicious):
    (row,) = suspicious.recordings
    same = dataclasses.replace(suspicious, second={("a", None): row.hypothesis})
    assert [one.agreed for one in same.places.suspected.items] == [True]
    other = row.hypothesis.replace("fell", "rose")
    differs = dataclasses.replace(suspicious, second={("a", None): other})
    assert differs.places.suspected.count == 0
    right = dataclasses.replace(suspicious, second={("a", None): row.reference})
    assert right.places.suspected.count == 0


def test_with_a_second_run_one_word_is_enough(make_recording, make_report):
    common = " ".join(MANY)
    heard = f"naught {common} extra"
    report = make_report(make_recording("a.wav", f"nought {common}", heard, id="a"))
    agreed = dataclasses.replace(report, second={("a", None): heard})
    assert [(s.reference, s.hypothesis) for s in agreed.places.suspected.items] == [
        ("nought", "naught"),
        ("", "extra"),
    ]


def test_with_few_confident_words_nothing_is_suspected(make_recording, make_report):
    report = make_report(make_recording("a.wav", "a b c", "x y z"))
    assert report.places.sure is None
    assert report.places.suspected.count == 0


# -- bounds and figures ----------------------------------------------------------------------


def test_the_heaviest_findings_are_kept_and_all_are_counted():
    collector = Collector[int](lambda n: (n % 10,), most=3)
    for number in range(30):
        collector.add(number, words=2)
    listed = collector.listed()
    assert (listed.count, listed.words, listed.items) == (30, 60, (9, 19, 29))


def test_the_summary_names_the_recordings_and_is_json(make_recording, make_report):
    report = with_joins(make_report(make_recording("lost.wav", SAID, "alpha", channel=1)))
    figures = json.loads(json.dumps(summary(report), allow_nan=False))["places"]
    (lost,) = figures["lost"]["items"]
    assert (lost["path"], lost["channel"], lost["words"]) == ("lost.wav", 1, 9)
    assert figures["joins"]["grid"] == {"step": 18.0, "reach": 1.5, "longest": 23.0}
    assert figures["suspected_from_confidence"] is None


def test_a_report_without_scores_has_no_places(make_recording, make_report):
    places = make_report(make_recording("a.wav", None, "text")).places
    assert (places.lost.count, places.silent, places.positions.placed) == (0, 0, 0)
