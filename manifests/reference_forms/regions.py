"""UEM: the regions of a recording that were transcribed, and so can be scored.

``file channel start end``, seconds (NIST, un-partitioned evaluation map). A recording that no line
names is scored whole: a map of the partly transcribed ones is what people write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from manifests.errors import InputError
from manifests.matching import without_extension
from manifests.references import Reference, Span, merged
from manifests.tables import lines_of

_UEM = "file channel start end"


def scored_only(references: Iterable[Reference], uem: str, name: str) -> list[Reference]:
    """The references with everything outside of their regions unscored.

    Raises:
        InputError: a line is no region, or a reference in it has no times.
    """
    regions: dict[str, list[Span]] = defaultdict(list)
    for file, start, end in _lines(uem, name):
        regions[without_extension(file)].append((start, end))
    return [
        _within(one, found, name)
        if (found := regions.get(without_extension(one.recording)))
        else one
        for one in references
    ]


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


def _lines(text: str, name: str) -> Iterator[tuple[str, float, float]]:
    for number, line in lines_of(text):
        if not line.strip() or line.startswith(";;"):
            continue
        fields = line.split()
        try:
            file, _, start, end = fields
            region = float(start), float(end)
        except ValueError as error:
            raise InputError(
                f"{name}, line {number}: found {line.strip()[:60]!r}; {_UEM} in seconds expected"
            ) from error
        if region[1] <= region[0]:
            raise InputError(
                f"{name}, line {number}: the region ends at {region[1]:g} s, which is not after "
                f"its start at {region[0]:g} s"
            )
        yield (file, *region)
