"""``nightscribe forget``: nothing of a recording is left, whatever happened before or meanwhile."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from batch.datasets import read_rows
from batch.forgotten import forgotten_ids
from batch.layout import RunKeys
from batch.ledger import read_ledger
from batch.upkeep.forgetting import Done, forgetter
from batch.upkeep.verifying import Verifier
from manifests.errors import InputError
from manifests.recordings import recording_id
from manifests.storage import Store
from tests.batch.made_nights import Home, made_home

SECRET, WORD = "board/payroll 2026.wav", "severance"
FIRST, SECOND, THIRD = "2026-11-23-001", "2026-11-24-001", "2026-11-25-001"
NEEDLES = (SECRET, "payroll 2026", "payroll%202026", recording_id(SECRET), WORD)


def said(pointer: object) -> str:
    uri = str(getattr(pointer, "uri", ""))
    return f"the {WORD} is high" if "payroll" in uri else f"hello {len(uri)}"


def several_nights(home: Home, *, reports: bool = True) -> None:
    """Two of three nights have the secret, which changed between them."""
    home.said = said
    night = home.reported if reports else home.night
    home.put(SECRET, "a.wav", "b.wav")
    night(FIRST)
    home.put(SECRET, content=b"longer sound")
    night(SECOND, [SECRET])
    home.put("c.wav")
    home.reported(THIRD, ["c.wav"])
    home.output.put("exports/2026/board_payroll_2026.wav.txt", b"unknown")


def references(folder: Path) -> str:
    lines = ["recording\ttext", f"{SECRET}\tthe {WORD} was low", "a.wav\thello there"]
    (folder / "references.tsv").write_text("\n".join(lines) + "\n")
    return "[references]\nuri = 'references.tsv'\n[report]\nclips = 0\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path, more=references(tmp_path))
    several_nights(made)
    return made


@pytest.fixture
def quick(tmp_path: Path) -> Home:
    """With one report, because those take the time."""
    made = made_home(tmp_path, more=references(tmp_path))
    several_nights(made, reports=False)
    return made


def forget(home: Home, name: str = SECRET, *, audio: bool = False) -> Done:
    runner = home.runner()
    with runner.claimed():
        return forgetter(runner, name, audio=audio).forget()


def unpacked(key: str, data: bytes) -> Iterator[str]:
    """All that a file says, however it is packed."""
    yield key
    yield data.decode("utf-8", "replace")
    if key.endswith(".parquet"):
        yield str(pq.ParquetFile(io.BytesIO(data)).read().to_pylist())
    for packed in re.findall(rb"[A-Za-z0-9+/]{64,}=*", data):
        try:
            yield gzip.decompress(base64.b64decode(packed)).decode()
        except (ValueError, OSError):
            continue


def traces(store: Store) -> dict[str, set[str]]:
    """Which words of the secret each file still says."""
    found = {}
    for entry in store.list():
        texts = list(unpacked(entry.key, store.read(entry.key)))
        words = {needle for needle in NEEDLES if any(needle in text for text in texts)}
        if words:
            found[entry.key] = words
    return found


def test_nothing_of_it_is_left_below_the_output(home: Home) -> None:
    from batch.exports import safe_name

    home.output.put(f"exports/night/{safe_name(SECRET)}.srt", WORD.encode())
    before = traces(home.output)
    places = ("transcripts/", "segments/", "history/", "ledger/", "runs/", "reports/", "exports/")
    assert all(any(key.startswith(place) for key in before) for place in places)
    done = forget(home)
    # The tombstone's name is the id, which is a hash.
    assert set(traces(home.output)) == {f"forgotten/{recording_id(SECRET)}"}
    assert done.rows == {
        "transcripts": 1,
        "segments": 1,
        "history/transcripts": 1,
        "history/segments": 1,
        "ledger": 2,
    }
    assert (done.runs, done.reports, done.exports) == (2, (FIRST, SECOND, THIRD), 1)
    assert home.archive.stat(SECRET) is not None


def test_everything_else_stays_and_every_run_still_holds(home: Home) -> None:
    forget(home)
    paths = read_rows(home.output, "transcripts")["path"].to_pylist()
    assert sorted(paths) == ["a.wav", "b.wav", "c.wav"]
    assert sorted(one.path for one in read_ledger(home.output).values()) == sorted(paths)
    for run_id in (FIRST, SECOND, THIRD):
        found = Verifier(output=home.output).verify(run_id)
        assert (found.findings, found.notes) == ((), ())
        report = json.loads(home.output.read(f"{RunKeys(run_id=run_id).reports}summary.json"))
        assert report["coverage"]["references_without_recording"] == []
    collected = json.loads(home.output.read(RunKeys(run_id=FIRST).collected))
    assert (collected["recordings"], collected["statuses"]) == (2, {"ok": 2})


def test_an_old_run_can_be_collected_again_and_does_not_bring_it_back(quick: Home) -> None:
    forget(quick)
    for run_id in (FIRST, SECOND):
        quick.collected(quick.planned_before(run_id))
    assert set(traces(quick.output)) == {f"forgotten/{recording_id(SECRET)}"}


def test_no_later_run_takes_it_on_until_that_is_lifted(quick: Home) -> None:
    from batch.selection import Settings, select
    from manifests.recordings import list_recordings

    forget(quick)

    def chosen() -> list[str]:
        found = select(
            list(list_recordings(quick.archive)),
            read_ledger(quick.output),
            Settings(channels="mix", model_digest=quick.digests[0], decode_digest=quick.digests[1]),
            on_model_change="all",
            forgotten=forgotten_ids(quick.output),
        )
        return [one.recording.path for one in found.chosen]

    assert chosen() == []
    config = str(quick.folder / "nightscribe.toml")
    CliRunner().invoke(cli, ["forget", SECRET, "-c", config, "--lift"], standalone_mode=False)
    assert chosen() == [SECRET]


def test_without_yes_it_says_what_would_go_and_deletes_nothing(quick: Home) -> None:
    config = str(quick.folder / "nightscribe.toml")
    before = [(one.key, one.etag) for one in quick.output.list()]
    answer = CliRunner().invoke(cli, ["forget", SECRET, "-c", config], standalone_mode=False)
    assert "nothing was deleted; --yes deletes all of this" in answer.output
    assert WORD not in answer.output
    assert [(one.key, one.etag) for one in quick.output.list()] == before
    done = CliRunner().invoke(
        cli, ["forget", "payroll 2026", "-c", config, "--yes", "--json"], standalone_mode=False
    )
    assert json.loads(done.stdout)["deleted"] is True
    assert set(traces(quick.output)) == {f"forgotten/{recording_id(SECRET)}"}


def test_the_audio_goes_where_that_is_asked_for(quick: Home) -> None:
    assert forget(quick, audio=True).audio
    assert quick.archive.stat(SECRET) is None


class CutShortError(Exception):
    pass


class Failing:
    """A store whose power goes after so many writes and deletions."""

    def __init__(self, store: Store, left: int) -> None:
        self._store, self.left = store, left

    def __getattr__(self, name: str) -> object:
        if name in ("put", "delete", "put_if_absent", "delete_version"):
            self.left -= 1
            if self.left < 0:
                raise CutShortError
        return getattr(self._store, name)


LONG = os.environ.get("NIGHTSCRIBE_TORTURE") == "long"


@pytest.mark.parametrize("after", range(0, 42, 1 if LONG else 6))
def test_what_was_cut_short_is_finished_by_doing_it_again(quick: Home, after: int) -> None:
    runner = quick.runner()
    work = forgetter(runner, SECRET, audio=False)
    runner.output = Failing(runner.output, after)  # type: ignore[assignment]
    with pytest.raises(CutShortError):
        work.forget()
    forget(quick)
    assert set(traces(quick.output)) == {f"forgotten/{recording_id(SECRET)}"}
    for run_id in (FIRST, SECOND, THIRD):
        assert Verifier(output=quick.output).verify(run_id).findings == ()


def test_a_run_that_is_not_finished_is_finished_first(quick: Home) -> None:
    quick.put(SECRET, content=b"the longest sound")
    quick.planned("2026-11-26-001", [SECRET])
    before = traces(quick.output)
    with pytest.raises(InputError, match="2026-11-26-001 has planned this recording"):
        forget(quick)
    assert traces(quick.output) == before


def test_a_name_that_nobody_knows_is_said_so(quick: Home) -> None:
    with pytest.raises(InputError, match="is not known"):
        forget(quick, "nobody.wav")


def test_what_a_versioned_bucket_keeps_goes_too(tmp_path: Path, s3_bucket: str) -> None:
    client = boto3.client("s3")
    client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    place = f"s3://{s3_bucket}"
    home = made_home(
        tmp_path, archive=f"{place}/archive/", output=f"{place}/out/", more=references(tmp_path)
    )
    several_nights(home, reports=False)
    done = forget(home, audio=True)
    assert done.versions > 10
    texts = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=s3_bucket):
        marks = [one["Key"] for one in page.get("DeleteMarkers", [])]
        assert all(key.startswith("out/pending/") for key in marks)
        for one in page["Versions"]:
            where = {"Bucket": s3_bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
            texts += unpacked(one["Key"], client.get_object(**where)["Body"].read())
    left = {needle for needle in NEEDLES if any(needle in text for text in texts)}
    # The id is the tombstone's name.
    assert left == {recording_id(SECRET)}
