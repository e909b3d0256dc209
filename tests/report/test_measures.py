"""What can be sliced by: overlap of channels, counts by position."""

from hypothesis import given
from hypothesis import strategies as st

from batch.report import TimedWord
from batch.report.measures import (
    _merged,
    _shared,
    overlaps,
    position_counts,
)
from training.scoring import sum_counts


def word(start, end):
    return TimedWord(text="x", start=start, end=end)


def test_overlap_is_the_share_of_a_channels_words_in_which_another_speaks(make_recording):
    rows = [
        make_recording("a.wav", None, "x", id="a", channel=0, words=(word(0, 4),)),
        make_recording("a.wav", None, "x", id="a", channel=1, words=(word(3, 5),)),
        make_recording("a.wav", None, None, id="a", channel=2, words=()),
        make_recording("b.wav", None, "x", id="b", words=(word(0, 4),)),
    ]
    assert overlaps(rows) == {("a", 0): 0.25, ("a", 1): 0.5}


SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 5)).map(lambda p: (p[0], p[0] + p[1])), max_size=8
)


@given(SPANS, SPANS)
def test_shared_time_is_that_of_the_seconds_in_both(one, other):
    both = [
        {second for begin, end in part for second in range(begin, end)} for part in (one, other)
    ]
    assert _shared(_merged(one), _merged(other)) == len(both[0] & both[1])


def test_counts_by_position_add_up_to_the_recordings(make_recording, make_report):
    row = make_recording("a.wav", "the cat sat on a mat", "a cat on the mat now")
    report = make_report(row)
    counts = position_counts(report.alignments[0], row.duration)
    assert len(counts) == 10
    assert sum_counts(counts) == row.normalized
    assert position_counts(report.alignments[0], None) is None
