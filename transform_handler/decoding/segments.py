"""Words into segments that a person reads and a subtitle shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from transform_handler.records import Segment, Word

PAUSE_SECONDS = 0.6
MAX_SECONDS = 15.0


def segments_of(words: Sequence[Word], *, channel: int | None) -> tuple[Segment, ...]:
    """Break at pauses, and at the longest gap of whatever is still over 15 s."""
    spoken: list[list[Word]] = []
    for word in words:
        if spoken and _seconds(spoken[-1][-1].end, word.start) < PAUSE_SECONDS:
            spoken[-1].append(word)
        else:
            spoken.append([word])
    parts = [part for run in spoken for part in _split(run)]
    return tuple(_segment(part, channel) for part in parts)


def _seconds(start: float, end: float) -> float:
    # Times are whole milliseconds; their differences are not, and would break here but not there.
    return round(end - start, 3)


def _split(words: list[Word]) -> list[list[Word]]:
    pending, done = [words], []
    while pending:
        part = pending.pop()
        if len(part) == 1 or _seconds(part[0].start, part[-1].end) <= MAX_SECONDS:
            done.append(part)
            continue
        gaps = [_seconds(before.end, after.start) for before, after in pairwise(part)]
        # Among equal gaps the one nearest to the middle gives the more even halves.
        cut = max(range(len(gaps)), key=lambda i: (gaps[i], -abs(i + 1 - len(part) / 2))) + 1
        pending += [part[cut:], part[:cut]]
    return done


def _segment(words: list[Word], channel: int | None) -> Segment:
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        channel=channel,
        text=" ".join(word.text for word in words),
        confidence=round(sum(word.confidence for word in words) / len(words), 4),
        words=tuple(words),
        flags=tuple(sorted({flag for word in words for flag in word.flags})),
    )
