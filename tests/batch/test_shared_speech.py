"""Runs over real, labelled speech, where it lies beside the project."""

from __future__ import annotations

from pathlib import Path

import av
import jiwer
import pandas as pd
import pytest
import soundfile

from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Finished, Runner
from manifests.reference_forms import load_references
from tests.conftest import shared
from training.scoring import normalizer_for

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("warm_python")]


def carried_out(home: Path, archive: Path, model: Path, *overrides: str) -> Finished:
    config = home / "nightscribe.toml"
    config.write_text(
        f'[archive]\nuri = "{archive}"\nexclude = ["transcripts.tsv", "*.txt", "LICENSE"]\n'
        f'[references]\nuri = "{archive}/transcripts.tsv"\n'
        f'[model]\nuri = "{model}"\n[output]\nuri = "out"\n'
    )
    runner = Runner(
        config=load_config(config, overrides), platform=LocalPlatform(), listener=LogListener()
    )
    with runner.claimed():
        (finished,) = runner.run()
    return finished


def test_librispeech_gives_fifty_rows_and_the_counts_of_jiwer(
    tmp_path: Path, tiny_model: Path
) -> None:
    archive = shared("data/librispeech-50")
    figures = carried_out(tmp_path, archive, tiny_model).figures
    rows = pd.read_parquet(tmp_path / "out/transcripts")
    assert len(rows) == 50
    normalizer = normalizer_for("en")
    spoken = {one.recording: one.text for one in load_references(f"{archive}/transcripts.tsv")}
    pairs = [(spoken[row["path"]], row["text"]) for row in rows.to_dict("records")]
    expected = jiwer.process_words(
        [normalizer(reference) for reference, _ in pairs],
        [normalizer(text) for _, text in pairs],
    )
    found = figures["wer"]
    assert found["substitutions"] == expected.substitutions
    assert found["deletions"] == expected.deletions
    assert found["insertions"] == expected.insertions
    assert found["reference"] == sum(len(words) for words in expected.references)
    assert found["rate"] == pytest.approx(expected.wer, abs=1e-12)


def test_every_format_gives_a_row_with_its_duration(tmp_path: Path, tiny_model: Path) -> None:
    archive = shared("data/formats")
    files = [p for p in archive.iterdir() if p.suffix not in (".tsv", ".txt") and p.suffix]
    carried_out(tmp_path, archive, tiny_model, "archive.include=['*.*']")
    rows = pd.read_parquet(tmp_path / "out/transcripts").set_index("path")
    assert set(rows.index) == {path.name for path in files}
    assert rows["error_kind"].isna().all()
    for path in files:
        assert rows.loc[path.name, "duration"] == pytest.approx(length_of(path), abs=0.05)


@pytest.mark.parametrize(("channels", "expected"), [("mix", [None]), ("split", list(range(8)))])
def test_eight_channels_can_be_mixed_or_split(
    tmp_path: Path, tiny_model: Path, channels: str, expected: list[int | None]
) -> None:
    archive = shared("data/formats")
    carried_out(
        tmp_path,
        archive,
        tiny_model,
        "archive.include=['8_Channel*', 'jfk.wav']",
        f"archive.channels='{channels}'",
    )
    rows = pd.read_parquet(tmp_path / "out/transcripts")
    found = rows[rows["path"] == "8_Channel_ID.m4a"]
    assert [None if pd.isna(c) else int(c) for c in found["channel"]] == expected
    assert set(found["channels"]) == {8}


def length_of(path: Path) -> float:
    if path.suffix != ".m4a":
        return float(soundfile.info(path).duration)
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / 1e6
