"""The tables and the summary: fixed schemas, and figures that add up to the page's."""

import json
from dataclasses import replace

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from batch.report import ERRORS_SCHEMA, SCORES_SCHEMA, errors_table, scores_table, summary
from training.scoring import normalizer_for, score_pair


@pytest.fixture
def report(make_recording, make_report):
    return make_report(
        make_recording("good.wav", "the cat sat", "the cat sat down", channel=1),
        make_recording("bad.wav", "the cat sat", "a cat"),
        make_recording("music.wav", "", "thank you"),
        make_recording("broken.wav", "never heard", None, status="error", error_kind="corrupt"),
        make_recording("new.wav", None, "no reference"),
    )


def test_scores_have_a_row_a_recording_and_nulls_where_nothing_was_scored(report):
    table = scores_table(report)
    assert table.schema.equals(SCORES_SCHEMA, check_metadata=True)
    rows = {row["path"]: row for row in table.to_pylist()}
    assert (rows["good.wav"]["insertions"], rows["good.wav"]["channel"]) == (1, 1)
    assert rows["bad.wav"]["wer"] == pytest.approx(2 / 3)
    assert (rows["music.wav"]["insertions"], rows["music.wav"]["wer"]) == (2, None)
    for path in ("broken.wav", "new.wav"):
        assert rows[path]["reference_words"] is None
        assert rows[path]["wer"] is None


def test_the_columns_add_up_to_the_corpus(report):
    table = scores_table(report)
    for name in ("hits", "substitutions", "deletions", "insertions", "reference_words"):
        assert pc.sum(table[name]).as_py() == getattr(report.normalized, name)
        assert pc.sum(table[f"raw_{name}"]).as_py() == getattr(report.raw, name)


def test_errors_have_a_row_a_word_error_with_its_time(report):
    table = errors_table(report)
    assert table.schema.equals(ERRORS_SCHEMA, check_metadata=True)
    assert table["label"].to_pylist() == ["recognition"] * report.normalized.errors
    rows = [row for row in table.to_pylist() if row["path"] == "bad.wav"]
    assert [(row["kind"], row["reference_word"], row["hypothesis_word"]) for row in rows] == [
        ("S", "the", "a"),
        ("D", "sat", None),
    ]
    assert (rows[0]["start"], rows[0]["end"]) == (0.0, 0.4)


def test_formatting_errors_stand_beside_recognition_errors_as_they_were_written(
    make_recording, make_report
):
    row = make_recording("a.wav", "Well, we won the cup", "well we um won a cup")
    report = make_report(row)
    rows = errors_table(report).to_pylist()
    assert [(one["kind"], one["reference_word"], one["hypothesis_word"]) for one in rows] == [
        ("S", "the", "a"),
        ("S", "Well,", "well"),
        ("I", None, "um"),
    ]
    assert [one["label"] for one in rows] == ["recognition", "formatting", "formatting"]
    times = {one["hypothesis_word"]: (one["start"], one["end"]) for one in rows[1:]}
    assert times == {"well": (0.0, 0.4), "um": (0.9, 1.5)}


def test_the_labels_add_up_to_the_two_counts(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", "So, (really) we { won / lost } (( it all )).", "so we lost that"),
        make_recording("b.wav", "The 1st of May. Then?", "the first of may um then"),
        make_recording("c.wav", "", "thank you"),
    )
    labels = errors_table(report)["label"].to_pylist()
    assert labels.count("recognition") == report.normalized.errors
    assert labels.count("formatting") == report.written["formatting"] > 0


def test_formatting_errors_of_a_language_without_spaces_are_characters(make_recording, make_report):
    rule = normalizer_for("ja")
    row = make_recording("a.wav", "会議を、始めます。", "会見を始めます")
    score = score_pair(row.reference, row.hypothesis, rule)
    row = replace(row, raw=score.raw, normalized=score.normalized, characters=score.characters)
    report = make_report(row)
    report = replace(report, facts=replace(report.facts, normalizer=rule.name))
    rows = [one for one in errors_table(report).to_pylist() if one["label"] == "formatting"]
    assert [(one["reference_word"], one["start"]) for one in rows] == [("、", None), ("。", None)]


def test_many_errors_are_one_table(make_recording, make_report, monkeypatch):
    monkeypatch.setattr("batch.report.tables._ROWS", 2)
    table = errors_table(
        make_report(make_recording("a.wav", "ant bee cat dog elk", "on up in at of"))
    )
    assert table["reference_word"].to_pylist() == ["ant", "bee", "cat", "dog", "elk"]


def test_an_empty_report_still_has_its_schemas(make_report):
    assert scores_table(make_report()).schema.equals(SCORES_SCHEMA)
    assert errors_table(make_report()).schema.equals(ERRORS_SCHEMA)


def test_a_file_name_that_is_not_utf8_can_be_stored(make_recording, make_report, tmp_path):
    report = make_report(make_recording("caf\udce9.wav", "a b", "a", id="1"))
    pq.write_table(scores_table(report), tmp_path / "scores.parquet")
    pq.write_table(errors_table(report), tmp_path / "errors.parquet")
    assert pq.read_table(tmp_path / "scores.parquet")["path"][0].as_py() == r"caf\udce9.wav"


def test_the_summary_is_json_with_the_rules_beside_the_rates(report):
    figures = json.loads(json.dumps(summary(report), allow_nan=False))
    assert figures["wer"]["rate"] == pytest.approx(report.normalized.rate)
    assert figures["raw_wer"]["errors"] == report.raw.errors
    assert figures["coverage"]["scored"] == 3
    assert figures["rules"]["normalizer"].startswith("whisper-english")
    assert "unit costs" in figures["rules"]["aligner"]
    assert "not in the WER" in figures["rules"]["unscored"]


def test_a_summary_without_scores_has_null_rates(make_recording, make_report):
    figures = summary(make_report(make_recording("a.wav", None, "text")))
    assert figures["wer"]["rate"] is None
    assert figures["coverage"]["share"] is None
