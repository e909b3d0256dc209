"""STM: segments of long recordings with their times, one a line.

``file channel speaker start end [<labels>] text``, as NIST's SCTK describes it (doc/infmts.htm).
Regions that are left out of scoring have no text to learn from and are left out here too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from manifests.errors import InputError
from manifests.label_forms.place import LabelForm, Place, extension
from manifests.labels import LabelledUtterance

_IGNORED = "ignore_time_segment_in_scoring"
_GAP_SPEAKER = "inter_segment_gap"
_LABELS = re.compile(r"<[^<>\s]*>(?=\s|$)")
_ALTERNATION = re.compile(r"\{([^{}]*)\}")
_NOTHING = "@"


@dataclass(frozen=True, kw_only=True)
class _Segment:
    where: str
    file: str
    channel: str
    speaker: str
    start: float
    end: float
    text: str


def _is_stm(key: str) -> bool:
    return extension(key) == "stm"


def _fits(place: Place) -> bool:
    return bool(place.named(_is_stm))


def _read(place: Place) -> list[LabelledUtterance]:
    keys = [place.file] if place.file else place.named(_is_stm)
    segments = [one for key in keys for one in _segments(place, key)]
    if not segments:
        raise InputError(f"labels: {place.location}: no segment with a text found in it")
    channels = _channels(segments)
    return place.with_sound([_utterance(place, one, channels) for one in segments])


def _segments(place: Place, key: str) -> Iterator[_Segment]:
    for where, line in place.lines(key):
        if line.startswith(";;"):
            continue
        segment = _segment(where, line)
        if segment.speaker != _GAP_SPEAKER and segment.text.lower() != _IGNORED:
            yield segment


def _segment(where: str, line: str) -> _Segment:
    fields = line.split(maxsplit=5)
    try:
        file, channel, speaker, start, end = fields[:5]
        begin, until = float(start), float(end)
    except ValueError as error:
        raise InputError(
            f"{where}: found {line[:60]!r}; file, channel, speaker, start and end in seconds, and "
            "the text are expected"
        ) from error
    words = fields[5] if len(fields) > 5 else ""
    return _Segment(
        where=where,
        file=file,
        channel=channel,
        speaker=speaker,
        start=begin,
        end=until,
        text=spoken(words),
    )


def spoken(words: str) -> str:
    """A transcript without its subset labels, and of alternatives ``{ a / b }`` the first."""
    found = _LABELS.match(words)
    words = words[found.end() :] if found else words
    while True:
        # Alternations nest; the innermost have no braces in them.
        words, count = _ALTERNATION.subn(_first_alternative, words)
        if not count:
            return " ".join(words.split())


def _first_alternative(found: re.Match[str]) -> str:
    words = re.split(r"(?:^|\s)/(?=\s|$)", found[1], maxsplit=1)[0]
    return " ".join(word for word in words.split() if word != _NOTHING)


def _channels(segments: list[_Segment]) -> Mapping[tuple[str, str], int | None]:
    """The channel, counted from 0, that a file's channel name means; None for all of them."""
    named: dict[str, dict[str, str]] = defaultdict(dict)
    for one in segments:
        named[one.file].setdefault(one.channel, one.where)
    return {
        (file, name): _channel(name, where, alone=len(names) == 1)
        for file, names in named.items()
        for name, where in names.items()
    }


def _channel(name: str, where: str, *, alone: bool) -> int | None:
    # SCTK counts A, B or 1, 2; any other word is allowed, and means nothing where it is alone.
    if name.isdecimal() and len(name) < 10 and int(name) > 0:
        return int(name) - 1
    if len(name) == 1 and name.isascii() and name.isalpha():
        return ord(name.upper()) - ord("A")
    if alone:
        return None
    raise InputError(f"{where}: channel is {name!r}; 1, 2, … or A, B, … is expected")


def _utterance(
    place: Place, one: _Segment, channels: Mapping[tuple[str, str], int | None]
) -> LabelledUtterance:
    # No name beside its place: two folders may each have a meeting-1, and they are not one.
    return LabelledUtterance(
        audio=place.sound(one.file, where=one.where),
        text=one.text,
        # Subtraction alone would give 2.8350000000000009 for 47.289 - 44.454.
        duration=round(one.end - one.start, 6),
        offset=one.start,
        channel=channels[one.file, one.channel],
        speaker=one.speaker,
        source=one.where,
    )


STM = LabelForm(name="stm", looks_like="an .stm beside its recordings", fits=_fits, read=_read)
