"""When each step of an alignment happened: reference words have no times of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch.report.words import known

if TYPE_CHECKING:
    from batch.report.alignment import AlignedRecording


def step_seconds(aligned: AlignedRecording, duration: float | None) -> list[float | None]:
    """For each step the second at which it happened, None where that is not known.

    A written word is at its middle. Words that were left out are spread evenly over the gap in
    which they are missing: from the end of the word before (the start of the recording) to the
    start of the word after (``duration``, the end of it).
    """
    heard = aligned.hypothesis
    places: list[float | None] = [None] * len(aligned.steps)
    if len(heard) and all(known(start) is None for start in heard.starts):
        return places
    missing: list[int] = []
    before = 0.0
    times = zip(heard.starts, heard.ends, strict=True)
    for at, letter in enumerate(aligned.steps.letters):
        if letter == "D":
            missing.append(at)
            continue
        start, end = map(known, next(times))
        if start is None:
            continue
        if missing:
            _spread(places, missing, before, start)
            missing.clear()
        before = start if end is None else end
        places[at] = (start + before) / 2
    if duration is not None:
        _spread(places, missing, before, duration)
    return places


def _spread(places: list[float | None], missing: list[int], begin: float, end: float) -> None:
    width = max(0.0, end - begin)
    for number, at in enumerate(missing):
        places[at] = begin + width * (number + 0.5) / len(missing)
