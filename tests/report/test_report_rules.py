"""A report under a project's own rules: what was counted is drawn, and the rules are named."""

import json
from dataclasses import replace

import pytest

from batch.report import errors_table, render, summary
from batch.report.lines import score_lines
from training.scoring import (
    SCLITE,
    UNIT,
    Aligner,
    CustomRules,
    LeftOut,
    normalizer_for,
    normalizer_named,
    score_pair,
)

CUSTOM = CustomRules(equivalences=("wi fi = wifi",), fillers=("so",))


@pytest.fixture
def scored(make_recording, make_report):
    """A report of one pair, scored by a language's rule with the project's own."""

    def build(reference, hypothesis, *, language="en", aligner: Aligner = UNIT):
        rule = normalizer_for(language, CUSTOM)
        score = score_pair(reference, hypothesis, rule, aligner=aligner)
        row = make_recording("a.wav", reference, hypothesis)
        counts = {"raw": score.raw, "normalized": score.normalized, "characters": score.characters}
        report = make_report(replace(row, **counts, left_out=score.left_out))
        facts = replace(report.facts, normalizer=rule.name, aligner=aligner.name, custom=CUSTOM)
        return replace(report, facts=facts)

    return build


def test_what_is_drawn_is_what_was_counted(scored):
    report = scored("so the wi fi (really) broke (( )) down", "the WiFi broke x y z town")
    aligned = report.alignments[0]
    assert [token.written for token in aligned.reference] == ["the", "wi fi", "broke", "down"]
    assert [token.text for token in aligned.hypothesis] == ["the", "wifi", "broke", "town"]
    assert [step.op for step in aligned.steps] == ["hit", "hit", "hit", "sub"]
    labels = errors_table(report)["label"].to_pylist()
    assert report.normalized.errors == labels.count("recognition") == 1
    assert "custom rules" in render(report)


def test_the_summary_has_the_rules_to_score_it_again(scored):
    report = scored("so the wi fi broke", "the wifi broke")
    rules = json.loads(json.dumps(summary(report)))["rules"]
    again = normalizer_named(rules["normalizer"], CustomRules.of_json(rules["custom"]))
    assert again("so the Wi-Fi") == "the wifi"


def test_the_sclite_rule_is_drawn_and_its_costs_are_named(scored):
    report = scored("pa qua ra a be", "a be xi yo za", aligner=SCLITE)
    assert [step.op for step in report.alignments[0].steps].count("sub") == 0
    assert summary(report)["rules"]["costs"] == "substitution 4, deletion 3, insertion 3"


def test_what_is_left_out_is_said(scored):
    report = scored("we ((nearly)) (really) won", "we merely won")
    assert report.left_out == LeftOut(
        regions=1, reference_words=1, hypothesis_words=1, optional_words=1
    )
    said = "1 unscored regions (1 words of the references, 1 of the transcripts)"
    assert any(said in line for line in score_lines(summary(report)))
    assert said in render(report)


def test_without_spaces_between_words_the_headline_is_a_character_error_rate(scored):
    report = scored("会議を始めます。", "会議 を始めした", language="ja")
    figures = summary(report)
    assert figures["unit"] == "character"
    assert figures["wer"]["rate"] == figures["cer"]["rate"] == pytest.approx(2 / 7)
    assert any(
        line.startswith("CER ") and "N 7 characters" in line for line in score_lines(figures)
    )
    assert "Character error rate" in render(report)


def test_mer_and_wil_stand_beside_the_rate(scored):
    figures = summary(scored("a be we", "a ox we do"))["wer"]
    assert figures["mer"] == pytest.approx(2 / 4)
    assert figures["wil"] == pytest.approx(1 - (2 / 3) * (2 / 4))
