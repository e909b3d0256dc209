"""Optional words, alternatives and regions that are not scored, as references mark them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import (
    SCLITE,
    UNIT,
    ErrorCounts,
    LeftOut,
    align_traced,
    count_errors,
    normalizer_for,
    raw_tokens,
    score_pair,
)
from training.scoring.marks import stretches_of

EN = normalizer_for("en")


def scored(reference, hypothesis, aligner=UNIT):
    return score_pair(reference, hypothesis, EN, aligner=aligner)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("we (really) won", "we really won", ErrorCounts(hits=3)),
        ("we (really) won", "we won", ErrorCounts(hits=2)),
        ("we (really), won", "we won", ErrorCounts(hits=2)),
        ("so { I have / I've / @ } won", "so I've won", ErrorCounts(hits=4)),
        ("so { hum / haw / @ } won", "so won", ErrorCounts(hits=2)),
        ("so { hum / haw } won", "so haw won", ErrorCounts(hits=3)),
        ("so { hum / haw } won", "so won", ErrorCounts(hits=2, deletions=1)),
        ("we (( )) won", "we have never ever won", ErrorCounts(hits=2)),
        ("we (()) won", "we won", ErrorCounts(hits=2)),
        ("we ((nearly all)) won", "we merely won", ErrorCounts(hits=2)),
        ("we (( nearly all )) won", "we", ErrorCounts(hits=1, deletions=1)),
        ("(())", "thank you", ErrorCounts()),
        ("(so) (well)", "", ErrorCounts()),
    ],
)
def test_what_a_mark_allows_is_no_error(reference, hypothesis, expected):
    assert scored(reference, hypothesis).normalized == expected
    assert scored(reference, hypothesis, SCLITE).normalized == expected


def test_what_is_left_out_is_counted_and_adds_up():
    score = scored("we ((nearly all)) (really) won (( ))", "we merely won it all")
    assert score.left_out == LeftOut(
        regions=2, reference_words=2, hypothesis_words=3, optional_words=1
    )
    assert score.left_out + LeftOut(regions=1) == LeftOut(
        regions=3, reference_words=2, hypothesis_words=3, optional_words=1
    )
    assert not scored("we won", "we").left_out


def test_raw_words_and_characters_leave_the_same_things_out():
    score = scored("We (really) won { $5 / five dollars }.", "We won five dollars.")
    assert score.raw == ErrorCounts(hits=3, substitutions=1)
    assert score.characters == ErrorCounts(hits=len("we won $5"))
    assert scored("we ((nearly)) won", "we merely won").characters == ErrorCounts(hits=6)


@pytest.mark.parametrize(
    "reference",
    ["not {closed a / b", "((not closed", "{ laugh }", "{ a { b / c", "( spaced )", "{ }"],
)
def test_what_is_no_whole_mark_is_text_like_any_other(reference):
    assert stretches_of(raw_tokens(reference)) is None


def test_marks_in_a_transcript_are_not_the_references():
    assert scored("we won", "we (really) won").left_out == LeftOut()


def test_a_token_keeps_its_spelling_among_marks():
    said = raw_tokens("So, { I've / we have } (Really) won ((what)) twenty five")
    heard = ["so", "we've", "really", "won", "lots", "25"]
    aligned = align_traced(said, heard, EN)
    spelled = [(one.text, said[one.first : one.last + 1]) for one in aligned.reference]
    assert spelled == [
        ("so", ("So,",)),
        ("we", ("we",)),
        ("have", ("have",)),
        ("really", ("(Really)",)),
        ("won", ("won",)),
        ("25", ("twenty", "five")),
    ]
    assert [one.text for one in aligned.hypothesis] == ["so", "we", "have", "really", "won", "25"]
    assert {one.op for one in aligned.ops} == {"hit"}
    assert aligned.left_out.hypothesis_words == 1


word = st.sampled_from(["a", "b", "c", "d"])
words = st.lists(word, max_size=3).map(" ".join)
part = st.one_of(
    words.map(lambda text: ("plain", [text])),
    word.map(lambda text: ("optional", [text, ""])),
    st.lists(words, min_size=2, max_size=3).map(lambda texts: ("either", texts)),
)


def as_reference(parts):
    written = []
    for kind, texts in parts:
        if kind == "plain":
            written.append(texts[0])
        elif kind == "optional":
            written.append(f"({texts[0]})")
        else:
            written.append("{ " + " / ".join(text or "@" for text in texts) + " }")
    return " ".join(written)


@given(parts=st.lists(part, max_size=4), hypothesis=st.lists(word, max_size=8))
def test_the_cheapest_of_all_texts_that_a_reference_allows_is_taken(parts, hypothesis):
    rule = normalizer_for(None)
    score = score_pair(as_reference(parts), " ".join(hypothesis), rule)
    every = itertools.product(*(texts for _, texts in parts))
    cheapest = min(count_errors(" ".join(texts).split(), hypothesis).errors for texts in every)
    assert score.normalized.errors == score.raw.errors == cheapest


@given(parts=st.lists(part, max_size=4), hypothesis=st.lists(word, max_size=8))
def test_the_traced_alignment_is_what_was_counted(parts, hypothesis):
    reference, rule = as_reference(parts), normalizer_for(None)
    counts = score_pair(reference, " ".join(hypothesis), rule).normalized
    aligned = align_traced(raw_tokens(reference), hypothesis, rule)
    kinds = [one.op for one in aligned.ops]
    assert counts == ErrorCounts(
        hits=kinds.count("hit"),
        substitutions=kinds.count("sub"),
        deletions=kinds.count("del"),
        insertions=kinds.count("ins"),
    )
    said = [one.ref_index for one in aligned.ops if one.ref_index is not None]
    heard = [one.hyp_index for one in aligned.ops if one.hyp_index is not None]
    assert said == list(range(len(aligned.reference)))
    assert heard == list(range(len(aligned.hypothesis)))


def test_a_long_marked_reference_in_pieces_counts_what_it_counts_in_one(monkeypatch):
    sentence = "the { colour / shade } of (um) it was (( )) never going to be a thing "
    heard = "the shade of it was xx yy never going to bee a thing "
    reference, hypothesis = sentence * 12, heard * 12
    whole = scored(reference, hypothesis)
    monkeypatch.setattr("training.scoring.marked.CELLS", 600)
    assert scored(reference, hypothesis) == whole
    assert whole.normalized == ErrorCounts(hits=120, substitutions=12)
    assert whole.left_out == LeftOut(regions=12, hypothesis_words=24)
