"""When each step of an alignment happened: reference words have no times of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch.report.alignment import AlignedRecording


def step_seconds(aligned: AlignedRecording, duration: float | None) -> list[float | None]:
    """For each step the second at which it happened, None where that is not known.

    A written word is at its middle. Words that were left out are spread evenly over the gap in
    which they are missing: from the end of the word before (the start of the recording) to the
    start of the word after (``duration``, the end of it).
    """
    hypothesis = aligned.hypothesis
    places: list[float | None] = [None] * len(aligned.steps)
    if hypothesis and all(token.start is None for token in hypothesis):
        return places
    missing: list[int] = []
    before = 0.0
    for at, step in enumerate(aligned.steps):
        if step.hyp_index is None:
            missing.append(at)
            continue
        token = hypothesis[step.hyp_index]
        if token.start is None:
            continue
        _spread(places, missing, before, token.start)
        missing.clear()
        before = token.start if token.end is None else token.end
        places[at] = (token.start + before) / 2
    if duration is not None:
        _spread(places, missing, before, duration)
    return places


def _spread(places: list[float | None], missing: list[int], begin: float, end: float) -> None:
    width = max(0.0, end - begin)
    for number, at in enumerate(missing):
        places[at] = begin + width * (number + 0.5) / len(missing)
