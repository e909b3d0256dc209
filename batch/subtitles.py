"""Segments to subtitle cues: short enough to read, in order, never overlapping, never empty."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transform_handler.records import Segment

# Two lines of 42 columns: the usual limit of subtitle style guides for Latin scripts.
LINE_COLUMNS = 42
CUE_LINES = 2
# Two cues that would start together start this far apart, so that each has a time of its own.
SHORTEST_MS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """One subtitle: milliseconds from the start of the recording, one or two lines of text."""

    start: int
    end: int
    lines: tuple[str, ...]
    channel: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    """A part of a segment that stays on one line, with its time in seconds."""

    text: str
    start: float
    end: float
    glued: bool = False  # no space before it: the rest of a word longer than a line


def cues_of(segments: Sequence[Segment]) -> tuple[Cue, ...]:
    """The cues of a recording, of one channel or of several that talk at once."""
    cues = [cue for segment in segments for cue in _segment_cues(segment)]
    return _apart(sorted(cues, key=lambda cue: (cue.start, cue.end, cue.channel or 0)))


def stamp(milliseconds: int, point: str) -> str:
    """``HH:MM:SS`` and milliseconds after the given decimal point; hours grow past two digits."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours:02d}:{minutes:02d}:{seconds % 60:02d}{point}{rest:03d}"


def columns(text: str) -> int:
    """The width of a text in columns: East Asian wide characters take two, marks none."""
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _segment_cues(segment: Segment) -> Iterator[Cue]:
    lines: list[list[_Piece]] = []
    for piece in _pieces(segment):
        if lines and columns(_joined([*lines[-1], piece])) <= LINE_COLUMNS:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    for first in range(0, len(lines), CUE_LINES):
        pieces = [piece for line in lines[first : first + CUE_LINES] for piece in line]
        yield Cue(
            start=round(max(pieces[0].start, 0.0) * 1000),
            end=round(max(pieces[-1].end, 0.0) * 1000),
            lines=_balanced(pieces),
            channel=segment.channel,
        )


def _pieces(segment: Segment) -> Iterator[_Piece]:
    """The segment's words with their times, cut where one is longer than a line."""
    text = segment.text.split()
    timed = [
        _Piece(text=part, start=word.start, end=word.end)
        for word in segment.words
        for part in word.text.split()
    ]
    # Word times that belong to another text are worse than none.
    words = timed if [word.text for word in timed] == text else _spread(segment, text)
    for word in words:
        yield from _cut(word)


def _spread(segment: Segment, words: Sequence[str]) -> list[_Piece]:
    """Times for words that have none: the segment's, shared out by the words' lengths."""
    total, done, pieces = sum(map(len, words)), 0, []
    for word in words:
        start = segment.start + (segment.end - segment.start) * done / total
        done += len(word)
        end = segment.start + (segment.end - segment.start) * done / total
        pieces.append(_Piece(text=word, start=start, end=end))
    return pieces


def _cut(word: _Piece) -> Iterator[_Piece]:
    """A word in parts that fit a line: scripts without spaces write whole sentences as one."""
    parts, width = [""], 0
    for character in word.text:
        width += _width(character)
        if parts[-1] and width > LINE_COLUMNS:
            parts.append("")
            width = _width(character)
        parts[-1] += character
    for index, part in enumerate(parts):
        length = (word.end - word.start) / len(parts)
        start = word.start + index * length
        yield _Piece(text=part, start=start, end=start + length, glued=index > 0)


def _joined(pieces: Sequence[_Piece]) -> str:
    return "".join(("" if piece.glued else " ") + piece.text for piece in pieces).strip()


def _balanced(pieces: Sequence[_Piece]) -> tuple[str, ...]:
    """One line if it fits, or the two lines that are most nearly of a length."""
    if columns(_joined(pieces)) <= LINE_COLUMNS:
        return (_joined(pieces),)
    pairs = [(_joined(pieces[:at]), _joined(pieces[at:])) for at in range(1, len(pieces))]
    return min(pairs, key=lambda pair: max(columns(pair[0]), columns(pair[1])))


def _apart(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """The cues with each start after the last and each end before the next.

    People talk over each other on their channels, and players show overlapping cues in no
    agreed way: the earlier cue gives way when the later one begins.
    """
    spaced: list[Cue] = []
    for cue in cues:
        earliest = spaced[-1].start + SHORTEST_MS if spaced else 0
        start = max(cue.start, earliest)
        spaced.append(replace(cue, start=start, end=max(cue.end, start + SHORTEST_MS)))
    if not spaced:
        return ()
    ends = [*(cue.start for cue in spaced[1:]), spaced[-1].end]
    return tuple(replace(cue, end=min(cue.end, end)) for cue, end in zip(spaced, ends, strict=True))
