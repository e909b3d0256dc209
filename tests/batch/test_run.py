"""The run, end to end on the local platform, with a tiny model that talks nonsense quickly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.reading import standing
from batch.run import Finished, Runner
from batch.schema import SCHEMA_VERSION, SEGMENTS, TRANSCRIPTS
from manifests.errors import InputError, JobFailedError
from tests.conftest import make_tiny_model, speechlike, write_sound

VARYING = ["uri", "etag", "version", "run_id", "transcribed_at"]
HOSTILE = ["with space.wav", "quote ' and \".wav", "new\nline.wav", "emoji 🎙.wav", "..odd...wav"]


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    """A folder with an archive of a few recordings and a configuration."""
    for number, seconds in enumerate((3, 5, 21)):
        write_sound(tmp_path / f"archive/day/{number}.wav", speechlike(seconds, seed=number))
    write_sound(tmp_path / "archive/stereo.flac", speechlike(4, seed=9).repeat(2).reshape(-1, 2))
    (tmp_path / "references.tsv").write_text(
        "recording\ttext\nday/0.wav\thello there\n1\tgood day\n"
    )
    (tmp_path / "meetings.csv").write_text("recording,team\nstereo,sales\nday/1,legal\n")
    configured(tmp_path, model=tiny_model)
    return tmp_path


def configured(home: Path, *, model: Path, archive: str = "archive", output: str = "out") -> None:
    (home / "nightscribe.toml").write_text(
        f"""
[archive]
uri = "{archive}"
metadata = "meetings.csv"
[references]
uri = "references.tsv"
[model]
uri = "{model}"
[output]
uri = "{output}"
[transform]
workers = 1
""",
        "utf-8",
    )


# The same night in a process of its own, which can be killed.
NIGHT_OF_ITS_OWN = """
import sys
from datetime import date
from pathlib import Path
from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Runner

if __name__ == "__main__":
    config = load_config(Path(sys.argv[1]))
    runner = Runner(
        config=config,
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        runner.run()
"""


def carried_out(home: Path, *overrides: str) -> list[Finished]:
    config = load_config(home / "nightscribe.toml", overrides)
    runner = Runner(
        config=config,
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        return runner.run()


def rows(home: Path, dataset: str = "transcripts", output: str = "out") -> pd.DataFrame:
    table = pd.read_parquet(home / output / dataset)
    by = ["id", "channel"] if dataset == "transcripts" else ["id", "channel", "start"]
    return table.sort_values(by).reset_index(drop=True).drop(columns=VARYING, errors="ignore")


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert json.loads(one.to_json(orient="records")) == json.loads(other.to_json(orient="records"))


def test_every_recording_becomes_a_row_and_the_report_is_written(home: Path) -> None:
    (finished,) = carried_out(home)
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


def test_the_tables_have_the_documented_schema(home: Path) -> None:
    carried_out(home)
    for name, schema in (("transcripts", TRANSCRIPTS), ("segments", SEGMENTS)):
        (file,) = (home / "out" / name).rglob("*.parquet")
        found = pq.read_schema(file)
        assert found.remove_metadata() == schema.remove_metadata()
        assert found.metadata[b"nightscribe.schema"] == SCHEMA_VERSION.encode()


def test_segments_hold_the_words_of_the_text(home: Path) -> None:
    carried_out(home)
    spoken: dict[str, list[str]] = {}
    for row in rows(home, "segments").to_dict("records"):
        assert row["end"] - row["start"] <= 15 or len(row["words"]) == 1
        spoken.setdefault(row["id"], []).extend(word["text"] for word in row["words"])
    texts = {row["id"]: row["text"] for row in rows(home).to_dict("records") if row["text"]}
    assert {one: " ".join(words) for one, words in spoken.items()} == texts


def test_a_second_run_over_an_unchanged_archive_does_nothing(home: Path) -> None:
    carried_out(home)
    before = sorted(path for path in (home / "out").rglob("*") if path.is_file())
    assert carried_out(home) == []
    after = sorted(path for path in (home / "out").rglob("*") if path.is_file())
    assert [p for p in after if "claim" not in p.parts] == [
        p for p in before if "claim" not in p.parts
    ]
    (home / "references.tsv").write_text("recording\ttext\nday/0.wav\thello there everybody\n")
    (scored,) = carried_out(home)
    assert scored.figures["wer"]["reference"] == 3
    assert (scored.plan.run_id, carried_out(home)) == ("2026-11-23-001", [])


def test_new_and_changed_recordings_are_transcribed_and_old_rows_kept_in_history(
    home: Path,
) -> None:
    carried_out(home)
    write_sound(home / "archive/day/0.wav", speechlike(7, seed=77))
    write_sound(home / "archive/late.wav", speechlike(2, seed=78))
    (second,) = carried_out(home)
    assert dict(second.plan.reasons) == {"changed": 1, "new": 1}
    found = rows(home)
    assert len(found) == 5
    assert found["id"].is_unique
    assert found.set_index("path").loc["day/0.wav", "duration"] == pytest.approx(7, abs=0.05)
    history = pd.read_parquet(home / "out/history/transcripts")
    assert list(history["path"]) == ["day/0.wav"]
    assert history["duration"][0] == pytest.approx(3, abs=0.05)
    text = found.set_index("path").loc["day/2.wav", "text"]
    (home / "archive/day/2.wav").rename(home / "archive/renamed.wav")
    (third,) = carried_out(home)
    assert (dict(third.plan.reasons), third.plan.shards) == ({"moved": 1}, [])
    found = rows(home).set_index("path")
    assert (len(found), found.loc["renamed.wav", "text"]) == (5, text)
    assert carried_out(home) == []


def test_a_new_model_waits_or_takes_over_as_the_config_says(home: Path, tmp_path: Path) -> None:
    carried_out(home)
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    assert carried_out(home, f"model.uri='{other}'") == []
    (second,) = carried_out(home, f"model.uri='{other}'", "run.on_model_change='all'")
    assert dict(second.plan.reasons) == {"model": 4}
    before = pd.read_parquet(home / "out/history/transcripts").set_index("path")["text"]
    report, _ = steps(home).score(second.plan)
    assert {row.path: row.previous for row in report.scored} == dict(
        before[["day/0.wav", "day/1.wav"]]
    )
    assert len(report.second) == 4
    found = rows(home)
    assert len(found) == 4
    assert set(found["model"]) == {"other"}
    assert len(pd.read_parquet(home / "out/history/transcripts")) == 4
    assert not list((home / "out/transcripts").rglob("2026-11-23-001.parquet"))


def test_an_earlier_run_can_be_scored_again_as_it_was(home: Path, tmp_path: Path) -> None:
    (first,) = carried_out(home)
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    carried_out(home, f"model.uri='{other}'", "run.on_model_change='all'")
    config = load_config(home / "nightscribe.toml")
    runner = Runner(config=config, platform=LocalPlatform(), listener=LogListener())
    _, figures = runner.score(first.plan)
    assert figures["wer"] == first.figures["wer"]


def test_channels_can_be_split(home: Path) -> None:
    carried_out(home, "archive.channels='split'")
    found = rows(home)
    channels = found[found["path"] == "stereo.flac"]["channel"].tolist()
    assert sorted(channels) == [0, 1]
    assert found[found["path"] == "day/0.wav"]["channel"].tolist() == [0]


def test_bad_files_and_odd_names_are_one_row_each_and_the_others_unaffected(home: Path) -> None:
    carried_out(home)
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


def test_a_run_that_was_killed_goes_on_to_the_same_rows(home: Path) -> None:
    carried_out(home)
    undisturbed, segments = rows(home), rows(home, "segments")
    shutil.rmtree(home / "out")
    process = subprocess.Popen(
        [sys.executable, "-c", NIGHT_OF_ITS_OWN, str(home / "nightscribe.toml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    runs = home / "out/runs"
    while process.poll() is None and not list(runs.glob("*/plan.json")):
        time.sleep(0.01)  # waits for the run itself, not for a time
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(runs.glob("*/summary.json"))
    (finished,) = carried_out(home)
    same(rows(home), undisturbed)
    same(rows(home, "segments"), segments)
    assert finished.plan.recordings == 4
    assert carried_out(home) == []


def test_each_step_can_be_repeated_alone(home: Path) -> None:
    (finished,) = carried_out(home)
    before = rows(home)
    config = load_config(home / "nightscribe.toml")
    runner = Runner(config=config, platform=LocalPlatform(), listener=LogListener())
    assert runner.transform(finished.plan).status == "Completed"
    assert runner.collect(finished.plan).recordings == 4
    assert runner.score(finished.plan)[1]["wer"] == finished.figures["wer"]
    again = runner.report(finished.plan)
    assert again.figures["wer"] == finished.figures["wer"]
    assert again.collected == finished.collected
    same(rows(home), before)


def test_an_unfinished_run_of_another_model_is_given_up_and_planned_anew(
    home: Path, tmp_path: Path
) -> None:
    config = load_config(home / "nightscribe.toml")
    runner = Runner(config=config, platform=LocalPlatform(), listener=LogListener())
    assert runner.plan() is not None
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    given_up = runner.plan()
    assert given_up is not None
    (finished,) = carried_out(home, f"model.uri='{other}'")
    assert finished.plan.model == "other"
    assert len(rows(home)) == 4
    assert standing(runner.output, given_up.run_id).state == "abandoned"
    assert standing(runner.output, finished.plan.run_id).state == "finished"


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


def test_a_recording_that_brings_the_worker_down_is_alone_in_its_row(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Over this many bytes a shard's invocation is refused: no output ever, whatever is tried.
    platform = LocalPlatform()
    poisoned: list[str] = []
    transform = platform.transform

    def poison(model: Any, job: Any, **told: Any) -> Any:
        outcome = transform(model, job, **told)
        for path in (home / "out/runs").glob("*/out/*.out"):
            if "day/1.wav" in path.read_text("utf-8"):
                poisoned.append(path.name)
                path.unlink()
        return outcome

    monkeypatch.setattr(platform, "transform", poison)
    config = load_config(home / "nightscribe.toml")
    runner = Runner(config=config, platform=platform, listener=LogListener())
    with runner.claimed():
        (finished,) = runner.run()
    assert finished.collected.kinds == {"not_transcribed": 1}
    found = rows(home).set_index("path")
    assert found.loc["day/1.wav", "error_kind"] == "not_transcribed"
    assert (found.drop("day/1.wav")["error_kind"].isna()).all()
    assert len(poisoned) == 3
    # The next run tries it again.
    (again,) = carried_out(home)
    assert dict(again.plan.reasons) == {"retry": 1}
    assert rows(home)["error_kind"].isna().all()


@pytest.mark.parametrize("part_seconds", [18.0, 25.0, 60.0])
def test_a_recording_cut_into_parts_gives_the_same_rows(
    home: Path, monkeypatch: pytest.MonkeyPatch, part_seconds: float
) -> None:
    write_sound(home / "archive/long.wav", speechlike(100, seed=5))
    write_sound(home / "archive/long-44k.wav", speechlike(70, seed=6, rate=44_100), rate=44_100)
    carried_out(home)
    whole, segments = rows(home), rows(home, "segments")
    shutil.rmtree(home / "out")
    monkeypatch.setattr("batch.shards.PART_SECONDS", part_seconds)
    (finished,) = carried_out(home)
    assert sum(shard.pointers for shard in finished.plan.shards) > 6
    same(rows(home).drop(columns="confidence"), whole.drop(columns="confidence"))
    assert rows(home, "segments")["text"].tolist() == segments["text"].tolist()
    assert rows(home, "segments")["start"].tolist() == segments["start"].tolist()


def test_a_split_recording_is_scored_against_one_text_or_channel_by_channel(home: Path) -> None:
    (home / "references.tsv").write_text("stereo.flac\talpha bravo charlie\nday/0.wav\thello\n")
    (finished,) = carried_out(home, "archive.channels='split'")
    assert finished.figures["coverage"]["scored"] == 2
    assert finished.figures["wer"]["reference"] == 4
    (home / "references.stm").write_text(
        "stereo 1 anna 0.0 1.0 alpha bravo charlie\nstereo 2 ben 1.0 2.0 delta\n"
    )
    overrides = ["archive.channels='split'", "references.uri='references.stm'"]
    config = load_config(home / "nightscribe.toml", overrides)
    runner = Runner(config=config, platform=LocalPlatform(), listener=LogListener())
    report, figures = runner.score(finished.plan)
    assert figures["coverage"]["scored"] == 2
    assert figures["wer"]["reference"] == 4
    assert [row.overlap for row in report.scored] == [0.0, 0.0]
    assert "several_speakers" not in figures


def test_words_in_a_region_that_is_not_scored_are_no_errors(home: Path) -> None:
    (finished,) = carried_out(home)
    said = rows(home, "segments")
    words = [word for found in said[said["path"] == "day/2.wav"]["words"] for word in found]
    middles = [(word["start"] + word["end"]) / 2 for word in words]
    cut = sorted(middles)[len(middles) // 2]
    (home / "references.stm").write_text(
        f"day/2 1 anna 0.0 {cut} alpha\nday/2 1 ben 0.1 {cut} bravo charlie\n"
        f"day/2 1 gap {cut} 99 IGNORE_TIME_SEGMENT_IN_SCORING\n"
    )
    config = load_config(home / "nightscribe.toml", ["references.uri='references.stm'"])
    runner = Runner(config=config, platform=LocalPlatform(), listener=LogListener())
    report, figures = runner.score(finished.plan)
    (scored,) = report.scored
    assert scored.raw.hypothesis_words == sum(middle < cut for middle in middles)
    assert 0 < scored.raw.hypothesis_words < len(words)
    assert len(scored.words) == scored.raw.hypothesis_words
    assert scored.normalized.reference_words == 3
    assert scored.turns == (1, 2)
    assert figures["several_speakers"]["orc_wer"]["errors"] == scored.normalized.errors
    assert figures["coverage"]["unscored_seconds"] == pytest.approx(21 - cut, abs=0.1)


def steps(home: Path, *overrides: str) -> Runner:
    return Runner(
        config=load_config(home / "nightscribe.toml", overrides),
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )


def test_planning_twice_plans_once(home: Path) -> None:
    first, second = steps(home).plan(), steps(home).plan()
    assert first is not None
    assert second is not None
    assert first.run_id == second.run_id
    carried_out(home)
    assert len(rows(home)) == 4


def test_a_run_made_step_by_step_is_finished_by_its_report(home: Path) -> None:
    runner = steps(home)
    plan = runner.plan()
    assert plan is not None
    with pytest.raises(InputError, match="has no rows yet"):
        runner.report(plan)
    runner.transform(plan)
    runner.collect(plan)
    runner.report(plan)
    assert carried_out(home) == []


def test_collecting_an_older_run_again_leaves_newer_rows_alone(home: Path) -> None:
    (first,) = carried_out(home)
    write_sound(home / "archive/day/0.wav", speechlike(7, seed=77))
    carried_out(home)
    before, segments = rows(home), rows(home, "segments")
    steps(home).collect(first.plan)
    same(rows(home), before)
    same(rows(home, "segments"), segments)


def test_run_ids_sort_by_time_when_the_date_goes_backwards(home: Path) -> None:
    carried_out(home)
    write_sound(home / "archive/day/0.wav", speechlike(7, seed=77))
    runner = steps(home)
    runner.today = lambda: date(2026, 11, 20)
    (second,) = runner.run()
    assert second.plan.run_id == "2026-11-23-002"
    assert carried_out(home) == []
    assert len(rows(home)) == 4


def test_a_model_that_cannot_be_loaded_costs_no_recording_its_tries(
    home: Path, tiny_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "models/broken"
    shutil.copytree(tiny_model, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(JobFailedError, match="nothing was transcribed"):
        carried_out(home, f"model.uri='{broken}'")
    assert not (home / "out/transcripts").exists()
    (finished,) = carried_out(home)
    assert finished.collected.statuses.get("error") is None
    assert len(rows(home)) == 4


def test_an_output_that_cannot_be_read_is_made_again(home: Path) -> None:
    runner = steps(home)
    plan = runner.plan()
    assert plan is not None
    runner.transform(plan)
    for path in (home / "out/runs").glob("*/out/*.out"):
        path.write_text(path.read_text("utf-8").replace('"status"', '"state"'), "utf-8")
    (finished,) = carried_out(home)
    assert finished.collected.kinds == {}
    assert len(rows(home)) == 4


def test_an_output_belongs_to_one_archive(home: Path) -> None:
    carried_out(home)
    write_sound(home / "other/day/0.wav", speechlike(2))
    with pytest.raises(InputError, match="give each archive an output of its own"):
        carried_out(home, "archive.uri='other'", "references.uri='references.tsv'")
    assert len(rows(home)) == 4


def test_sound_below_the_output_is_not_part_of_the_archive(home: Path) -> None:
    write_sound(home / "out/training/data/x.wav", speechlike(1))
    (finished,) = carried_out(home, "archive.uri='.'", "archive.metadata='meetings.csv'")
    assert finished.plan.recordings == 4


def test_a_dry_run_writes_nothing(home: Path) -> None:
    assert steps(home).survey(dry=True).selection.reasons == {"new": 4}
    assert not (home / "out").exists()
