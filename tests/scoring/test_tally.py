"""Many pairs counted at once are the pairs counted one by one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import align, sum_counts, tally

words = st.lists(st.sampled_from(["a", "b", "c", "ab", "ba"]), max_size=12)


@pytest.mark.parametrize("folded", [0, 50_000])
@given(pairs=st.lists(st.tuples(words, words), max_size=6))
def test_counts_and_confusions_are_those_of_the_alignments(folded, pairs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.scoring.tallying._FOLDED", folded)
        found = tally(pairs)
    aligned = [align(said, heard) for said, heard in pairs]
    assert found.counts == sum_counts(one.counts for one in aligned)
    confused = Counter(
        (said[step.ref_index], heard[step.hyp_index])
        for (said, heard), one in zip(pairs, aligned, strict=True)
        for step in one.ops
        if step.op == "sub"
    )
    assert found.substitutions == confused
    assert found.deletions.total() == found.counts.deletions
    assert found.insertions.total() == found.counts.insertions
