"""The shipped demo data keeps its promises; flite is not needed to check them."""

import csv
import json
from itertools import pairwise
from pathlib import Path

import pytest

from manifests.labels import read_labels
from transform_handler.audio.reading import open_decoder, read_audio
from transform_handler.records import RecordingError

DEMO = Path(__file__).resolve().parents[2] / "demo"
DAMAGED = "2026-11-17/damaged upload.flac"
SILENT = "2026-11-19/empty room.flac"


def _references():
    lines = (DEMO / "references.tsv").read_text("utf-8").splitlines()
    assert lines[0] == "recording\ttext"
    return dict(line.split("\t") for line in lines[1:])


def _recordings():
    root = DEMO / "archive"
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def test_every_recording_but_the_damaged_one_has_a_reference():
    assert set(_references()) == set(_recordings()) - {DAMAGED}
    assert _references()[SILENT] == ""


def test_every_recording_has_a_row_of_metadata():
    with (DEMO / "meetings.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["recording"] for row in rows] == _recordings()


def test_the_shipped_sound_is_small():
    sizes = [
        p.stat().st_size for part in ("archive", "finetune") for p in (DEMO / part).rglob("*.*")
    ]
    assert sum(sizes) < 7_000_000


def test_the_damaged_recording_cannot_be_decoded():
    with pytest.raises(RecordingError) as raised:
        read_audio(DEMO / "archive" / DAMAGED)
    assert raised.value.kind == "corrupt"


def test_formats_rates_and_channels_are_those_of_a_real_archive():
    found = set()
    for name in set(_recordings()) - {DAMAGED}:
        with open_decoder(DEMO / "archive" / name) as decoder:
            found.add((Path(name).suffix, decoder.info.sample_rate, decoder.info.channels))
    assert {suffix for suffix, _, _ in found} == {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"}
    assert (".wav", 8_000, 1) in found
    assert (".ogg", 16_000, 2) in found


def test_words_with_times_spell_the_references():
    references = _references()
    for line in (DEMO / "words.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        words = row["words"]
        assert " ".join(word["text"] for word in words) == references[row["recording"]]
        assert all(word["start"] < word["end"] for word in words)
        assert all(a["start"] <= b["start"] for a, b in pairwise(words))


def test_what_is_fine_tuned_on_is_not_what_is_scored():
    train = read_labels(DEMO / "finetune/train.jsonl")
    validation = read_labels(DEMO / "finetune/validation.jsonl")
    texts = [u.text for u in (*train, *validation)]
    assert len(set(texts)) == len(texts)
    archive = " ".join(_references().values())
    assert not [text for text in texts if text in archive]
    assert 3 < sum(u.duration for u in train) / 60 < 6
