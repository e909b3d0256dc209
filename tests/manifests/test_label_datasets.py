"""Hugging Face datasets: sound is kept once by its content, and never decoded here."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifests.errors import InputError
from manifests.label_forms import load_labels
from manifests.label_forms.hub_datasets import DatasetName, cache_folder
from tests.conftest import speechlike, write_sound


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NIGHTSCRIBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    return tmp_path / "cache/datasets"


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    """Three rows in LibriSpeech's columns, two of them of the same sound; saved to a folder."""
    datasets = pytest.importorskip("datasets")
    for seed in (0, 1):
        write_sound(tmp_path / f"{seed}.flac", speechlike(0.5, seed=seed))
    first, second = ((tmp_path / f"{seed}.flac").read_bytes() for seed in (0, 1))
    rows: dict[str, list[Any]] = {
        "audio": [{"bytes": b, "path": f"{n}.flac"} for n, b in enumerate((first, second, first))],
        "text": ["ONE", "TWO", "ONE AGAIN"],
        "speaker_id": [84, 84, 61],
        "chapter_id": [1, 2, 1],
        "id": ["84-1-0", "84-2-0", "61-1-0"],
    }
    folder = tmp_path / "saved"
    table = datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio())
    datasets.DatasetDict({"test": table}).save_to_disk(folder)
    return str(folder)


def test_rows_become_utterances_with_their_sound_in_the_cache(dataset: str, cache: Path) -> None:
    found = load_labels(f"dataset:{dataset}#test")
    assert [(one.text, one.speaker, one.recording) for one in found] == [
        ("ONE", "84", "84-1"),
        ("TWO", "84", "84-2"),
        ("ONE AGAIN", "61", "61-1"),
    ]
    assert found[0].audio == found[2].audio != found[1].audio
    assert found[0].audio.startswith(cache.as_uri())
    assert found[0].audio.endswith(".flac")
    assert found[1].source == f"dataset:{dataset}#test, row 1"
    with found[0].open() as file:
        assert file.read(4) == b"fLaC"
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 2


def test_a_second_reading_writes_nothing(dataset: str, cache: Path) -> None:
    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in cache.rglob("*.flac")}

    first = load_labels(f"dataset:{dataset}#test")
    before = times()
    assert load_labels(f"dataset:{dataset}#test") == first
    assert times() == before


def test_a_folder_of_parquet_files_is_read_as_the_hub_would_serve_it(
    dataset: str, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    served = tmp_path / "served/data"
    served.mkdir(parents=True)
    datasets.load_from_disk(dataset)["test"].to_parquet(served / "test-00000-of-00001.parquet")
    assert len(load_labels(f"dataset:{served.parent}#test")) == 3
    assert len(load_labels(f"dataset:{served.parent}#test[:2]")) == 2


def test_a_split_that_is_not_there_is_named(dataset: str) -> None:
    with pytest.raises(InputError, match=r"split 'dev'.*expected dataset:NAME\[/CONFIG\]#SPLIT"):
        load_labels(f"dataset:{dataset}#dev")


def test_a_saved_split_is_read_under_its_own_name_only(dataset: str) -> None:
    datasets = pytest.importorskip("datasets")
    served = Path(dataset).with_name("parquet") / "data"
    served.mkdir(parents=True)
    datasets.load_from_disk(dataset)["test"].to_parquet(served / "test-00000-of-00001.parquet")
    saved = f"{dataset}-alone"
    datasets.load_dataset(str(served.parent), split="test").save_to_disk(saved)
    assert len(load_labels(f"dataset:{saved}#test")) == 3
    with pytest.raises(InputError, match="holds the split test; 'train' found"):
        load_labels(f"dataset:{saved}#train")


def test_a_dataset_without_sound_says_what_it_has(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"array": [np.zeros(3)], "text": ["x"]})
    datasets.DatasetDict({"train": table}).save_to_disk(tmp_path / "mute")
    with pytest.raises(InputError, match="0 columns of sound found among array, text; one is"):
        load_labels(f"dataset:{tmp_path / 'mute'}#train")


@pytest.mark.parametrize("written", ["", "name", "name#", "#train"])
def test_an_incomplete_name_is_refused(written: str) -> None:
    with pytest.raises(InputError, match=r"expected dataset:NAME|a path is expected"):
        load_labels(f"dataset:{written}")


@pytest.mark.parametrize(
    ("written", "path", "config"),
    [
        ("minds14#train", "minds14", None),
        ("openslr/librispeech_asr#train.100", "openslr/librispeech_asr", None),
        ("openslr/librispeech_asr/clean#test[:5%]", "openslr/librispeech_asr", "clean"),
        ("./a/b/c#x", "./a/b/c", None),
        ("/a/b/c#x", "/a/b/c", None),
    ],
)
def test_a_name_has_an_owner_maybe_a_configuration_and_a_split(
    written: str, path: str, config: str | None
) -> None:
    name = DatasetName.parse(written)
    assert (name.path, name.config, name.split) == (path, config, written.partition("#")[2])


def test_without_the_package_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'nightscribe\[datasets\]'"):
        load_labels("dataset:openslr/librispeech_asr/clean#test")


def test_the_cache_is_in_the_home_folder_unless_it_is_said_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NIGHTSCRIBE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache/nightscribe/datasets"
