"""A recording that cannot be read is opened once, however many parts were planned of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import OpenSound, SoundRequest
from transform_handler.audio.layout import WindowLayout
from transform_handler.identity import DecodeSettings
from transform_handler.listening import Listener
from transform_handler.records import ErrorKind, RecordingError

POINTER = Pointer(id="a", uri="file:///archive/a.wav", etag="1")


class Refusing:
    """Refuses everything, and counts."""

    def __init__(self, kind: ErrorKind) -> None:
        self.kind = kind
        self.opened = 0

    @contextmanager
    def open(self, request: SoundRequest) -> Iterator[OpenSound]:
        self.opened += 1
        raise RecordingError(self.kind, f"refused at {request.offset:g} s")
        yield


def refusals(decoder: Refusing, *pointers: Pointer) -> list[str]:
    allowed = AllowedPrefixes(prefixes=("file:///archive/",))
    listener = Listener(decoder, allowed, WindowLayout(hop=320), DecodeSettings())
    said = []
    for pointer in pointers:
        with pytest.raises(RecordingError) as caught:
            list(listener.read(pointer))
        said.append(caught.value.message)
    return said


def parts(count: int) -> list[Pointer]:
    return [replace(POINTER, offset=3600.0 * n, duration=3600.0) for n in range(count)]


def test_what_is_refused_for_good_is_opened_once() -> None:
    decoder = Refusing(ErrorKind.CORRUPT)
    assert set(refusals(decoder, *parts(5))) == {"refused at 0 s"}
    assert decoder.opened == 1


def test_what_may_be_mended_meanwhile_is_opened_again() -> None:
    decoder = Refusing(ErrorKind.INTERNAL)
    refusals(decoder, *parts(5))
    assert decoder.opened == 5


def test_another_version_and_another_recording_are_opened() -> None:
    decoder = Refusing(ErrorKind.CORRUPT)
    other = replace(POINTER, uri="file:///archive/b.wav")
    refusals(decoder, POINTER, replace(POINTER, etag="2"), other, POINTER)
    assert decoder.opened == 4
