"""From a request's body to its answer, through the four functions and the bundle's layout."""

import itertools
import json
import logging
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from manifests.errors import InputError
from manifests.local_store import LocalStore, uri_of_path
from manifests.pointers import Pointer, write_pointers
from manifests.storage import open_store
from tests.conftest import speechlike, write_sound
from transform_handler import transcriber
from transform_handler.allowed import VARIABLE
from transform_handler.engine.frames import BatchLimits
from transform_handler.handler import (
    BUDGET_VARIABLE,
    JSON_LINES,
    Handler,
    input_fn,
    model_fn,
    output_fn,
    predict_fn,
)
from transform_handler.identity import BundleCard
from transform_handler.records import ErrorKind, Status, TranscriptRecord


def answer(handler: Handler, body: bytes | str, kind: str = JSON_LINES) -> list[TranscriptRecord]:
    said = output_fn(predict_fn(input_fn(body, kind), handler), JSON_LINES)
    assert said == "" or said.endswith("\n")
    return [TranscriptRecord.from_line(line) for line in said.split("\n")[:-1]]


def ask(handler: Handler, *pointers: Pointer) -> list[TranscriptRecord]:
    return answer(handler, write_pointers(pointers))


def pointer(path: Path, **fields: object) -> Pointer:
    return Pointer(**{"id": path.stem, "uri": uri_of_path(path), **fields})


@pytest.fixture(scope="module")
def meetings(open_archive: Path) -> Path:
    for number in range(3):
        samples = speechlike(20.0 + number * 6, seed=number)
        write_sound(open_archive / f"meeting {number}.wav", samples)
    two = np.stack([speechlike(5.0, seed=8), speechlike(5.0, seed=9)], 1)
    write_sound(open_archive / "stereo.flac", two)
    write_sound(open_archive / "silent.wav", np.zeros(48_000, np.float32))
    (open_archive / "bad.wav").write_text("minutes of the meeting " * 50)
    (open_archive / "nothing.wav").write_bytes(b"")
    return open_archive


def test_a_shard_gives_one_record_a_pointer_in_order(handler: Handler, meetings: Path) -> None:
    paths = [meetings / f"meeting {number}.wav" for number in (2, 0, 1)]
    records = ask(handler, *(pointer(path, language="en") for path in paths))
    assert [record.id for record in records] == ["meeting 2", "meeting 0", "meeting 1"]
    assert [record.uri for record in records] == [uri_of_path(path) for path in paths]
    assert [record.duration for record in records] == [32.0, 20.0, 26.0]
    assert {record.status for record in records} == {Status.OK}
    assert {(r.channel, r.channels, r.language) for r in records} == {(None, 1, "en")}


def test_a_record_names_model_and_decoding(handler: Handler, meetings: Path, bundle: Path) -> None:
    card = BundleCard.read(bundle)
    (record,) = ask(handler, pointer(meetings / "meeting 0.wav"))
    assert record.model == {"name": "tiny", "digest": card.model_digest}
    assert record.decode["digest"] == card.decode_digest
    assert record.decode["method"] == "greedy"


def test_words_lie_in_order_within_the_recording(handler: Handler, meetings: Path) -> None:
    (record,) = ask(handler, pointer(meetings / "meeting 2.wav"))
    times = [moment for word in record.words for moment in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= record.duration + 0.02
    assert all(word.text.strip() for word in record.words)


def test_records_are_the_same_alone_together_and_in_any_order(
    handler: Handler, meetings: Path
) -> None:
    pointers = [pointer(path) for path in sorted(meetings.glob("meeting *.wav"))]
    together = ask(handler, *pointers)
    assert [ask(handler, one)[0] for one in pointers] == together
    assert ask(handler, *reversed(pointers)) == together[::-1]


def test_batches_of_windows_change_no_text(handler: Handler, meetings: Path) -> None:
    pointers = [pointer(path) for path in sorted(meetings.glob("meeting *.wav"))]
    alone = ask(handler, *pointers)
    engine = handler.transcriber._engine
    alone_limits, engine.limits = engine.limits, BatchLimits(windows=4, seconds=600.0)
    try:
        batched = ask(handler, *pointers)
    finally:
        engine.limits = alone_limits
    texts = [[word.text for word in record.words] for record in alone]
    assert [[word.text for word in record.words] for record in batched] == texts


def test_one_bad_recording_among_good_ones_is_one_error_record(
    handler: Handler, meetings: Path
) -> None:
    names = ["meeting 0.wav", "bad.wav", "gone.wav", "nothing.wav", "silent.wav", "meeting 1.wav"]
    records = ask(handler, *(pointer(meetings / name) for name in names))
    assert [record.error and record.error.kind for record in records] == [
        None,
        ErrorKind.UNSUPPORTED_FORMAT,
        ErrorKind.NOT_FOUND,
        ErrorKind.EMPTY_FILE,
        None,
        None,
    ]
    assert [r.status for r in records] == ["ok", "error", "error", "error", "empty", "ok"]
    assert records[0] == ask(handler, pointer(meetings / "meeting 0.wav"))[0]
    assert not any(record.segments for record in records[1:5])


def test_a_silent_recording_is_empty_with_its_duration(handler: Handler, meetings: Path) -> None:
    (record,) = ask(handler, pointer(meetings / "silent.wav"))
    assert (record.status, record.duration, record.error) == (Status.EMPTY, 3.0, None)


@pytest.mark.parametrize("samples", [0, 1, 100, 400, 729, 730, 1599])
def test_a_recording_shorter_than_any_word_is_empty(
    handler: Handler, open_archive: Path, samples: int
) -> None:
    path = write_sound(open_archive / f"short{samples}.wav", speechlike(1.0)[:samples] + 0.1)
    (record,) = ask(handler, pointer(path))
    assert (record.status, record.error) == (Status.EMPTY, None)
    assert record.duration == round(samples / 16_000, 3)


def test_silence_between_words_parts_them(handler: Handler, open_archive: Path) -> None:
    burst = speechlike(3.0, seed=4)
    samples = np.concatenate([burst, np.zeros(16_000 * 60, np.float32), burst])
    (record,) = ask(handler, pointer(write_sound(open_archive / "pause.wav", samples)))
    assert not [word for word in record.words if word.start < 10 and word.end > 50]
    assert [word for word in record.words if word.start > 50]


def test_a_split_gives_a_record_a_channel_and_equals_the_channels_alone(
    handler: Handler, meetings: Path
) -> None:
    records = ask(handler, pointer(meetings / "stereo.flac", channels="split"))
    assert [(record.channel, record.channels) for record in records] == [(0, 2), (1, 2)]
    assert records[0].segments != records[1].segments
    for record, seed in zip(records, (8, 9), strict=True):
        mono = write_sound(meetings / f"mono{seed}.flac", speechlike(5.0, seed=seed))
        (alone,) = ask(handler, pointer(mono))
        assert [word.text for word in record.words] == [word.text for word in alone.words]
        assert {segment.channel for segment in record.segments} == {record.channel}


def test_a_mix_of_stereo_is_one_record(handler: Handler, meetings: Path) -> None:
    (record,) = ask(handler, pointer(meetings / "stereo.flac"))
    assert (record.channel, record.channels, record.status) == (None, 2, Status.OK)


def test_a_part_says_its_offset_its_duration_and_absolute_times(
    handler: Handler, meetings: Path
) -> None:
    whole, part, beyond = ask(
        handler,
        pointer(meetings / "meeting 2.wav"),
        pointer(meetings / "meeting 2.wav", offset=30.0, duration=30.0),
        pointer(meetings / "meeting 2.wav", offset=60.0, duration=30.0),
    )
    assert (part.offset, part.duration) == (30.0, 2.0)
    assert list(part.words) == [word for word in whole.words if word.start >= 30.0]
    assert (beyond.status, beyond.duration) == (Status.EMPTY, 0.0)


def test_another_version_than_the_planned_one_has_changed(handler: Handler, meetings: Path) -> None:
    entry = LocalStore(meetings).stat("meeting 0.wav")
    assert entry is not None
    good, bad = ask(
        handler,
        pointer(meetings / "meeting 0.wav", etag=entry.etag),
        pointer(meetings / "meeting 0.wav", etag="0-0"),
    )
    assert good.status is Status.OK
    assert bad.error is not None
    assert bad.error.kind is ErrorKind.CHANGED


def test_what_lies_outside_the_allowed_prefixes_is_forbidden(
    handler: Handler, meetings: Path, tmp_path: Path
) -> None:
    outside = write_sound(tmp_path / "secret.wav", speechlike(1.0))
    link = meetings / "link.wav"
    link.symlink_to(outside)
    inside = uri_of_path(meetings)
    uris = [
        uri_of_path(outside),
        uri_of_path(link),
        f"{inside}/../{tmp_path.name}/secret.wav",
        f"{inside}/x/%2e%2e/meeting%200.wav",
        "s3://bucket/x.wav",
        "/etc/passwd",
        "http://localhost/x.wav",
    ]
    records = ask(handler, *(Pointer(id=uri, uri=uri) for uri in uris))
    link.unlink()
    assert [record.error and record.error.kind for record in records] == ["forbidden"] * len(uris)


def test_with_the_variable_unset_everything_is_forbidden(
    bundle: Path, meetings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    closed = model_fn(str(bundle))
    (record,) = ask(closed, pointer(meetings / "meeting 0.wav"))
    assert record.error is not None
    assert record.error.kind is ErrorKind.FORBIDDEN
    body = (meetings / "silent.wav").read_bytes()
    assert answer(closed, body, "audio/wav")[0].status is Status.EMPTY


def test_after_the_time_budget_recordings_are_left_for_another_time(
    handler: Handler, meetings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BUDGET_VARIABLE, "-1")
    records = ask(handler, *(pointer(meetings / f"meeting {n}.wav") for n in range(3)))
    assert [record.error and record.error.kind for record in records] == ["time_limit"] * 3
    assert not ErrorKind.TIME_LIMIT.final


def test_a_recording_that_took_too_long_says_the_length_of_the_whole(
    handler: Handler, meetings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = meetings / "meeting 2.wav"
    moments = itertools.count()
    monkeypatch.setattr(transcriber.time, "monotonic", lambda: float(next(moments)))
    # The clock is asked once for the budget, once for the recording and once for each window.
    monkeypatch.setenv(BUDGET_VARIABLE, "1.5")
    for stretch in ({}, {"offset": 20.0, "duration": 8.0}):
        moments = itertools.count()
        (record,) = ask(handler, pointer(path, **stretch))
        assert record.error is not None
        assert record.error.kind is ErrorKind.TIME_LIMIT
        assert record.duration == 32.0


def test_other_errors_and_recordings_that_were_not_opened_have_no_duration(
    handler: Handler, meetings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad,) = ask(handler, pointer(meetings / "bad.wav"))
    monkeypatch.setenv(BUDGET_VARIABLE, "-1")
    (late,) = ask(handler, pointer(meetings / "meeting 2.wav"))
    assert bad.duration is None
    assert late.duration is None


def test_a_worker_leaves_no_folder_behind(
    bundle: Path, meetings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fresh = model_fn(str(bundle))
    assert list(tmp_path.iterdir()) == []
    assert answer(fresh, (meetings / "silent.wav").read_bytes(), "audio/wav")[0].error is None
    assert list(tmp_path.iterdir()) == []


def test_a_recording_in_s3_is_transcribed(
    s3_bucket: str, bundle: Path, meetings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"s3://{s3_bucket}/in/")
    store.put("ä b.wav", meetings / "meeting 0.wav")
    store.put("other.wav", b"x")
    monkeypatch.setenv(VARIABLE, f"s3://{s3_bucket}/in/")
    entry = store.stat("ä b.wav")
    assert entry is not None
    records = ask(
        model_fn(str(bundle)),
        Pointer(id="a", uri=store.uri_of("ä b.wav"), etag=entry.etag, size=entry.size),
        Pointer(id="b", uri=store.uri_of("ä b.wav"), etag="0"),
        Pointer(id="c", uri=store.uri_of("gone.wav")),
        Pointer(id="d", uri=f"s3://{s3_bucket}/out/x.wav"),
    )
    assert [record.error and record.error.kind for record in records] == [
        None,
        "changed",
        "not_found",
        "forbidden",
    ]
    assert records[0].status is Status.OK


@pytest.mark.parametrize(
    "kind", ["audio/wav", "Audio/X-WAV; rate=16000", "application/octet-stream"]
)
def test_a_body_of_sound_gives_the_text_of_the_file(
    handler: Handler, meetings: Path, kind: str
) -> None:
    path = meetings / "meeting 0.wav"
    (record,) = answer(handler, path.read_bytes(), kind)
    assert record.uri == "body:"
    assert record.segments == ask(handler, pointer(path))[0].segments


@pytest.mark.parametrize(
    ("body", "kind"), [(b"", ErrorKind.EMPTY_FILE), (b"text" * 99, ErrorKind.UNSUPPORTED_FORMAT)]
)
def test_a_body_that_is_no_sound_is_a_record(
    handler: Handler, body: bytes, kind: ErrorKind
) -> None:
    (record,) = answer(handler, body, "audio/wav")
    assert record.error is not None
    assert record.error.kind is kind


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_a_speech_array_is_transcribed_at_its_rate(handler: Handler, rate: int) -> None:
    samples = speechlike(3.0, seed=5, rate=rate)
    body = json.dumps({"speech_array": samples.tolist(), "sampling_rate": rate})
    for given in (body, body.encode(), bytearray(body.encode())):
        (record,) = answer(handler, given, "application/json; charset=utf-8")
        assert (record.status, record.duration, record.uri) == (Status.OK, 3.0, "body:")


def test_an_empty_speech_array_is_an_empty_record(handler: Handler) -> None:
    (record,) = answer(handler, '{"speech_array": [], "sampling_rate": 16000}', "application/json")
    assert (record.status, record.duration) == (Status.EMPTY, 0.0)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[1, 2]",
        "7",
        "{}",
        '{"speech_array": [0.1]}',
        '{"sampling_rate": 16000}',
        '{"speech_array": [[0.1], [0.2]], "sampling_rate": 16000}',
        '{"speech_array": [[0.1], 0.2], "sampling_rate": 16000}',
        '{"speech_array": ["a"], "sampling_rate": 16000}',
        '{"speech_array": 0.1, "sampling_rate": 16000}',
        '{"speech_array": [0.1], "sampling_rate": 0}',
        '{"speech_array": [0.1], "sampling_rate": -16000}',
        '{"speech_array": [0.1], "sampling_rate": 99999999999999}',
        '{"speech_array": [0.1], "sampling_rate": Infinity}',
        '{"speech_array": [0.1], "sampling_rate": NaN}',
        '{"speech_array": [0.1], "sampling_rate": "fast"}',
        '{"speech_array": [0.1], "sampling_rate": null}',
    ],
)
def test_a_bad_json_body_says_what_is_expected(body: str) -> None:
    with pytest.raises(InputError, match=r"speech_array.*Hz"):
        input_fn(body, "application/json")


@pytest.mark.parametrize("kind", ["text/csv", "application/x-npy", "", "image/png"])
def test_another_content_type_is_refused_with_those_that_are_taken(kind: str) -> None:
    with pytest.raises(InputError, match=r"not taken; send application/jsonlines") as caught:
        input_fn(b"x", kind)
    assert repr(kind) in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"id": "a", "uri": "b"}\n{"id"\n', "request body, line 2: not JSON"),
        (b'{"id": "a"}', "request body, line 1: key 'uri' is missing"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_bad_shard_names_the_line(body: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        input_fn(body, JSON_LINES)


def test_an_empty_shard_has_an_empty_answer(handler: Handler) -> None:
    assert answer(handler, b"\n") == []


class BoomError(Exception):
    pass


def test_a_model_that_fails_costs_its_recording_and_quotes_nothing(
    handler: Handler,
    meetings: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(batch, *, language):
        raise BoomError("the secret words that were said")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(handler.transcriber._engine, "run", failing)
    bad, good = ask(
        handler,
        pointer(meetings / "stereo.flac"),
        pointer(meetings / "silent.wav"),
    )
    assert bad.error is not None
    assert bad.error.kind is ErrorKind.INTERNAL
    assert "BoomError" in bad.error.message
    assert "secret" not in bad.to_line() + caplog.text
    assert good.status is Status.EMPTY


def test_a_failure_while_words_are_made_costs_its_recording_and_quotes_nothing(
    handler: Handler, meetings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(words, *, channel):
        if words:
            raise BoomError(" ".join(word.text for word in words))
        return ()

    monkeypatch.setattr(transcriber, "segments_of", failing)
    bad, good = ask(handler, pointer(meetings / "meeting 0.wav"), pointer(meetings / "silent.wav"))
    assert bad.error is not None
    assert bad.error.message == "the handler failed (BoomError)"
    assert good.status is Status.EMPTY


def test_a_few_broken_samples_do_not_silence_their_window(
    handler: Handler, open_archive: Path
) -> None:
    samples = speechlike(8.0)
    samples[5_000:5_010] = 0.0
    (expected,) = ask(handler, pointer(write_sound(open_archive / "x.wav", samples)))
    for broken in (1e30, -1e38, np.inf, np.nan):
        samples[5_000:5_010] = broken
        path = write_sound(open_archive / "broken.wav", samples, subtype="FLOAT")
        (record,) = ask(handler, pointer(path))
        heard = [word.text for word in record.words if word.start > 1]
        assert heard == [word.text for word in expected.words if word.start > 1]
        assert heard


def test_a_model_whose_output_is_no_number_is_an_error_not_a_silent_transcript(
    handler: Handler, meetings: Path
) -> None:
    import torch

    head = handler.transcriber._engine._network._model.lm_head
    kept = head.bias.detach().clone()
    try:
        with torch.no_grad():
            head.bias.fill_(float("nan"))
        (record,) = ask(handler, pointer(meetings / "stereo.flac"))
    finally:
        with torch.no_grad():
            head.bias.copy_(kept)
    assert record.error is not None
    assert record.error.kind is ErrorKind.INTERNAL


def test_the_entry_of_the_bundle_has_the_four_functions(bundle: Path) -> None:
    names = runpy.run_path(str(bundle / "code/inference.py"))
    assert {"model_fn", "input_fn", "predict_fn", "output_fn"} <= set(names)


ALONE = """
import sys
sys.path.insert(0, sys.argv[1] + "/code")
import inference, manifests, transform_handler
assert manifests.__file__.startswith(sys.argv[1]), manifests.__file__
assert transform_handler.__file__.startswith(sys.argv[1])
model = inference.model_fn(sys.argv[1])
body = inference.input_fn(sys.stdin.read(), "application/jsonlines")
print(inference.output_fn(inference.predict_fn(body, model), "application/jsonlines"), end="")
assert "batch" not in sys.modules and "training" not in sys.modules
"""


def test_the_bundle_runs_from_its_own_code_and_gives_the_same_records(
    handler: Handler, bundle: Path, meetings: Path, tmp_path: Path
) -> None:
    shard = write_pointers([pointer(meetings / "meeting 0.wav")])
    environment = {**os.environ, VARIABLE: uri_of_path(meetings) + "/", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", ALONE, str(bundle)],
        input=shard, capture_output=True, env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode()
    (record,) = ask(handler, pointer(meetings / "meeting 0.wav"))
    alone = TranscriptRecord.from_line(run.stdout.decode())
    assert [word.text for word in alone.words] == [word.text for word in record.words]
    assert alone.model == record.model
