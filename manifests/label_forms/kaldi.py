"""Kaldi data folders: ``wav.scp``, ``text``, and maybe ``segments`` and ``utt2spk``.

The form is described at https://kaldi-asr.org/doc/data_prep.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from manifests.errors import InputError
from manifests.label_forms.place import LabelForm, Place
from manifests.label_forms.relative import base_of
from manifests.labels import LabelledUtterance, located

_ARCHIVE_ENTRY = re.compile(r"\.ark:\d+$")


@dataclass(frozen=True, kw_only=True)
class _Segment:
    recording: str
    start: float = 0.0
    duration: float | None = None
    channel: int | None = None


def _fits(place: Place) -> bool:
    return place.file is None and {"wav.scp", "text"} <= set(place.keys)


def _read(place: Place) -> list[LabelledUtterance]:
    """The utterances of ``text``; sound that no line of it names has no label and is left out."""
    if not _fits(place):
        raise InputError(
            f"labels: {place.location}: a Kaldi folder with wav.scp and text is expected"
        )
    folder = _Folder(sounds=_sounds(place), segments=_segments(place), speakers=_speakers(place))
    return [folder.utterance(*line) for line in _pairs(place, "text")]


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """URIs by recording, segments (None where utterances are recordings) and speakers by name."""

    sounds: dict[str, str]
    segments: dict[str, _Segment] | None
    speakers: dict[str, str]

    def utterance(self, where: str, name: str, text: str) -> LabelledUtterance:
        segment = self._segment(name, where)
        if segment.recording not in self.sounds:
            raise _lacking(where, segment.recording, "wav.scp")
        return LabelledUtterance(
            audio=self.sounds[segment.recording],
            text=text,
            duration=segment.duration,
            offset=segment.start,
            channel=segment.channel,
            speaker=self.speakers.get(name),
            recording=segment.recording,
            source=where,
        )

    def _segment(self, name: str, where: str) -> _Segment:
        if self.segments is None:
            return _Segment(recording=name)
        if name not in self.segments:
            raise _lacking(where, name, "segments")
        return self.segments[name]


def _lacking(where: str, name: str, file: str) -> InputError:
    return InputError(
        f"{where}: {name!r} has no line in {file}; Kaldi's utils/fix_data_dir.sh removes such lines"
    )


def _pairs(place: Place, key: str) -> Iterator[tuple[str, str, str]]:
    """Where, name and the rest of each line; a name stands once."""
    seen: dict[str, str] = {}
    for where, line in place.lines(key):
        name, _, rest = line.strip().replace("\t", " ").partition(" ")
        if name in seen:
            raise InputError(f"{where}: {name!r} stands there already ({seen[name]}); keep one")
        seen[name] = where
        yield where, name, rest.strip()


def _sounds(place: Place) -> dict[str, str]:
    written = {name: _path(where, rest) for where, name, rest in _pairs(place, "wav.scp")}
    base = base_of(place.store, list(written.values()))
    return {name: located(path, base) for name, path in written.items()}


def _path(where: str, rest: str) -> str:
    if rest.endswith("|") or rest.startswith("|"):
        raise InputError(
            f"{where}: found a command ({rest[:60]!r}); commands are not run: write what they "
            "put out to sound files once, and name those"
        )
    if _ARCHIVE_ENTRY.search(rest) or rest in ("", "-"):
        raise InputError(f"{where}: found {rest!r}; the path of one sound file is expected")
    return rest


def _segments(place: Place) -> dict[str, _Segment] | None:
    if "segments" not in place.keys:
        return None
    return {name: _segment(where, rest) for where, name, rest in _pairs(place, "segments")}


def _segment(where: str, rest: str) -> _Segment:
    try:
        recording, start, end, *channel = rest.split()
        begin, until = float(start), float(end)
        number = int(channel[0]) if channel else None
    except ValueError as error:
        raise InputError(
            f"{where}: found {rest[:60]!r}; utterance, recording, start and end in seconds and "
            "maybe a channel from 0 are expected"
        ) from error
    # An end of -1 is the end of the recording (extract-segments).
    whole = until == -1
    return _Segment(
        recording=recording,
        start=begin,
        duration=None if whole else round(until - begin, 6),
        channel=number,
    )


def _speakers(place: Place) -> dict[str, str]:
    if "utt2spk" not in place.keys:
        return {}
    return {name: speaker for _, name, speaker in _pairs(place, "utt2spk") if speaker}


KALDI = LabelForm(name="kaldi", looks_like="a folder with wav.scp and text", fits=_fits, read=_read)
