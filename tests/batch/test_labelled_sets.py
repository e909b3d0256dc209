"""Which utterances are trained on, and which are held out: as named, as labelled, or cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch.config import TrainingSection
from batch.fine_tuning.data import labelled_sets
from manifests.errors import InputError


def labels(path: Path, splits: list[str | None]) -> str:
    rows = [
        {"audio_filepath": f"{path.stem}{n}.wav", "text": "x", "duration": 1.0, "speaker": f"s{n}"}
        | ({"split": split} if split else {})
        for n, split in enumerate(splits)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def counts(section: TrainingSection) -> dict[str, int]:
    return {name: len(found) for name, found in labelled_sets(section).items()}


def test_without_a_word_about_it_validation_and_test_are_cut(tmp_path: Path) -> None:
    train = labels(tmp_path / "a.jsonl", [None] * 10)
    assert counts(TrainingSection(train=train)) == {"train": 8, "validation": 1, "test": 1}


def test_labels_keep_the_split_that_they_carry(tmp_path: Path) -> None:
    train = labels(tmp_path / "a.jsonl", ["train", "train", "dev", "test"])
    assert counts(TrainingSection(train=train)) == {"train": 2, "validation": 1, "test": 1}


def test_what_is_labelled_for_the_test_is_not_trained_on_beside_a_named_validation(
    tmp_path: Path,
) -> None:
    train = labels(tmp_path / "a.jsonl", ["train", "train", "dev", "test"])
    named = labels(tmp_path / "b.jsonl", [None] * 3)
    found = counts(TrainingSection(train=train, validation=named))
    assert found == {"train": 2, "validation": 3, "test": 1}


def test_labels_that_are_all_of_train_are_cut_as_others_are(tmp_path: Path) -> None:
    train = labels(tmp_path / "a.jsonl", ["train"] * 10)
    assert counts(TrainingSection(train=train)) == {"train": 8, "validation": 1, "test": 1}


def test_a_split_that_nobody_knows_is_named(tmp_path: Path) -> None:
    train = labels(tmp_path / "a.jsonl", ["train", "holdout"])
    with pytest.raises(InputError, match="'holdout'; where labels carry a split"):
        labelled_sets(TrainingSection(train=train))
