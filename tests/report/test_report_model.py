"""Coverage and corpus totals: what is scored, what is not, and that both are said."""

import pytest

from batch.report.alignment import align_recording, word_errors, word_places
from batch.report.breakdown import confusions, spread
from batch.report.model import Sound, TimedWord
from batch.report.slices import NO_VALUE, slices_of
from training.scoring import ErrorCounts, normalizer_for

EN = normalizer_for("en")


@pytest.fixture
def mixed(make_recording, make_report):
    return make_report(
        make_recording("good.wav", "the cat sat", "the cat sat", meta={"room": "Oslo"}),
        make_recording("bad.wav", "the cat sat", "a cat", meta={"room": "Lima"}),
        make_recording("silent.wav", "two words", None, meta={"room": "Lima"}),
        make_recording("broken.wav", "never heard", None, status="error", error_kind="corrupt"),
        make_recording("gone.wav", "never heard", None, status="missing"),
        make_recording("new.wav", None, "no reference"),
        references_without_recording=["old.wav"],
        ambiguous=["twice.wav"],
    )


def test_coverage_counts_every_reference_once(mixed):
    coverage = mixed.coverage
    assert (coverage.recordings, coverage.with_reference, coverage.references) == (6, 5, 7)
    assert (coverage.scored, coverage.empty, coverage.error, coverage.missing) == (3, 1, 1, 1)
    assert coverage.share == pytest.approx(3 / 7)


def test_no_references_have_no_share(make_recording, make_report):
    assert make_report(make_recording("a.wav", None, "text")).coverage.share is None


def test_an_empty_transcript_is_deletions_and_a_failed_recording_is_not_in_the_wer(mixed):
    assert mixed.normalized == ErrorCounts(hits=4, substitutions=1, deletions=3)
    assert mixed.normalized.reference_words == 8


def test_an_empty_reference_adds_its_words_to_the_errors_only(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", "ten words " * 5, "ten words " * 5),
        make_recording("music.wav", "", "thank you"),
    )
    assert report.recordings[1].normalized.rate is None
    assert report.normalized.rate == pytest.approx(0.2)


def test_slices_add_up_to_the_whole(mixed):
    (table,) = slices_of(mixed.scored)
    assert table.column == "room"
    assert [(part.value, part.recordings) for part in table.slices] == [("Lima", 2), ("Oslo", 1)]
    assert sum((p.normalized for p in table.slices), ErrorCounts()) == mixed.normalized


def test_a_column_with_one_value_or_a_value_each_is_no_slice(make_recording, make_report):
    rows = [
        make_recording(f"{i}.wav", "a", "a", meta={"same": "x", "each": str(i)}) for i in range(40)
    ]
    assert slices_of(make_report(*rows).scored) == ()


def test_channels_are_slices_and_a_missing_value_says_so(make_recording, make_report):
    tables = slices_of(
        make_report(
            make_recording("a.wav", "a", "a", channel=0, meta={"room": "Oslo"}),
            make_recording("a.wav", "a b", "a", channel=1, id="other"),
        ).scored
    )
    assert [table.column for table in tables] == ["room", "channel"]
    assert {part.value for part in tables[0].slices} == {"Oslo", NO_VALUE}
    assert {part.value for part in tables[1].slices} == {"0", "1"}


def test_what_was_measured_is_sliced_at_fixed_edges(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", "one two", "one", duration=4.0, sound=Sound(snr_db=4.9)),
        make_recording("b.wav", "one two", "one two", duration=5.0, sound=Sound(snr_db=31.0)),
        make_recording("c.wav", "one two", "one two", duration=900.0),
    )
    tables = {table.column: table for table in report.slices}
    assert list(tables) == ["length of recording", "SNR, dB"]
    assert [(part.value, part.recordings) for part in tables["length of recording"].slices] == [
        ("≤ 5 s", 2),
        ("≤ 30 min", 1),
    ]
    assert [part.value for part in tables["SNR, dB"].slices] == ["≤ 5", "> 30", NO_VALUE]
    for table in tables.values():
        assert sum((p.normalized for p in table.slices), ErrorCounts()) == report.normalized


def test_a_reference_that_lacks_what_was_said_is_named(make_recording, make_report):
    said = " ".join(f"word{letter}" for letter in "abcdefghij") + " "
    report = make_report(
        make_recording("edited.wav", said * 6, (said + "uh ") * 6),
        make_recording("short.wav", said, said + "well so"),
        make_recording("bad.wav", said * 6, ("wrong " * 3 + said[20:] + "so ") * 6),
        make_recording("good.wav", said * 6, said * 6),
    )
    assert report.coverage.edited == ()
    other = make_report(make_recording("edited.wav", said * 6, (said + "indeed ") * 6))
    assert other.coverage.edited == ("edited.wav",)


def test_intervals_are_drawn_over_meetings_not_over_recordings(make_recording, make_report):
    def corpus(**named):
        # Ten meetings of ten recordings: one meeting is all wrong, the others all right.
        return make_report(
            *(
                make_recording(
                    f"{m}-{i}.wav",
                    "one two three four",
                    "x y z w" if m == 0 else "one two three four",
                    **{key: value(m) for key, value in named.items()},
                )
                for m in range(10)
                for i in range(10)
            )
        ).interval

    alone, together = corpus(), corpus(meeting_name=lambda m: f"meeting {m}")
    assert (alone.blocks, together.blocks) == (100, 10)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert alone.note is None
    assert "too few" in together.note


def test_the_order_of_the_recordings_moves_no_interval(make_recording, make_report):
    rows = [
        make_recording(f"{i}.wav", "one two three", "one two three"[: 4 + i % 9]) for i in range(30)
    ]
    assert make_report(*rows).interval == make_report(*reversed(rows)).interval


def test_a_slice_of_one_meeting_has_no_interval(make_recording, make_report):
    report = make_report(
        *(
            make_recording(f"{i}.wav", "a b", "a", meta={"room": "Oslo" if i else "Lima"})
            for i in range(25)
        )
    )
    (table,) = report.slices
    bounds = {part.value: part.interval for part in table.slices}
    assert bounds["Oslo"].low == bounds["Oslo"].high == pytest.approx(0.5)
    assert (bounds["Lima"].low, bounds["Lima"].blocks) == (None, 1)


def test_confusions_count_words_and_name_their_recordings(mixed):
    (swap,) = confusions(mixed, "S", top=5)
    assert (swap.reference_word, swap.hypothesis_word, swap.count) == ("the", "a", 1)
    assert swap.recordings == (1,)
    assert {row.reference_word for row in confusions(mixed, "D", top=5)} == {"sat", "2", "words"}
    assert confusions(mixed, "I", top=5) == ()


def test_the_alignments_are_those_that_were_counted(mixed):
    for row, aligned in zip(mixed.recordings, mixed.alignments, strict=True):
        assert (aligned is not None) == row.scored
        if aligned:
            kinds = [error.kind for error in word_errors(aligned)]
            counts = row.normalized
            assert (kinds.count("S"), kinds.count("D"), kinds.count("I")) == (
                counts.substitutions,
                counts.deletions,
                counts.insertions,
            )


def test_the_spread_leaves_out_what_has_no_rate(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", "one two", "one two"),
        make_recording("b.wav", "x", "y z w"),
        make_recording("music.wav", "", "thank you"),
    )
    assert [(bar.label, bar.recordings) for bar in spread(report) if bar.recordings] == [
        ("0", 1),
        ("> 100", 1),
    ]


def words_every_second(text):
    return [TimedWord(text=w, start=float(i), end=i + 0.5) for i, w in enumerate(text.split())]


def test_tokens_keep_their_spelling_and_the_time_of_their_words():
    said = "We won't pay twenty five dollars"
    aligned = align_recording(said, said, words_every_second(said), EN)
    shown = [(token.text, token.written, token.start, token.end) for token in aligned.hypothesis]
    assert shown[1:3] == [("will", "won't", 1.0, 1.5), ("not", "won't", 1.0, 1.5)]
    assert shown[-1] == ("$25", "twenty five dollars", 3.0, 5.5)


def test_a_deleted_word_has_the_time_of_its_gap():
    heard = "the sat"
    aligned = align_recording("the cat sat down", heard, words_every_second(heard), EN)
    gaps = [(e.reference_word, e.start, e.end) for e in word_errors(aligned)]
    assert gaps == [("cat", 0.5, 1.0), ("down", 1.5, None)]


def test_words_that_do_not_stand_in_the_text_lend_it_no_times():
    found = word_places(("alpha", "other", "gamma"), ("alpha", "beta", "gamma"))
    assert list(found) == [0, None, 2]


def test_one_timed_word_may_hold_two_written_ones():
    assert word_places(("good", "morning"), (" good\u00a0morning",)) == [0, 0]
