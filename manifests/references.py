"""References: what was really said in a recording, or in one channel of it.

``manifests/reference_forms/`` reads them in the forms in which people keep them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from manifests.errors import InputError
from manifests.matching import Matching, match_entries

Span = tuple[float, float]
"""Start and end, in seconds from the beginning of the recording."""


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """What one speaker said from ``start`` to ``end``, in seconds."""

    start: float
    end: float
    text: str
    speaker: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The text of one recording, or of one channel of it, and where it was written.

    ``utterances`` are there where the form has times. What was said and written in the ``unscored``
    spans does not count; ``text`` is without it.
    """

    recording: str
    text: str
    channel: int | None = None
    source: str = ""
    utterances: tuple[Utterance, ...] = field(default=(), repr=False)
    unscored: tuple[Span, ...] = ()

    @classmethod
    def of_utterances(
        cls,
        recording: str,
        utterances: Iterable[Utterance],
        *,
        unscored: Iterable[Span] = (),
        channel: int | None = None,
        source: str = "",
    ) -> Reference:
        """The scored utterances in the order of their times, those of one time in that given.

        An utterance that reaches into an unscored span is unscored whole, on both sides: nobody
        can say which of its words lie in the span.
        """
        ordered = tuple(sorted(utterances, key=lambda one: one.start))
        spans = _with_whole_utterances(tuple(merged(unscored)), ordered)
        found = cls(
            recording=recording,
            text="",
            channel=channel,
            source=source,
            utterances=ordered,
            unscored=spans,
        )
        kept = " ".join(one.text for one in found.scored_utterances)
        return replace(found, text=" ".join(kept.split()))

    @property
    def scored_utterances(self) -> tuple[Utterance, ...]:
        """The utterances that the text is made of, in its order."""
        return tuple(one for one in self.utterances if not _touches(one, self.unscored))

    @property
    def speakers(self) -> frozenset[str]:
        """Who speaks in them, where that is known."""
        named = (one.speaker for one in self.scored_utterances)
        return frozenset(one for one in named if one is not None)


References = dict[int | None, Reference]
"""Of one recording, by channel; the whole recording's under None."""


def match_references(references: Iterable[Reference], paths: Iterable[str]) -> Matching[References]:
    """References by recording path, with those that match none or several.

    Raises:
        InputError: two references for the same recording and channel.
    """
    matching = match_entries(references, paths, slot=lambda one: one.channel, clash=twice)
    return Matching(
        by_path={
            path: {one.channel: one for one in found} for path, found in matching.by_path.items()
        },
        unmatched=matching.unmatched,
        ambiguous=matching.ambiguous,
    )


def twice(recording: str, reference: Reference, known: Reference) -> InputError:
    """What is said of two references for one recording and channel."""
    return InputError(
        f"{reference.source}: {recording!r} has a reference already ({known.source}); "
        "keep one of them"
    )


def _with_whole_utterances(
    spans: tuple[Span, ...], utterances: Sequence[Utterance]
) -> tuple[Span, ...]:
    """Spans that end where the utterances do that they touch.

    Spans and utterances that overlap each other are one stretch; those with a span in them stay.
    """
    found = [(low, high, True) for low, high in spans]
    found += [(one.start, one.end, False) for one in utterances if one.start < one.end]
    stretches: list[tuple[float, float, bool]] = []
    for low, high, unscored in sorted(found):
        if stretches and low < stretches[-1][1]:
            start, end, known = stretches[-1]
            stretches[-1] = start, max(end, high), known or unscored
        else:
            stretches.append((low, high, unscored))
    return tuple(merged((low, high) for low, high, unscored in stretches if unscored))


def _touches(one: Utterance, spans: Sequence[Span]) -> bool:
    """Whether an utterance reaches into one of the spans, which are sorted and disjoint."""
    first = bisect_right(spans, one.start, key=lambda span: span[1])
    if first == len(spans):
        return False
    low = spans[first][0]
    return low < one.end if one.start < one.end else low <= one.start


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in order, those that touch or overlap as one."""
    start = end = None
    for low, high in sorted(spans):
        if start is None or end is None:
            start, end = low, high
        elif low <= end:
            end = max(end, high)
        else:
            yield start, end
            start, end = low, high
    if start is not None and end is not None:
        yield start, end


def within(moment: float, spans: Sequence[Span]) -> bool:
    """Whether a moment lies in one of the spans; a span's end is outside of it."""
    return any(low <= moment < high for low, high in spans)


def seconds_of(spans: Iterable[Span], *, duration: float | None = None) -> float:
    """How long the spans are together, up to the end of the recording where that is known."""
    most = float("inf") if duration is None else duration
    return sum(max(0.0, min(high, most) - min(low, most)) for low, high in merged(spans))


def overlap_share(utterances: Sequence[Utterance]) -> float | None:
    """The share of spoken time in which two or more speak; None where that is not known.

    Utterances of one speaker do not overlap each other: their ends are set by hand.
    """
    if any(one.speaker is None for one in utterances):
        return None
    edges: list[tuple[float, int]] = []
    for speaker in {one.speaker for one in utterances}:
        spans = merged((one.start, one.end) for one in utterances if one.speaker == speaker)
        edges += [edge for start, end in spans for edge in ((start, 1), (end, -1))]
    speaking, since, spoken, together = 0, 0.0, 0.0, 0.0
    for moment, change in sorted(edges):
        spoken += (moment - since) * (speaking > 0)
        together += (moment - since) * (speaking > 1)
        speaking, since = speaking + change, moment
    return together / spoken if spoken > 0 else None
