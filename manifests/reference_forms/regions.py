"""UEM: the regions of a recording that were transcribed, and so can be scored.

``file channel start end``, seconds (NIST, un-partitioned evaluation map). A recording, or a channel
of it, that no line names is scored whole: people write a map of those transcribed in part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

from manifests.errors import InputError
from manifests.matching import Matcher
from manifests.reference_forms.timed import channel_number, span
from manifests.references import Reference, Span, merged
from manifests.tables import lines_of

_UEM = "file channel start end"


def scored_only(references: Iterable[Reference], uem: str, name: str) -> list[Reference]:
    """The references with everything outside of their regions unscored.

    Raises:
        InputError: a line is no region or names no recording, or a reference in it has no times.
    """
    references = list(references)
    matcher = Matcher(one.recording for one in references)
    regions: dict[str, dict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for where, (file, channel, start, end) in _lines(uem, name):
        recording = matcher.match(file).path
        if recording is None:
            known = ", ".join(repr(one.recording) for one in references[:3])
            raise InputError(
                f"{where}: {file!r} is none of the recordings that have a reference ({known}, …); "
                "mend the name, or remove the line"
            )
        regions[recording][channel_number(channel, 0)].append((start, end))
    return [_restricted(one, regions.get(one.recording, {}), name) for one in references]


def _restricted(
    reference: Reference, regions: Mapping[int, Sequence[Span]], name: str
) -> Reference:
    """A channel has its own regions; the whole recording those of all of its channels."""
    if reference.channel is None:
        found = [span for spans in regions.values() for span in spans]
    else:
        found = list(regions.get(reference.channel, ()))
    return _within(reference, found, name) if found else reference


def _within(reference: Reference, regions: Sequence[Span], name: str) -> Reference:
    if not reference.utterances and reference.text:
        raise InputError(
            f"{name}: {reference.recording!r} is scored in regions, and its reference "
            f"({reference.source}) has no times; an .stm, .ctm, .vtt, .srt or SegLST is expected"
        )
    return Reference.of_utterances(
        reference.recording,
        reference.utterances,
        unscored=[*reference.unscored, *_outside(regions)],
        channel=reference.channel,
        source=reference.source,
    )


def _outside(regions: Sequence[Span]) -> Iterator[Span]:
    position = 0.0
    for start, end in merged(regions):
        if start > position:
            yield position, start
        position = max(position, end)
    yield position, inf


def _lines(text: str, name: str) -> Iterator[tuple[str, tuple[str, str, float, float]]]:
    for number, line in lines_of(text):
        if not line.strip() or line.startswith(";;"):
            continue
        where = f"{name}, line {number}"
        try:
            file, channel, start, end = line.split()
            region = span(float(start), float(end))
        except ValueError as error:
            raise InputError(
                f"{where}: found {line.strip()[:60]!r}; {_UEM} in seconds expected ({error})"
            ) from error
        if region[1] <= region[0]:
            raise InputError(
                f"{where}: the region ends at {region[1]:g} s, which is not after its start at "
                f"{region[0]:g} s"
            )
        yield where, (file, channel, *region)
