"""Utterances with times into references: one for the recording, and one for each channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf

from manifests.references import Reference, Span, Utterance

_MOST_DIGITS = 9  # of a channel's number; what is longer is some other name


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """An utterance, and the recording and channel that a file says it is from."""

    recording: str
    channel: str
    utterance: Utterance


def references_of(
    spoken: Iterable[Spoken],
    unscored: Mapping[tuple[str, str], Sequence[Span]],
    *,
    name: str,
) -> Iterator[Reference]:
    """The whole of each recording, and each of its channels where there are several.

    ``unscored`` has spans by recording and channel. In the mix, what any channel leaves unscored is
    unscored for all: nobody can say whose words the model wrote there.
    """
    files: dict[str, dict[str, list[Utterance]]] = defaultdict(dict)
    for recording, channel in unscored:
        files[recording].setdefault(channel, [])
    for one in spoken:
        files[one.recording].setdefault(one.channel, []).append(one.utterance)
    for recording, channels in files.items():
        yield Reference.of_utterances(
            recording,
            [one for channel in sorted(channels) for one in channels[channel]],
            unscored=chain.from_iterable(unscored.get((recording, one), ()) for one in channels),
            source=name,
        )
        if len(channels) > 1:
            for position, channel in enumerate(sorted(channels)):
                yield Reference.of_utterances(
                    recording,
                    channels[channel],
                    unscored=unscored.get((recording, channel), ()),
                    channel=channel_number(channel, position),
                    source=name,
                )


def span(start: float, end: float) -> Span:
    """Start and end in seconds.

    Raises:
        ValueError: no time of a recording: infinite, before its beginning, or end before start.
    """
    if not (0 <= start < inf and 0 <= end < inf):
        raise ValueError(f"from {start:g} to {end:g} s is no stretch of a recording")
    if end < start:
        raise ValueError(f"it ends at {end:g} s, before its start at {start:g} s")
    return start, end


def channel_number(name: str, position: int) -> int:
    """The channel, counted from 0, that a name means; ``position`` where it means none."""
    # NIST counts channels from 1 or from A (SCTK, doc/infmts.htm); records count from 0.
    if name.isdecimal() and len(name) <= _MOST_DIGITS and int(name) > 0:
        return int(name) - 1
    if len(name) == 1 and name.isascii() and name.isalpha():
        return ord(name.upper()) - ord("A")
    return position
