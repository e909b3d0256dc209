"""A staged body gives what its stretch of the recording gives, to the last bit of each sample."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer, write_pointers
from tests.conftest import speechlike, write_sound
from transform_handler.audio.decoder_process import DecoderProcess, SoundRequest
from transform_handler.audio.layout import WindowLayout
from transform_handler.audio.reading import read_audio
from transform_handler.audio.windows import Part
from transform_handler.handler import (
    BUDGET_VARIABLE,
    JSON_LINES,
    Handler,
    input_fn,
    output_fn,
    predict_fn,
)
from transform_handler.records import ErrorKind, TranscriptRecord
from transform_handler.staged_body import (
    BodyFacts,
    BodySource,
    Depth,
    depth_of,
    most_bytes,
    samples_that_fit,
    write_body,
)

LAYOUT = WindowLayout(hop=320)


def facts_for(offset: float, duration: float, **more: object) -> BodyFacts:
    part = Part.of(LAYOUT, offset=offset, duration=duration)
    known = {"id": "a" * 20, "channel": None, "channels": 1, "begin": part.begin, "end": part.end}
    return BodyFacts(**{**known, "offset": offset, "duration": duration, **more})


def answer(handler: Handler, body: bytes, kind: str = "audio/flac") -> list[TranscriptRecord]:
    said = output_fn(predict_fn(input_fn(body, kind), handler), JSON_LINES)
    return [TranscriptRecord.from_line(line) for line in said.split("\n")[:-1]]


def body_of(path: Path, samples: np.ndarray, facts: BodyFacts) -> bytes:
    part = samples[facts.begin : facts.end]
    write_body(path, part, facts, depth_of(part))
    return path.read_bytes()


def read_back(path: Path, facts: BodyFacts) -> np.ndarray:
    known = BodyFacts.of(path.read_bytes())
    assert known is not None
    assert replace(known, depth=facts.depth) == facts
    with DecoderProcess() as decoder:
        source = BodySource(facts=known, decoder=decoder)
        request = SoundRequest(
            uri=uri_of_path(path),
            etag=None,
            mode="mix",
            offset=facts.begin / 16_000,
            duration=None if facts.end is None else (facts.end - facts.begin) / 16_000,
        )
        with source.open(request) as sound:
            return np.concatenate([*sound.blocks, np.zeros((0, 1), np.float32)])[:, 0]


WHOLE_16 = st.integers(-(1 << 15), (1 << 15) - 1).map(lambda n: n / (1 << 15))
WHOLE_24 = st.integers(-(1 << 23), (1 << 23) - 1).map(lambda n: n / (1 << 23))
ANY = st.floats(-(2.0**24), 2.0**24, width=32)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([(WHOLE_16, 16), (WHOLE_24, 24), (ANY, 32)]).flatmap(
        lambda pair: st.tuples(
            arrays.arrays(np.float32, st.integers(1, 300), elements=pair[0]), st.just(pair[1])
        )
    )
)
def test_samples_come_out_as_they_went_in(tmp_path: Path, given: tuple[np.ndarray, Depth]) -> None:
    samples, most = given
    depth = depth_of(samples)
    assert depth <= most
    facts = facts_for(0.0, 18.0, language="de", seconds=1.5)
    path = tmp_path / "x.flac"
    write_body(path, samples, facts, depth)
    assert np.array_equal(read_back(path, facts), samples)


@pytest.mark.parametrize("depth", [16, 24, 32])
def test_a_body_is_never_larger_than_was_reckoned(tmp_path: Path, depth: Depth) -> None:
    noise = np.random.default_rng(1).integers(-(1 << 15), 1 << 15, 400_000, dtype=np.int16)
    samples = {16: noise / 2**15, 24: noise / 2**15 + 2**-23, 32: noise / 2**15 * 1e-3}[depth]
    path = tmp_path / "x.flac"
    write_body(path, samples.astype(np.float32), facts_for(0.0, 18.0), depth)
    assert path.stat().st_size <= most_bytes(len(samples), depth)
    room = most_bytes(len(samples), depth)
    assert samples_that_fit(room, depth) == pytest.approx(len(samples), abs=1)


@pytest.mark.parametrize(
    ("seconds", "offset"), [(7.0, 0.0), (47.3, 0.0), (47.3, 36.0), (100.0, 36.0), (55.0, 36.0)]
)
@pytest.mark.parametrize("scale", [1.0, 3.0e-3])
def test_a_body_gives_the_record_of_a_pointer_to_its_stretch(
    handler: Handler, open_archive: Path, seconds: float, offset: float, scale: float
) -> None:
    sound = speechlike(seconds, seed=3) * np.float32(scale)
    path = write_sound(open_archive / "whole.wav", sound, subtype="FLOAT")
    pointer = Pointer(
        id="a" * 20, uri=uri_of_path(path), offset=offset, duration=18.0, language="de"
    )
    (expected,) = answer(handler, write_pointers([pointer]), JSON_LINES)
    facts = facts_for(offset, 18.0, language="de", seconds=seconds)
    (record,) = answer(handler, body_of(open_archive / "b.flac", read_audio(path), facts))
    assert record == replace(expected, uri="body:")


def test_a_body_of_a_channel_says_which(handler: Handler, tmp_path: Path) -> None:
    facts = facts_for(0.0, 18.0, channel=3, channels=5)
    (record,) = answer(handler, body_of(tmp_path / "b.flac", speechlike(5.0), facts))
    assert (record.channel, record.channels) == (3, 5)
    assert record.segments
    assert {segment.channel for segment in record.segments} == {3}


def test_a_body_that_ran_out_of_time_says_the_length_of_the_recording(
    handler: Handler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(99))
    monkeypatch.setattr(
        "transform_handler.transcriber.time.monotonic", lambda: float(next(moments))
    )
    monkeypatch.setenv(BUDGET_VARIABLE, "1.5")
    facts = facts_for(0.0, 18.0, seconds=4000.0)
    (record,) = answer(handler, body_of(tmp_path / "b.flac", speechlike(60.0), facts))
    assert record.error is not None
    assert (record.error.kind, record.duration) == (ErrorKind.TIME_LIMIT, 4000.0)


def test_a_damaged_body_is_not_a_damaged_recording(handler: Handler, tmp_path: Path) -> None:
    data = body_of(tmp_path / "b.flac", speechlike(60.0), facts_for(0.0, 18.0))
    (record,) = answer(handler, data[: len(data) // 2])
    assert record.error is not None
    assert record.error.kind is ErrorKind.INTERNAL
    assert "the body cannot be read" in record.error.message


def test_a_body_for_a_model_with_other_windows_is_refused(handler: Handler, tmp_path: Path) -> None:
    facts = facts_for(36.0, 18.0)
    other = replace(facts, begin=facts.begin + 320)
    (record,) = answer(handler, body_of(tmp_path / "b.flac", speechlike(90.0), other))
    assert record.error is not None
    assert "other windows" in record.error.message


@pytest.mark.parametrize(
    "comment", ["hello", '{"nightscribe-body":1,', '{"nightscribe-body":1,"x":2}']
)
def test_a_flac_with_another_comment_is_a_recording(
    handler: Handler, tmp_path: Path, comment: str
) -> None:
    import soundfile

    path = tmp_path / "x.flac"
    with soundfile.SoundFile(path, "w", 16_000, 1, format="FLAC") as file:
        file.comment = comment
        file.write(speechlike(2.0))
    (record,) = answer(handler, path.read_bytes())
    assert (record.status, record.duration, record.offset) == ("ok", 2.0, None)


@given(st.binary(max_size=200))
def test_whatever_follows_the_marker_is_read_without_harm(data: bytes) -> None:
    assert BodyFacts.of(b"fLaC" + data) is None
    assert BodyFacts.of(b"fLaC\x84\x00\x00\xff" + data) is None


def test_the_comment_is_the_contracts() -> None:
    golden = Path(__file__).parents[1] / "golden/body.json"
    facts = BodyFacts(
        id="f3c1a0b2d4e5f6a7b8c9",
        offset=3600.0,
        duration=792.0,
        begin=56_992_000,
        end=70_864_000,
        channel=1,
        channels=2,
        seconds=7300.5,
        language="en",
        depth=24,
    )
    assert json.loads(facts.to_comment()) == json.loads(golden.read_text())
    assert facts.to_comment() == json.dumps(json.loads(golden.read_text()), separators=(",", ":"))
