"""Sound from the decoding child: started once, used for many recordings, replaced when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from manifests.pointers import Pointer
from transform_handler.audio.decoder_child import HEADER
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import ChannelMode
from transform_handler.audio.sound import Block
from transform_handler.audio.sound_facts import MixSeconds
from transform_handler.audio.windows import Part, PlannedWindow
from transform_handler.records import ErrorKind, RecordingError

MEMORY_MB = 4096
STALL_SECONDS = 120.0
# Sixteen seconds of sound wait in the pipe, so that decoding runs ahead of the model.
PIPE_BYTES = 1 << 20
# Signals that come from outside: the machine's memory is used up, or it is being shut down.
_FOREIGN_SIGNALS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(frozen=True, kw_only=True)
class SoundRequest:
    """Which stretch of which recording to decode; times in seconds."""

    uri: str
    etag: str | None
    mode: ChannelMode
    offset: float
    duration: float | None

    @classmethod
    def of(cls, pointer: Pointer, part: Part) -> SoundRequest:
        """What a pointer's windows need to hear."""
        return cls(
            uri=pointer.uri,
            etag=pointer.etag,
            mode=pointer.channels,
            offset=part.begin / SAMPLE_RATE,
            duration=None if part.end is None else (part.end - part.begin) / SAMPLE_RATE,
        )

    @property
    def first_sample(self) -> int:
        """Where the stretch begins."""
        return round(self.offset * SAMPLE_RATE)

    @property
    def last_sample(self) -> int | None:
        """Where it ends; None for the recording's end."""
        return (
            None
            if self.duration is None
            else self.first_sample + round(self.duration * SAMPLE_RATE)
        )


@dataclass(frozen=True, kw_only=True)
class OpenSound:
    """A recording being decoded; ``blocks`` can be read once, shape (n_samples, n_streams).

    ``seconds`` is the length of the whole recording by its header, None where it has none.
    ``mix`` says, once the blocks are read, how the channels were mixed: None where there was one,
    where they were split, and of a staged body, which brings its mix. ``planned`` are the windows
    of a channel that comes without the others, None where all are here.
    """

    channels: int
    seconds: float | None
    blocks: Iterator[Block]
    mix: Callable[[], MixSeconds | None] = lambda: None
    planned: Sequence[PlannedWindow] | None = None


class DecoderProcess:
    """Decodes recordings one after another in a child process with limits."""

    def __init__(self, *, memory_mb: int = MEMORY_MB, stall_seconds: float = STALL_SECONDS) -> None:
        self._memory_mb = memory_mb
        self._stall_seconds = stall_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    @contextlib.contextmanager
    def open(self, request: SoundRequest) -> Iterator[OpenSound]:
        """Decode one recording; leaving before the last block ends the child.

        Raises:
            RecordingError: the recording cannot be read, or took the decoder down with it.
        """
        finished = False
        mix: MixSeconds | None = None

        def blocks(streams: int) -> Iterator[Block]:
            nonlocal finished, mix
            while (message := self._receive())[0] == b"B":
                yield np.frombuffer(message[1], dtype="<f4").reshape(-1, streams)
            finished = True
            _raise_if_failed(*message)
            mix = MixSeconds(**json.loads(message[1])) if message[1] else None

        try:
            self._send(request)
            tag, payload = self._receive()
            finished = tag == b"X"
            _raise_if_failed(tag, payload)
            opened = json.loads(payload)
            channels = opened["channels"]
            streams = channels if request.mode == "split" else 1
            yield OpenSound(
                channels=channels,
                seconds=opened["seconds"],
                blocks=blocks(streams),
                mix=lambda: mix,
            )
        finally:
            if not finished:
                self.close()

    def _send(self, request: SoundRequest) -> None:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._start()
        assert self._child is not None
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer will say that it died
            self._child.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
            self._child.stdin.flush()

    def _start(self) -> None:
        self._child = self._spawned()
        try:
            self._receive()  # "ready": a child that dies before has not seen any recording
        except RecordingError as error:
            self.close()
            raise RecordingError(
                ErrorKind.INTERNAL, f"the decoder could not be started: {error.message}"
            ) from error

    def _spawned(self) -> subprocess.Popen[bytes]:
        home = str(Path(__file__).parents[2])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (home, os.environ.get("PYTHONPATH")))
        )
        child = subprocess.Popen(
            # -P: modules in the working folder are not ours.
            [
                sys.executable,
                "-P",
                "-m",
                "transform_handler.audio.decoder_child",
                str(self._memory_mb),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert child.stdout is not None
        with contextlib.suppress(OSError, AttributeError):  # Linux only; a hint, not a need
            fcntl.fcntl(child.stdout.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return child

    def _receive(self) -> tuple[bytes, bytes]:
        tag, length = HEADER.unpack(self._read(HEADER.size))
        return tag, self._read(length)

    def _wait(self, pipe: int) -> None:
        """Wait for the child's next bytes; a file that keeps it busy without any is damaged."""
        assert self._child is not None
        half = self._stall_seconds / 2
        if select.select([pipe], [], [], half)[0]:
            return
        used = _cpu_seconds(self._child.pid)
        if select.select([pipe], [], [], half)[0]:
            return
        if _cpu_seconds(self._child.pid) - used > half / 2:
            kind, done = ErrorKind.CORRUPT, "found no sound in this file"
        else:
            kind, done = ErrorKind.INTERNAL, "gave no sound"
        raise RecordingError(
            kind, f"the decoder {done} for {self._stall_seconds:.0f} s and was stopped"
        )

    def _read(self, size: int) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        pipe = self._child.stdout.fileno()
        data = bytearray()
        while len(data) < size:
            self._wait(pipe)
            piece = os.read(pipe, size - len(data))
            if not piece:
                raise _died(self._child.wait())
            data += piece
        return bytes(data)


def _cpu_seconds(pid: int) -> float:
    """What a process has used so far; 0 where the system does not say (proc(5), stat)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _died(status: int) -> RecordingError:
    if -status in _FOREIGN_SIGNALS:
        return RecordingError(ErrorKind.INTERNAL, f"the decoder was ended (status {status})")
    return RecordingError(ErrorKind.CORRUPT, f"the decoder crashed on this file (status {status})")


def _raise_if_failed(tag: bytes, payload: bytes) -> None:
    if tag == b"X":
        answer: dict[str, Any] = json.loads(payload)
        raise RecordingError(ErrorKind(answer["kind"]), answer["message"])
