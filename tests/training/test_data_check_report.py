"""The report says what, where and how much; transcripts stand in the quarantine list alone."""

import json
from pathlib import Path

import pytest

from tests.training.labelled import Labels, check
from training.checks import CheckLimits, DataCheck


@pytest.fixture
def mixed(tmp_path: Path) -> DataCheck:
    labels = Labels(tmp_path)
    train = [labels.one(f"budget {word}", speaker=word) for word in ("alpha", "bravo", "charlie")]
    train += [labels.one("secret 1984 words"), labels.one("secret 50% words")]
    return check(train=train, validation=[labels.one("held out")])


def test_figures_are_given_for_each_split(mixed: DataCheck):
    figures = mixed.as_json()
    assert figures["splits"]["train"] == {
        "utterances": 5,
        "kept": 3,
        "hours": 0.0013,
        "speakers": 3,
    }
    fault = figures["faults"]["digits_or_symbols"]
    assert fault["count"] == fault["quarantined"] == 2
    assert fault["splits"] == {"train": 2}
    assert json.loads(json.dumps(figures)) == figures


def test_the_table_names_kinds_with_an_example_and_no_transcript(mixed: DataCheck):
    table = "\n".join(mixed.lines())
    assert "3 of 5 utterances kept, 0.1 min, 3 speakers" in table
    assert "digits_or_symbols" in table
    assert "labels.jsonl, line 4: '1', '4', '8', '9'; expected what is said" in table
    assert "secret" not in table
    assert "secret" not in json.dumps(mixed.as_json())


def test_the_quarantine_list_is_a_manifest_with_reasons(mixed: DataCheck, tmp_path: Path):
    from manifests.labels import read_labels

    path = tmp_path / "quarantine.jsonl"
    path.write_bytes(mixed.quarantine_jsonl())
    assert [one.text for one in read_labels(path)] == ["secret 1984 words", "secret 50% words"]
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [row["faults"][0]["kind"] for row in rows] == ["digits_or_symbols"] * 2
    assert rows[0]["source"] == "labels.jsonl, line 4"
    assert rows[0]["split"] == "train"


def test_data_above_the_limit_is_refused_with_what_to_do(mixed: DataCheck):
    assert mixed.refused(0.4) is None
    said = mixed.refused(0.39)
    assert said is not None
    assert said.startswith("train: 2 of 5 utterances (40.0%) cannot be used; the limit is 39.0%")
    assert "digits_or_symbols 2" in said
    assert "Mend the labels" in said


def test_a_split_of_which_nothing_is_left_is_refused_at_any_limit(tmp_path: Path):
    labels = Labels(tmp_path)
    result = check(train=[labels.one()], validation=[labels.one("1984")])
    assert "validation: 1 of 1" in (result.refused(1.0) or "")


def test_warnings_refuse_nothing_and_stand_apart(tmp_path: Path):
    labels = Labels(tmp_path)
    result = check(
        CheckLimits(speakers="warn"),
        train=[labels.one("one", speaker="ann")],
        test=[labels.one("two", speaker="ann")],
    )
    assert result.refused(0.0) is None
    assert "warnings" in result.lines()
    assert "quarantined" not in result.lines()


def test_nothing_to_check_is_no_fault():
    result = check(train=[])
    assert result.refused(0.0) is None
    assert result.lines() == [
        "train              0 of 0 utterances kept, 0.0 min, speakers unknown"
    ]
