"""A transcript record survives its line."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform_handler.audio.sound_facts import MixSeconds, SoundFacts
from transform_handler.records import (
    ErrorKind,
    RecordError,
    Segment,
    Status,
    TranscriptRecord,
    Word,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "transcripts.jsonl"
seconds = st.floats(0, 1e6)
flags = st.lists(st.sampled_from(["repetition", "token_limit"]), max_size=2).map(tuple)
words = st.builds(
    Word, text=st.text(), start=seconds, end=seconds, confidence=st.floats(0, 1), flags=flags
)
segments = st.builds(
    Segment,
    start=seconds,
    end=seconds,
    channel=st.none() | st.integers(0, 63),
    text=st.text(),
    confidence=st.floats(0, 1),
    words=st.lists(words, max_size=3).map(tuple),
    flags=flags,
)
facts = st.builds(
    SoundFacts,
    speech_seconds=seconds,
    peak_dbfs=st.none() | st.floats(-120, 12),
    clipped_share=st.floats(0, 1),
    level_dbfs=st.none() | st.floats(-120, 12),
    bandwidth_hertz=st.none() | st.integers(0, 8000),
    snr_db=st.none() | st.floats(-30, 60),
)
records = st.builds(
    TranscriptRecord,
    id=st.text(),
    uri=st.text(),
    status=st.sampled_from(Status),
    channel=st.none() | st.integers(0, 63),
    offset=st.none() | seconds,
    error=st.none() | st.builds(RecordError, kind=st.sampled_from(ErrorKind), message=st.text()),
    duration=st.none() | seconds,
    channels=st.none() | st.integers(1, 64),
    language=st.none() | st.text(),
    segments=st.lists(segments, max_size=3).map(tuple),
    calibrated=st.booleans(),
    sound=st.lists(st.tuples(seconds, facts), max_size=2).map(tuple),
    mix=st.none() | st.builds(MixSeconds, mean=seconds, polarity=seconds, left_out=seconds),
    model=st.dictionaries(st.text(), st.text(), max_size=2),
    decode=st.dictionaries(st.text(), st.text() | seconds | st.booleans(), max_size=3),
)


@settings(deadline=None)
@given(records)
def test_a_record_reads_back_as_it_was_written_from_one_line(record: TranscriptRecord) -> None:
    line = record.to_line()
    assert len(line.split("\n")) == 1
    assert TranscriptRecord.from_line(line.encode().decode()) == record


GOLDEN_RECORDS = [
    TranscriptRecord(
        id="0123456789abcdef0123",
        uri="s3://acme-meetings/2026/Grüße.wav",
        status=Status.OK,
        channel=1,
        offset=3600.0,
        duration=12.345,
        channels=2,
        language="de",
        segments=(
            Segment(
                start=3600.5,
                end=3601.3,
                channel=1,
                text="grüß gott",
                confidence=0.75,
                words=(
                    Word(text="grüß", start=3600.5, end=3600.9, confidence=0.8),
                    Word(
                        text="gott",
                        start=3601.0,
                        end=3601.3,
                        confidence=0.7,
                        flags=("repetition",),
                    ),
                ),
                flags=("repetition",),
            ),
        ),
        calibrated=True,
        sound=(
            (12.345, SoundFacts(speech_seconds=0.8, peak_dbfs=-6.0, level_dbfs=-24.5, snr_db=31.0)),
        ),
        mix=MixSeconds(mean=12.345),
        model={"name": "demo", "digest": "0123456789ab"},
        decode={"method": "greedy", "calibrated": True, "digest": "ba9876543210"},
    ),
    TranscriptRecord(
        id="b",
        uri="file:///archive/a%20b.wav",
        status=Status.ERROR,
        error=RecordError(kind=ErrorKind.CORRUPT, message="decoding stopped at 1.00 s"),
    ),
]


def test_the_wire_format_is_the_golden_one() -> None:
    lines = GOLDEN.read_text("utf-8").splitlines()
    assert [record.to_line() for record in GOLDEN_RECORDS] == lines
    assert [TranscriptRecord.from_line(line) for line in lines] == GOLDEN_RECORDS


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps({"id": "a", "uri": "b", "status": "fine", "error": None, "segments": []}),
        json.dumps({"id": "a", "uri": "b", "status": "ok", "error": None, "segments": [1]}),
        json.dumps({"id": "a", "uri": "b", "status": "ok", "error": {}, "segments": 5}),
        json.dumps({"id": "a", "status": "ok", "error": None, "segments": []}),
        json.dumps({"id": "a", "uri": "b", "status": "ok", "error": None, "segments": [], "x": 1}),
        json.dumps(
            {"id": "a", "uri": "b", "status": "error", "error": {"kind": "odd", "message": ""}}
        ),
    ],
)
def test_another_line_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        TranscriptRecord.from_line(line)


def test_numbers_that_json_does_not_know_are_never_written() -> None:
    record = TranscriptRecord(id="a", uri="b", status=Status.OK, duration=float("nan"))
    with pytest.raises(ValueError, match="JSON compliant"):
        record.to_line()


def test_what_is_final_is_the_documented_list() -> None:
    assert {kind for kind in ErrorKind if kind.final} == {
        ErrorKind.EMPTY_FILE,
        ErrorKind.UNSUPPORTED_FORMAT,
        ErrorKind.CORRUPT,
        ErrorKind.TOO_LONG,
    }
