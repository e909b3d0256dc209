"""Whatever stands in a file that somebody wrote: it is read, or one sentence says what is wrong."""

from __future__ import annotations

import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from manifests.errors import NightscribeError
from tests.hostile.mutations import hostile_bytes
from tests.hostile.readers import READERS, Reader

LONG = os.environ.get("NIGHTSCRIBE_TORTURE") == "long"
EXAMPLES = 10_000 if LONG else 40
# A sentence for a person, however long the line is that it speaks of.
MOST_SAID = 2_200


each_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)


@each_reader
def test_a_file_that_is_right_is_read(reader: Reader, tmp_path: Path) -> None:
    assert reader.read(reader.file(tmp_path, reader.sample))


@each_reader
def test_any_bytes_are_read_or_refused_in_a_sentence(reader: Reader, tmp_path: Path) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=timedelta(seconds=3),
        derandomize=not LONG,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=hostile_bytes(reader.sample))
    def check(data: bytes) -> None:
        read_or_refused(reader, tmp_path, data)

    check()


def read_or_refused(reader: Reader, folder: Path, data: bytes) -> str | None:
    """The refusal, which names the file or its folder; None where it was read."""
    try:
        reader.read(reader.file(folder, data))
    except NightscribeError as error:
        said = str(error)
        assert reader.name in said or str(folder) in said
        assert len(said) < MOST_SAID
        return said
    return None


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("shard.jsonl", b'{"id":"a","uri":"file:///a"}\n' + b"[" * 100_000, "line 2: not JSON"),
        ("shard.jsonl", b'\n{"id":"a","uri":"x","size":' + b"9" * 5_000 + b"}", "line 2: not JSON"),
        ("shard.jsonl", b'{"id":"a","uri":"x","offset":1e999}', "line 1: key 'offset'"),
        ("manifest.json", b"[" * 100_000, "nested too deeply"),
        ("plan.json", b'{"a":' * 100_000, "nested too deeply"),
        ("nightscribe.toml", b"a = " + b"[" * 100_000, "nested too deeply"),
        ("nightscribe.toml", b"[archive]\nsettle_minutes = " + b"9" * 5_000, "not TOML"),
        ("verdicts.json", b"[" * 100_000, "nested too deeply"),
        ("references.jsonl", b'{"file": "a", "text": "b"}\n' + b"[" * 100_000, "line 2: not JSON"),
        ("references.jsonl", b'{"file": "a", "text": "\\ud800"}', "line 1: key 'text'"),
        ("references.json", b'[{"session_id": "b", "start_time": NaN}]', "segment 1"),
        ("references.stm", b"b 1 x 0 1 yes\nb 1 x nan 2 no", "line 2: from nan to 2"),
        ("references.stm", b"b 1 x 3 2 no", "line 1: it ends at 2 s, before its start at 3 s"),
        ("references.stm", b"b 1 x -1 2 no", "line 1: from -1 to 2 s"),
        ("references.ctm", b"b 1 1e999 2 no", "line 1: from inf"),
        ("references.rttm", b"NOSCORE b 1 0 -2 <NA> <NA> <NA> <NA>", "line 1: from 0 to -2 s"),
        ("regions.uem", b"b 1 0 inf", "line 1: found"),
        ("references.tsv", b"recording\ttext\nb\t\xff", "line 2: byte 0xff is not UTF-8"),
        ("references.tsv", "recording\ttext\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
        ("references.csv", b'file,text\nb,"hello', "line 2: not CSV"),
        ("references.tsv", b"recording\ttext\nb\r\n", "line 2: 1 column(s) found"),
        ("meetings.csv", b"file,a\nb,1,2\n", "line 2: 3 columns found, 2 expected"),
        ("labels.jsonl", b'{"audio_filepath":"b.wav","text":"x","duration":1e999}', "line 1"),
        ("labels.jsonl", b'{"audio_filepath":"b.wav","text":"x","channel":1e999}', "line 1"),
        ("labels.stm", b"b " + b"9" * 5_000 + b" x 0 1 yes\nb A x 1 2 no\n", "line 1: channel"),
        ("segments", b"u1 b 0 nan\nu2 b 0 1\n", "line 1: duration is nan"),
        ("wav.scp", b"b b\0.wav\n", "null character|leaves the folder"),
        ("recordings.jsonl", b'{"id":"b","sources":[{"type":"file","source":"\\ud800"}]}', "name"),
    ],
)
def test_the_refusal_names_the_line_or_the_key(
    name: str, data: bytes, said: str, tmp_path: Path
) -> None:
    reader = next(one for one in READERS if one.name == name)
    found = read_or_refused(reader, tmp_path, data)
    assert found is not None
    assert re.search(said, found) or said in found


@pytest.mark.parametrize("name", ["references.tsv", "meetings.csv", "nightscribe.toml"])
def test_the_editors_of_windows_are_no_hindrance(name: str, tmp_path: Path) -> None:
    reader = next(one for one in READERS if one.name == name)
    edited = b"\xef\xbb\xbf" + reader.sample.replace(b"\n", b"\r\n")
    assert read_or_refused(reader, tmp_path, edited) is None


SIZE = (50 if LONG else 2) << 20
LARGE = {
    "one line": b"x" * SIZE,
    "columns": b"\t".join([b"b"] * (SIZE // 16)) + b"\n" + b",".join([b"c"] * (SIZE // 16)),
    "short lines": b"b 1 x 0 1 a\n" * (SIZE // 64),
    "spaces": b" " * SIZE,
    "quotes": b'"' * SIZE,
    "brackets": b"[" * SIZE,
    "braces": b"{ a / " * (SIZE // 64) + b"}" * (SIZE // 64),
    "labels": b"b 1 x 0 1 " + b"<" * (SIZE // 16),
    "arrows": b"00:00:01,000 --> 00:00:02,000\n" * (SIZE // 256),
    "ignored": b"b 1 x 0 5 a\nb 1 x 4 9 IGNORE_TIME_SEGMENT_IN_SCORING\n" * (SIZE // 512),
    "chain": b"".join(b"b 1 x %d %d a\n" % (at, at + 2) for at in range(SIZE // 1024))
    + b"b 1 x 0 1 IGNORE_TIME_SEGMENT_IN_SCORING\n",
}


@each_reader
def test_a_large_file_is_read_or_refused_in_time(reader: Reader, tmp_path: Path) -> None:
    for name, data in LARGE.items():
        began = time.monotonic()
        read_or_refused(reader, tmp_path, data)
        # Generous: a machine may be busy, and what is quadratic takes hours.
        assert time.monotonic() - began < 120, name
