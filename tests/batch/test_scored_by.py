"""What a report rests on has a hash: another one, and the last run is scored again."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.config import Config, load_config
from batch.scored_by import scored_by


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "references.tsv").write_text("a.wav\thello\n", "utf-8")
    config = tmp_path / "nightscribe.toml"
    config.write_text(
        '[archive]\nuri = "archive"\n[model]\nuri = "model"\n[output]\nuri = "out"\n'
        '[references]\nuri = "references.tsv"\n'
    )
    return config


def with_rules(path: Path, *overrides: str) -> Config:
    return load_config(path, overrides)


def test_the_same_references_and_rules_have_the_same_hash(path: Path) -> None:
    assert scored_by(with_rules(path)) == scored_by(with_rules(path, "run.on_model_change='all'"))


@pytest.mark.parametrize(
    "override", ["scoring.aligner='sclite'", "scoring.fillers=['so']", "archive.language='de'"]
)
def test_other_rules_have_another(path: Path, override: str) -> None:
    assert scored_by(with_rules(path)) != scored_by(with_rules(path, override))


def test_changed_references_have_another(path: Path) -> None:
    before = scored_by(with_rules(path))
    (path.parent / "references.tsv").write_text("a.wav\thello there\n", "utf-8")
    assert scored_by(with_rules(path)) != before


def test_a_newer_version_of_the_normaliser_has_another(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scored_by(with_rules(path))
    monkeypatch.setattr("training.scoring.english.MENDS", 99)
    assert scored_by(with_rules(path)) != before
    assert scored_by(with_rules(path, "archive.language='de'")) != before
