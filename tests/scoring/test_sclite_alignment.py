"""The sclite rule: costs 4/3/3, kaldialign's choice among ties, and long pairs in pieces."""

import random

import jiwer
import kaldialign
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import SCLITE, UNIT, ErrorCounts, align, aligner_named, count_errors
from training.scoring.cutting import pieces

words = st.lists(st.sampled_from(["a", "b", "c", "d", "ab", "ba", "é"]), max_size=25)


@given(reference=words, hypothesis=words)
def test_substitutions_deletions_and_insertions_equal_kaldialigns(reference, hypothesis):
    expected = kaldialign.edit_distance(reference, hypothesis, sclite_mode=True)
    counts = align(reference, hypothesis, SCLITE).counts
    assert (counts.substitutions, counts.deletions, counts.insertions) == (
        expected["sub"],
        expected["del"],
        expected["ins"],
    )
    assert count_errors(reference, hypothesis, SCLITE) == counts


@given(reference=words, hypothesis=words)
def test_each_token_stands_in_exactly_one_step_and_in_order(reference, hypothesis):
    ops = align(reference, hypothesis, SCLITE).ops
    assert [one.ref_index for one in ops if one.ref_index is not None] == list(
        range(len(reference))
    )
    assert [one.hyp_index for one in ops if one.hyp_index is not None] == list(
        range(len(hypothesis))
    )
    for one in ops:
        if one.op in ("hit", "sub"):
            assert (reference[one.ref_index] == hypothesis[one.hyp_index]) == (one.op == "hit")


def test_the_totals_differ_from_unit_costs_where_the_costs_do():
    reference, hypothesis = ["p", "q", "r", "a", "b"], ["a", "b", "x", "y", "z"]
    assert align(reference, hypothesis).counts.errors == 5
    assert align(reference, hypothesis, SCLITE).counts == ErrorCounts(
        hits=2, deletions=3, insertions=3
    )


def meeting(size: int, *, wrong: float, seed: int = 1) -> tuple[list[str], list[str]]:
    chance = random.Random(seed)
    reference = [f"w{chance.randrange(800)}" for _ in range(size)]
    hypothesis = []
    for word in reference:
        kind = chance.random()
        if kind < wrong:
            hypothesis += chance.choice([[], [f"w{chance.randrange(800)}"], [word, "uh"]])
        else:
            hypothesis.append(word)
    return reference, hypothesis


@pytest.mark.parametrize("wrong", [0.1, 0.4])
def test_a_long_pair_in_pieces_counts_what_it_counts_in_one(monkeypatch, wrong):
    reference, hypothesis = meeting(1200, wrong=wrong)
    whole = align(reference, hypothesis, SCLITE)
    monkeypatch.setattr("training.scoring.sclite.CELLS", 10_000)
    assert align(reference, hypothesis, SCLITE).counts == whole.counts


def test_pieces_are_small_and_put_together_are_the_whole():
    reference, hypothesis = meeting(3000, wrong=0.3)
    numbers = {word: number for number, word in enumerate({*reference, *hypothesis})}
    ref, hyp = [numbers[word] for word in reference], [numbers[word] for word in hypothesis]
    closed = frozenset(range(100, 2000))
    for forbidden in (frozenset(), closed):
        found = pieces(ref, hyp, cells=40_000, closed=forbidden)
        assert [at for piece in found for at in piece.reference] == list(range(len(ref)))
        assert [at for piece in found for at in piece.hypothesis] == list(range(len(hyp)))
        assert not {piece.reference.start for piece in found} & forbidden
    assert all(piece.cells <= 40_000 for piece in pieces(ref, hyp, cells=40_000))


def test_where_nothing_agrees_the_pair_is_still_aligned(monkeypatch):
    monkeypatch.setattr("training.scoring.sclite.CELLS", 100)
    assert align(["a"] * 50, ["b"] * 60, SCLITE).counts == ErrorCounts(
        substitutions=50, insertions=10
    )


def test_the_name_says_the_rule_and_finds_it_again():
    assert SCLITE.name.startswith("kaldialign 0.")
    assert "4/3/3" in SCLITE.name
    assert [aligner_named(one.name) for one in (UNIT, SCLITE)] == [UNIT, SCLITE]
    with pytest.raises(ValueError, match=r'no aligner "sclite 2\.10" here.*Score the run again'):
        aligner_named("sclite 2.10")


@given(reference=words.filter(bool), hypothesis=words)
def test_match_error_rate_and_information_lost_are_jiwers(reference, hypothesis):
    expected = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    counts = count_errors(reference, hypothesis)
    assert counts.match_error_rate == pytest.approx(expected.mer)
    assert counts.information_lost == pytest.approx(expected.wil)


def test_rates_of_nothing_are_none():
    assert ErrorCounts().match_error_rate is None
    assert ErrorCounts().information_lost is None
    assert ErrorCounts(insertions=2).match_error_rate == 1.0
    assert ErrorCounts(deletions=2).information_lost == 1.0
