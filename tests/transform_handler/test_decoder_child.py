"""The decoding child: what it takes down with it, and what not."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from manifests.local_store import LocalStore, uri_of_path
from manifests.storage import open_store
from tests.conftest import write_sound
from tests.transform_handler.sounds import tone
from transform_handler.audio import decoder_process
from transform_handler.audio.decoder_process import DecoderProcess, SoundRequest
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import read_audio
from transform_handler.records import ErrorKind, RecordingError

LONG_SECONDS = 200.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_sound(folder / "short.wav", tone(1.0, rate=SAMPLE_RATE, channels=2))
    write_sound(folder / "long.wav", tone(LONG_SECONDS, rate=SAMPLE_RATE))
    return folder


@pytest.fixture(scope="module")
def shared_decoder():
    with DecoderProcess(stall_seconds=30) as decoder:
        yield decoder


@pytest.fixture
def decoder(shared_decoder: DecoderProcess) -> DecoderProcess:
    return shared_decoder


def request_for(path: Path, **fields: object) -> SoundRequest:
    whole = {"etag": None, "mode": "mix", "offset": 0.0, "duration": None}
    return SoundRequest(uri=uri_of_path(path), **{**whole, **fields})


def heard(decoder: DecoderProcess, request: SoundRequest) -> np.ndarray:
    with decoder.open(request) as sound:
        return np.concatenate([np.zeros((0, 1), np.float32), *sound.blocks])


def child_of(decoder: DecoderProcess) -> psutil.Process:
    assert decoder._child is not None
    return psutil.Process(decoder._child.pid)


def refused(decoder: DecoderProcess, request: SoundRequest) -> RecordingError:
    with pytest.raises(RecordingError) as caught:
        heard(decoder, request)
    return caught.value


def test_sound_through_the_child_is_the_sound_of_the_file(
    decoder: DecoderProcess, archive: Path
) -> None:
    expected = read_audio(archive / "short.wav")
    assert np.array_equal(heard(decoder, request_for(archive / "short.wav"))[:, 0], expected)
    part = heard(decoder, request_for(archive / "short.wav", offset=0.25, duration=0.5))
    assert np.array_equal(part[:, 0], expected[4_000:12_000])


def test_a_storage_that_does_not_answer_says_nothing_of_the_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with DecoderProcess(stall_seconds=30) as decoder:
        request = SoundRequest(
            uri="s3://archive/a.wav", etag="e", mode="mix", offset=0.0, duration=None
        )
        assert refused(decoder, request).kind is ErrorKind.UNAVAILABLE


def test_split_gives_every_channel(decoder: DecoderProcess, archive: Path) -> None:
    with decoder.open(request_for(archive / "short.wav", mode="split")) as sound:
        blocks = list(sound.blocks)
    assert sound.channels == 2
    assert {block.shape[1] for block in blocks} == {2}
    assert np.abs(np.concatenate(blocks)).max(axis=0) == pytest.approx([0.4, 0.2], abs=0.06)


def test_one_child_serves_one_recording_after_another(
    decoder: DecoderProcess, archive: Path
) -> None:
    heard(decoder, request_for(archive / "short.wav"))
    child = child_of(decoder)
    refused(decoder, request_for(archive / "gone.wav"))
    heard(decoder, request_for(archive / "short.wav"))
    assert child_of(decoder) == child


@pytest.mark.parametrize(
    ("fatal", "kind"),
    [
        (signal.SIGSEGV, ErrorKind.CORRUPT),
        (signal.SIGABRT, ErrorKind.CORRUPT),
        # From outside: the machine was out of memory, or is being shut down. Not the file's fault.
        (signal.SIGKILL, ErrorKind.INTERNAL),
        (signal.SIGTERM, ErrorKind.INTERNAL),
    ],
)
def test_a_child_that_dies_in_mid_stream_costs_one_recording(
    decoder: DecoderProcess, archive: Path, fatal: signal.Signals, kind: ErrorKind
) -> None:
    def interrupted() -> None:
        with decoder.open(request_for(archive / "long.wav")) as sound:
            next(sound.blocks)
            os.kill(child_of(decoder).pid, fatal)
            list(sound.blocks)

    with pytest.raises(RecordingError, match=f"status -{int(fatal)}") as caught:
        interrupted()
    assert caught.value.kind is kind
    assert len(heard(decoder, request_for(archive / "short.wav"))) == SAMPLE_RATE


def test_a_child_that_died_between_recordings_is_replaced(
    decoder: DecoderProcess, archive: Path
) -> None:
    heard(decoder, request_for(archive / "short.wav"))
    child = child_of(decoder)
    child.kill()
    child.wait()
    assert len(heard(decoder, request_for(archive / "short.wav"))) == SAMPLE_RATE


def test_leaving_early_ends_the_child_and_the_next_recording_is_its_own(
    decoder: DecoderProcess, archive: Path
) -> None:
    with decoder.open(request_for(archive / "long.wav")) as sound:
        next(sound.blocks)
        child = child_of(decoder)
    assert not child.is_running()
    expected = read_audio(archive / "short.wav")
    assert np.array_equal(heard(decoder, request_for(archive / "short.wav"))[:, 0], expected)


def test_close_ends_the_child_and_may_be_repeated(archive: Path) -> None:
    decoder = DecoderProcess()
    decoder.close()
    with decoder:
        heard(decoder, request_for(archive / "short.wav"))
        child = child_of(decoder)
    decoder.close()
    assert not child.is_running()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gone.wav", ErrorKind.NOT_FOUND),
        ("dangling.wav", ErrorKind.NOT_FOUND),
        ("pipe.wav", ErrorKind.UNSUPPORTED_FORMAT),
        ("device.wav", ErrorKind.UNSUPPORTED_FORMAT),
        ("folder.wav", ErrorKind.UNSUPPORTED_FORMAT),
        ("loop.wav", ErrorKind.NOT_FOUND),
        ("through.wav", ErrorKind.NOT_FOUND),
        ("empty.wav", ErrorKind.EMPTY_FILE),
        ("text.wav", ErrorKind.UNSUPPORTED_FORMAT),
    ],
)
def test_what_is_no_recording_is_refused_at_once_without_its_location(
    decoder: DecoderProcess, tmp_path: Path, name: str, kind: ErrorKind
) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "through.wav").symlink_to("text.wav/x.wav")
    (tmp_path / "dangling.wav").symlink_to("nothing.wav")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("minutes of the meeting " * 20)
    error = refused(decoder, request_for(tmp_path / name))
    assert error.kind is kind
    assert str(tmp_path) not in error.message
    assert name not in error.message


def test_another_version_than_the_planned_one_has_changed(
    decoder: DecoderProcess, archive: Path
) -> None:
    entry = LocalStore(archive).stat("short.wav")
    assert entry is not None
    good = request_for(archive / "short.wav", etag=entry.etag)
    assert len(heard(decoder, good)) == SAMPLE_RATE
    changed = request_for(archive / "short.wav", etag="0-0")
    assert refused(decoder, changed).kind is ErrorKind.CHANGED


@pytest.mark.parametrize("keep", [0.3, 1.0])
def test_a_recording_that_is_written_to_while_it_is_read_has_changed(
    decoder: DecoderProcess, archive: Path, tmp_path: Path, keep: float
) -> None:
    path = tmp_path / "growing.wav"
    data = (archive / "long.wav").read_bytes()
    path.write_bytes(data)
    entry = LocalStore(tmp_path).stat("growing.wav")
    assert entry is not None

    def read_while_written() -> None:
        with decoder.open(request_for(path, etag=entry.etag)) as sound:
            next(sound.blocks)
            path.write_bytes(data[: int(keep * len(data))])
            list(sound.blocks)

    with pytest.raises(RecordingError) as caught:
        read_while_written()
    assert caught.value.kind is ErrorKind.CHANGED


def test_a_recording_that_is_replaced_while_it_is_read_is_the_one_that_was_opened(
    decoder: DecoderProcess, archive: Path, tmp_path: Path
) -> None:
    path = tmp_path / "replaced.wav"
    path.write_bytes((archive / "long.wav").read_bytes())
    entry = LocalStore(tmp_path).stat("replaced.wav")
    assert entry is not None
    with decoder.open(request_for(path, etag=entry.etag)) as sound:
        first = next(sound.blocks)
        LocalStore(tmp_path).put("replaced.wav", b"something else")
        rest = sum(map(len, sound.blocks))
    assert len(first) + rest == round(LONG_SECONDS * SAMPLE_RATE)


def test_a_name_of_any_bytes_is_decoded(decoder: DecoderProcess, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff \n'%41\xf0\x9f\x8e\x99.wav"))
    path.write_bytes(write_sound(tmp_path / "x.wav", tone(0.5, rate=SAMPLE_RATE)).read_bytes())
    assert len(heard(decoder, request_for(path))) == SAMPLE_RATE // 2


def test_a_recording_in_s3_is_read_by_ranges(s3_bucket: str, archive: Path) -> None:
    store = open_store(f"s3://{s3_bucket}/a b/")
    store.put("ü #1.wav", archive / "long.wav")
    expected = read_audio(archive / "long.wav", offset=150.0, duration=2.0)
    request = SoundRequest(
        uri=store.uri_of("ü #1.wav"), etag=None, mode="mix", offset=150.0, duration=2.0
    )
    with DecoderProcess() as decoder:
        assert np.array_equal(heard(decoder, request)[:, 0], expected)


def test_a_child_that_cannot_start_is_no_fault_of_the_recording(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DecoderProcess() as decoder:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/bin/false")
            error = refused(decoder, request_for(archive / "short.wav"))
        assert error.kind is ErrorKind.INTERNAL
        assert "decoder could not be started" in error.message
        assert len(heard(decoder, request_for(archive / "short.wav"))) == SAMPLE_RATE


def test_a_decoder_without_enough_memory_gives_an_error_and_not_a_crash_of_ours(
    archive: Path,
) -> None:
    with DecoderProcess(memory_mb=40) as decoder:
        error = refused(decoder, request_for(archive / "short.wav"))
    # Whether its start or its decoding meets the limit first differs with where the memory lies.
    assert error.kind in (ErrorKind.INTERNAL, ErrorKind.CORRUPT)
    assert error.message


def test_the_child_cannot_take_more_address_space_than_its_limit(archive: Path) -> None:
    with DecoderProcess(memory_mb=2048) as decoder:
        heard(decoder, request_for(archive / "short.wav"))
        limits = Path(f"/proc/{child_of(decoder).pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert line.split()[3:5] == [str(2048 << 20)] * 2


def test_a_decoder_without_an_answer_is_stopped(archive: Path) -> None:
    with DecoderProcess() as decoder:
        heard(decoder, request_for(archive / "short.wav"))
        child = child_of(decoder)
        child.suspend()
        decoder._stall_seconds = 0.1
        error = refused(decoder, request_for(archive / "short.wav"))
        assert error.kind is ErrorKind.INTERNAL
        assert "gave no sound" in error.message
        assert not child.is_running()


def test_a_decoder_that_works_without_an_answer_has_a_damaged_file_before_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = itertools.count()
    monkeypatch.setattr(decoder_process, "_cpu_seconds", lambda _: float(next(used)))
    with DecoderProcess() as decoder:
        heard(decoder, request_for(archive / "short.wav"))
        child_of(decoder).suspend()
        decoder._stall_seconds = 0.1
        error = refused(decoder, request_for(archive / "short.wav"))
    assert error.kind is ErrorKind.CORRUPT
    assert "found no sound" in error.message


def test_the_time_that_a_process_has_used_is_known() -> None:
    before = decoder_process._cpu_seconds(os.getpid())
    assert before == pytest.approx(sum(os.times()[:2]), abs=0.2)
    assert decoder_process._cpu_seconds(1 << 30) == 0.0


def test_modules_in_the_working_folder_are_not_imported(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "soundfile.py").write_text("raise SystemExit(3)")
    (tmp_path / "numpy.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with DecoderProcess() as decoder:
        assert len(heard(decoder, request_for(archive / "short.wav"))) == SAMPLE_RATE


PARENT = """
import sys
from transform_handler.audio.decoder_process import DecoderProcess, SoundRequest
decoder = DecoderProcess()
request = SoundRequest(uri=sys.argv[1], etag=None, mode="mix", offset=0.0, duration=None)
with decoder.open(request) as sound:
    next(sound.blocks)
    if sys.argv[2] == "between":
        list(sound.blocks)
    print(decoder._child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("when", ["in mid-stream", "between"])
def test_the_child_ends_when_its_parent_is_killed(archive: Path, when: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, uri_of_path(archive / "long.wav"), when],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    psutil.wait_procs([child], timeout=20)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_messages_come_whole_however_small_the_pipes_pieces_are(archive: Path) -> None:
    """The protocol, byte for byte, as another reader would see it."""
    request = {
        "uri": uri_of_path(archive / "short.wav"), "etag": None, "mode": "mix",
        "offset": 0.0, "duration": None,
    }  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-m", "transform_handler.audio.decoder_child", "4096"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    timer = threading.Timer(60, child.kill)
    timer.start()
    out, _ = child.communicate(json.dumps(request).encode() + b"\n")
    timer.cancel()
    tags, samples = [], 0
    while out:
        length = int.from_bytes(out[1:5], "little")
        tags.append(out[:1])
        samples += length // 4 if out[:1] == b"B" else 0
        out = out[5 + length :]
    assert tags[:2] == [b"R", b"O"]
    assert set(tags[2:-1]) == {b"B"}
    assert tags[-1] == b"E"
    assert samples == SAMPLE_RATE
    assert child.returncode == 0
