"""Known faults of whisper-normalizer, mended; everywhere else the rules are still its own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper_normalizer.english import EnglishTextNormalizer

from training.scoring import normalizer_for

EN = normalizer_for("en")
LIBRARY = EnglishTextNormalizer()


@pytest.mark.parametrize(
    ("one", "other", "scored"),
    [
        ("Main St. is closed.", "main street is closed", "main street is closed"),
        ("at 42nd St", "at forty second street", "at 42nd street"),
        ("Main St. The shop", "Main Street. The shop", "main street the shop"),
        ("St. John came", "saint John came", "saint john came"),
        ("see St. Mary's", "see Saint Mary's", "see saint marys"),
        ("the dog's bowl", "the dogs bowl", "the dogs bowl"),
        ("O'Brien said", "OBrien said", "obrien said"),
        ("AT&T called", "a t and t called", "att called"),
        ("R&D", "R and D", "r and d"),
        ("at 10:30", "at ten thirty", "at 1030"),
        ("at 09:05 a.m.", "at nine oh five AM", "at 905 am"),
        ("at 10:00", "at ten o'clock", "at 10 oclock"),
        ("at 10:00 am", "at ten a.m.", "at 10 am"),
        ("OK, so", "okay so", "ok so"),
        ("O.K. so", "okay, so", "ok so"),
        ("the U.S.A. is", "the USA is", "the usa is"),
        ("I I I think", "I, I, I think", "i i i think"),
        ("so {laugh} yes", "so yes", "so yes"),
        ("so %hesitation yes", "so [noise] <breath> yes", "so yes"),
        ("ten < b and c > five", "ten b and c five", "10 b and c 5"),
        ("5 % of it", "five percent of it", "5% of it"),
        ("I cannot", "I can't", "i can not"),
        ("that's alright", "that is all right", "that is all right"),
        ("oh no", "Oh, no", "oh no"),
        ("uhm hmmm yes", "yes", "yes"),
        ("the 1960's", "the nineteen sixties", "the 1960s"),
        ("abc $", "abc", "abc"),
        ("the U.S. and the NHS", "the US and the n h s", "the us and the nhs"),
        ("a PDF, B.B.C. and B B C", "a p d f BBC and bbc", "a pdf bbc and bbc"),
        ("play the MP3", "play the m p three", "play the mp 3"),
        ("at 9 p.m.", "at nine P M", "at 9 pm"),
        ("HE LIVES ON MAIN ST", "he lives on main street", "he lives on main street"),
    ],
)
def test_two_spellings_of_one_thing_said_score_the_same(one, other, scored):
    assert (EN(one), EN(other)) == (scored, scored)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the i t people", "the it people"),
        ("it spells c a t", "it spells cat"),
        ("the u s", "the us"),
        ("b y the way", "by the way"),
        ("s h", "sh"),
        ("m r smith", "mr smith"),
        ("b, a, c", "bac"),
        ("1, 2, 3", "one hundred and twenty three"),
        ("I went to the doctor's a week ago", "I went to the doctor is a week ago"),
    ],
)
def test_what_is_said_otherwise_does_not_score_the_same(one, other):
    assert EN(one) != EN(other)


def test_what_is_a_contraction_is_still_two_words():
    assert EN('"it\'s" (here)') == "it is"
    assert EN("it's what's there, who's she'd been") == "it is what is there who is she had been"
    assert EN("the dog's been out") == "the dog has been out"
    assert EN("he said 'hello there'") == "he said hello there"


@pytest.mark.parametrize("marked", ["[background noise]", "<noise>", "{breath}", "%um"])
def test_marks_of_what_is_no_speech_are_dropped_in_any_language(marked):
    for language in ("en", "de", None):
        assert normalizer_for(language)(f"ja {marked} gut") == "ja gut"
    assert normalizer_for("de")("5 % mehr, 5%") == "5 mehr 5"


NEUTRAL_WORDS = (
    "the a and half hundred thousand twenty five one two oh six point double triple minus plus "
    "dollars cents percent per cent pounds first second third sixties colour organise Dr Mr Mrs "
    "$20 $3.50 3.5 1,000 2020 7th don't won't we'll I'm she'd I've cause gonna café well-known "
    "twenty-five e-mail yes. yes, no? € £5 ¢ 50% x2 mp3 b52 zero nineteen ninety million um mhm "
    "AWS a i u I y b X U S"
)
NEUTRAL = NEUTRAL_WORDS.split()


@given(st.lists(st.sampled_from(NEUTRAL), max_size=14))
def test_other_texts_come_out_as_from_the_library(words):
    text = " ".join(words)
    # Mended on purpose: "oh" without a figure beside it, signs left at the end, spelled letters,
    # and a text that begins with "and a half", of which the library leaves nothing.
    if re.search(r"\boh\b|^and a half\b", text) or re.search(r"(^|\s)[€¢]", text):
        return
    expected = " ".join(LIBRARY(text).split())
    if re.search(r"\b[bcdfghj-np-tvwxz] [bcdfghj-np-tvwxz]\b", expected):
        return
    assert EN(text) == expected


@given(st.lists(st.sampled_from([*"bcstxaiuy", "the", "bus", "5"]), max_size=8))
def test_only_letters_without_a_vowel_among_them_are_joined(words):
    tokens = EN(" ".join(words)).split()
    assert "".join(tokens) == "".join(words)
    for token in tokens:
        assert token in words or not set(token) & set("aeiouy")
