"""The run, end to end on the local platform, with a tiny model that talks nonsense quickly."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from batch.schema import SCHEMA_VERSION, SEGMENTS, TRANSCRIPTS
from manifests.errors import InputError
from tests.batch.small_night import KeptNight, carried_out, configured, rows, runner, same
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")

HOSTILE = ["with space.wav", "quote ' and \".wav", "new\nline.wav", "emoji 🎙.wav", "..odd...wav"]


def test_every_recording_becomes_a_row_and_the_report_is_written(night: KeptNight) -> None:
    home, finished = night.home, night.finished
    found = rows(home)
    assert sorted(found["path"]) == ["day/0.wav", "day/1.wav", "day/2.wav", "stereo.flac"]
    assert set(found["status"]) <= {"ok", "empty"}
    by_path = found.set_index("path")
    assert by_path.loc["day/2.wav", "duration"] == pytest.approx(21, abs=0.05)
    assert dict(by_path.loc["stereo.flac", "meta"]) == {"team": "sales"}
    assert finished.figures["coverage"]["scored"] == 2
    assert finished.figures["wer"]["reference"] == 4
    report = (home / "out/reports/2026-11-23-001/report.html").read_text("utf-8")
    assert "2 of 2</strong> references scored" in report


def test_the_tables_have_the_documented_schema(night: KeptNight) -> None:
    for name, schema in (("transcripts", TRANSCRIPTS), ("segments", SEGMENTS)):
        (file,) = (night.home / "out" / name).rglob("*.parquet")
        found = pq.read_schema(file)
        assert found.remove_metadata() == schema.remove_metadata()
        assert found.metadata[b"nightscribe.schema"] == SCHEMA_VERSION.encode()


def test_segments_hold_the_words_of_the_text(night: KeptNight) -> None:
    home = night.home
    spoken: dict[str, list[str]] = {}
    for row in rows(home, "segments").to_dict("records"):
        assert row["end"] - row["start"] <= 15 or len(row["words"]) == 1
        spoken.setdefault(row["id"], []).extend(word["text"] for word in row["words"])
    texts = {row["id"]: row["text"] for row in rows(home).to_dict("records") if row["text"]}
    assert {one: " ".join(words) for one, words in spoken.items()} == texts


def test_channels_can_be_split(home: Path) -> None:
    carried_out(home, "archive.channels='split'")
    found = rows(home)
    channels = found[found["path"] == "stereo.flac"]["channel"].tolist()
    assert sorted(channels) == [0, 1]
    assert found[found["path"] == "day/0.wav"]["channel"].tolist() == [0]


def test_bad_files_and_odd_names_are_one_row_each_and_the_others_unaffected(
    night: KeptNight,
) -> None:
    home = night.home
    good = rows(home)
    archive = home / "archive"
    (archive / "empty.wav").touch()
    (archive / "text.wav").write_text("this is no sound\n" * 40)
    whole = write_sound(archive / "damaged.flac", speechlike(10)).read_bytes()
    (archive / "damaged.flac").write_bytes(whole[: len(whole) // 2])
    for number, name in enumerate(HOSTILE):
        write_sound(archive / name, speechlike(2, seed=number))
    (archive / os.fsdecode(b"latin-\xe9.wav")).write_bytes((archive / HOSTILE[0]).read_bytes())
    shutil.rmtree(home / "out")
    (finished,) = carried_out(home)
    found = rows(home)
    assert len(found) == len(good) + 3 + len(HOSTILE) + 1
    assert found["id"].is_unique
    kinds = found.set_index("path")["error_kind"].dropna().to_dict()
    assert kinds == {
        "empty.wav": "empty_file",
        "text.wav": "unsupported_format",
        "damaged.flac": "corrupt",
    }
    assert found[found["status"] == "error"]["error_message"].str.len().min() > 10
    assert set(HOSTILE) <= set(found["path"])
    same(found[found["id"].isin(good["id"])].reset_index(drop=True), good)
    assert finished.collected.kinds == {"empty_file": 1, "unsupported_format": 1, "corrupt": 1}


def test_the_same_archive_in_s3_gives_the_same_rows(
    home: Path, s3_bucket: str, tiny_model: Path
) -> None:
    from manifests.storage import open_store

    (home / "archive/empty.wav").touch()
    write_sound(home / "archive/" / HOSTILE[3], speechlike(2))
    carried_out(home)
    local, segments = rows(home), rows(home, "segments")
    there = open_store(f"s3://{s3_bucket}/archive/")
    for path in sorted((home / "archive").rglob("*")):
        if path.is_file():
            there.put(path.relative_to(home / "archive").as_posix(), path)
    output = f"s3://{s3_bucket}/out/"
    configured(home, model=tiny_model, archive=there.uri, output=output)
    carried_out(home)
    back = open_store(output)
    for entry in back.list():
        target = home / "from-s3" / entry.key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(back.read(entry.key))
    same(rows(home, output="from-s3"), local)
    same(rows(home, "segments", output="from-s3"), segments)


def test_a_split_recording_is_scored_against_one_text_or_channel_by_channel(home: Path) -> None:
    (home / "references.tsv").write_text("stereo.flac\talpha bravo charlie\nday/0.wav\thello\n")
    (finished,) = carried_out(home, "archive.channels='split'")
    assert finished.figures["coverage"]["scored"] == 2
    assert finished.figures["wer"]["reference"] == 4
    (home / "references.stm").write_text(
        "stereo 1 anna 0.0 1.0 alpha bravo charlie\nstereo 2 ben 1.0 2.0 delta\n"
    )
    overrides = ["archive.channels='split'", "references.uri='references.stm'"]
    report, figures = runner(home, *overrides).score(finished.plan)
    assert figures["coverage"]["scored"] == 2
    assert figures["wer"]["reference"] == 4
    assert [row.overlap for row in report.scored] == [0.0, 0.0]
    assert "several_speakers" not in figures


def test_words_in_a_region_that_is_not_scored_are_no_errors(night: KeptNight) -> None:
    home = night.home
    said = rows(home, "segments")
    words = [word for found in said[said["path"] == "day/2.wav"]["words"] for word in found]
    middles = [(word["start"] + word["end"]) / 2 for word in words]
    cut = sorted(middles)[len(middles) // 2]
    (home / "references.stm").write_text(
        f"day/2 1 anna 0.0 {cut} alpha\nday/2 1 ben 0.1 {cut} bravo charlie\n"
        f"day/2 1 gap {cut} 99 IGNORE_TIME_SEGMENT_IN_SCORING\n"
    )
    regions = runner(home, "references.uri='references.stm'")
    report, figures = regions.score(night.finished.plan)
    (scored,) = report.scored
    assert scored.raw.hypothesis_words == sum(middle < cut for middle in middles)
    assert 0 < scored.raw.hypothesis_words < len(words)
    (aligned,) = filter(None, report.alignments)
    assert len(aligned.confidences) == scored.raw.hypothesis_words
    assert scored.normalized.reference_words == 3
    assert scored.turns == (1, 2)
    assert figures["several_speakers"]["orc_wer"]["errors"] == scored.normalized.errors
    assert figures["coverage"]["unscored_seconds"] == pytest.approx(21 - cut, abs=0.1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("archive.uri='nowhere'", "there is nothing there"),
        ("archive.include=['*.xyz']", "no recording there matches"),
        ("model.uri='/nowhere'", "no such folder"),
        ("output.uri='archive'", "the same place"),
        ("references.uri='none.tsv'", "no such file"),
    ],
)
def test_what_the_user_must_mend_is_said_before_anything_is_done(
    home: Path, change: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        carried_out(home, change)
    assert not (home / "out/runs").exists()


def test_references_that_match_nothing_are_an_error(home: Path) -> None:
    (home / "references.tsv").write_text("recording\ttext\nother.wav\thello\n")
    with pytest.raises(InputError, match="none of the 1 references matches a recording"):
        carried_out(home)


def test_thresholds_that_were_passed_are_named(home: Path) -> None:
    (home / "archive/empty.wav").touch()
    (finished,) = carried_out(
        home, "report.max_wer=0.01", "report.max_error_share=0.1", "report.min_coverage=1.0"
    )
    assert [problem.partition(" ")[0] for problem in finished.problems] == ["20.0%", "WER"]


def test_an_output_belongs_to_one_archive(night: KeptNight) -> None:
    home = night.home
    write_sound(home / "other/day/0.wav", speechlike(2))
    with pytest.raises(InputError, match="give each archive an output of its own"):
        carried_out(home, "archive.uri='other'", "references.uri='references.tsv'")
    assert len(rows(home)) == 4


def test_sound_below_the_output_is_not_part_of_the_archive(home: Path) -> None:
    write_sound(home / "out/training/data/x.wav", speechlike(1))
    (finished,) = carried_out(home, "archive.uri='.'", "archive.metadata='meetings.csv'")
    assert finished.plan.recordings == 4


def test_a_dry_run_writes_nothing(home: Path) -> None:
    assert runner(home).survey(dry=True).selection.reasons == {"new": 4}
    assert not (home / "out").exists()
