"""A project's own equivalences and fillers, and what the name of a rule says of them."""

import json

import pytest

from manifests.errors import InputError
from training.scoring import (
    SCLITE,
    CustomRules,
    ScoringRules,
    normalizer_for,
    normalizer_named,
    score_pair,
    trace,
)


def rule(*equivalences, fillers=(), language="en"):
    return normalizer_for(
        language, CustomRules(equivalences=tuple(equivalences), fillers=tuple(fillers))
    )


def test_all_sides_of_an_equivalence_count_as_the_last():
    one = rule("wi fi = wi-fi = WiFi", "acme cloud nine = AcmeCloud9")
    assert one("the Wi-Fi, the wi fi, the wifi") == "the wifi the wifi the wifi"
    assert one("Acme Cloud Nine") == one("AcmeCloud9")


def test_of_several_the_longest_is_taken():
    assert rule("new york = ny", "new york times = nyt")("the New York Times of New York") == (
        "the nyt of ny"
    )


def test_fillers_do_not_count_on_either_side():
    one = rule(fillers=["ähm", "you know"], language="de")
    assert one("ja, Ähm, you know, gut") == "ja gut"
    assert score_pair("ja ähm gut", "ja gut", one).normalized.errors == 0


def test_an_equivalence_is_a_formatting_error_at_most():
    score = score_pair("the Wi-Fi is OK", "the wifi is okay", rule("wi fi = wifi"))
    assert (score.raw.errors, score.normalized.errors) == (2, 0)


def test_a_token_made_by_a_custom_rule_keeps_its_spelling():
    words = ["so", "the", "Wi", "Fi", "um", "broke"]
    traced = [
        (one.text, words[one.first : one.last + 1]) for one in trace(words, rule("wi fi = wifi"))
    ]
    assert ("wifi", ["Wi", "Fi"]) in traced
    assert ("broke", ["broke"]) in traced


def test_the_name_says_that_custom_rules_were_used_and_which():
    one, other = rule("wi fi = wifi"), rule("wi fi = wifi", fillers=["so"])
    assert one.name.startswith(normalizer_for("en").name)
    assert "custom rules" in one.name
    assert one.name.endswith("(1 equivalence)")
    assert other.name.endswith("(1 equivalence, 1 filler)")
    assert one.name != rule("wi fi = wi-fi").name
    assert rule().name == normalizer_for("en").name


def test_a_name_and_the_runs_own_rules_find_the_rule_again():
    custom = CustomRules(equivalences=("wi fi = wifi",), fillers=("so",))
    for language in ("en", "de", "ja"):
        scored = normalizer_for(language, custom)
        found = normalizer_named(scored.name, CustomRules.of_json(custom.as_json()))
        assert found("so the wi fi") == scored("so the wi fi")
    with pytest.raises(ValueError, match="no normaliser"):
        normalizer_named(normalizer_for("en", custom).name)


@pytest.mark.parametrize(
    ("equivalences", "fillers", "message"),
    [
        (["wifi"], [], "no '='; two spellings are expected"),
        (["wifi = [wifi]"], [], "nothing is left of '\\[wifi\\]'"),
        ([], ["!"], "filler '!': nothing is left"),
        (["a b = ab", "a b = abba"], [], "'a b' already counts as 'ab'"),
        (["a b = ab", "ab = abba"], [], "'ab' counts by one custom rule and is changed by another"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(equivalences, fillers, message):
    with pytest.raises(ValueError, match=message):
        rule(*equivalences, fillers=fillers)


def test_rules_that_mean_nothing_in_english_are_found_again_in_their_own_language():
    custom = CustomRules(fillers=("hm",))
    name = normalizer_for("de", custom).name
    assert normalizer_named(name, custom)("hm ja") == "ja"


def test_a_sections_rules_come_back_from_json_as_they_were():
    rules = ScoringRules(aligner=SCLITE, custom=CustomRules(equivalences=("wi fi = wifi",)))
    assert ScoringRules.of_json(json.loads(json.dumps(rules.as_json()))) == rules
    assert rules
    assert not ScoringRules()
    with pytest.raises(InputError, match=r"aligner is 'other'; expected unit or sclite"):
        ScoringRules.of_json({"aligner": "other"})


def test_a_rule_that_cannot_hold_in_a_language_is_an_error_that_names_it():
    rules = ScoringRules(custom=CustomRules(fillers=("hm",)))
    assert rules.normalizer_for("de")("hm ja") == "ja"
    with pytest.raises(InputError, match=r"\[scoring\], for texts of language en: filler 'hm'"):
        rules.normalizer_for("en")
