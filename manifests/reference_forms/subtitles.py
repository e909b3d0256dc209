"""WebVTT and SRT: subtitles of one recording, which has the file's name."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

from manifests.errors import InputError
from manifests.references import Reference, Utterance
from manifests.tables import lines_of

# Markup of SRT in the wild: <i>, <font …>, and {\an8} of SubStation Alpha.
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}")

_CUES = {
    "vtt": re.compile(r"(\d+:)?\d{1,2}:\d{2}\.\d+\s*-->\s*(\d+:)?\d{1,2}:\d{2}\.\d+(\s|$)"),
    "srt": re.compile(r"\d+:\d{1,2}:\d{2}[.,]\d+\s*-->\s*\d+:\d{1,2}:\d{2}[.,]\d+(\s|$)"),
}
_TIMES = {"vtt": "'00:01.000 --> 00:02.500'", "srt": "'00:00:01,000 --> 00:00:02,500'"}


def from_webvtt(text: str, name: str) -> Iterator[Reference]:
    """The cues of a WebVTT file, voices as speakers (W3C WebVTT, section 3)."""
    return _read(text, name, "vtt")


def from_srt(text: str, name: str) -> Iterator[Reference]:
    """The subtitles of an SRT file."""
    return _read(text, name, "srt")


def _read(text: str, name: str, form: str) -> Iterator[Reference]:
    try:
        captions = webvtt.from_buffer(io.StringIO(text), format=form).captions
    except (MalformedCaptionError, MalformedFileError) as error:
        kind = "WebVTT (its first line says WEBVTT)" if form == "vtt" else "SRT"
        raise InputError(f"{name}: not {kind}; cues with {_TIMES[form]} are expected") from error
    _check_cues(text, name, form, len(captions))
    yield Reference.of_utterances(
        name[: -len(f".{form}")],
        [
            Utterance(
                start=_seconds(one.start),
                end=_seconds(one.end),
                text=" ".join(html.unescape(_MARKUP.sub("", one.text)).split()),
                speaker=one.voice or None,
            )
            for one in captions
        ],
        source=name,
    )


def _check_cues(text: str, name: str, form: str, read: int) -> None:
    """A cue whose times cannot be read is passed over by the library, and its words are lost."""
    cues = [(number, line.strip()) for number, line in lines_of(text) if "-->" in line]
    if len(cues) == read:
        return
    strange = (cue for cue in cues if not _CUES[form].match(cue[1]))
    number, found = next(strange, cues[-1] if cues else (1, ""))
    raise InputError(f"{name}, line {number}: found {found[:60]!r}; {_TIMES[form]} is expected")


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
