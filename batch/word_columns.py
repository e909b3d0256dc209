"""The words of segments with their times, by recording and channel, straight from Arrow's columns.

As dictionaries, the words of a hundred thousand utterances would take a gigabyte.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch.report.model import Channel
from batch.report.words import TimedWords

_ROWS = 5_000
_Segment = tuple[float, TimedWords]


def words_of(table: pa.Table) -> dict[Channel, TimedWords]:
    """Each channel's words, segment by segment in the order of their starts.

    ``table`` has the columns ``id``, ``channel``, ``start`` and ``words`` of the segments.
    """
    found: defaultdict[Channel, list[_Segment]] = defaultdict(list)
    for batch in table.to_batches(max_chunksize=_ROWS):
        owners = zip(batch["id"].to_pylist(), batch["channel"].to_pylist(), strict=True)
        segments = zip(batch["start"].to_pylist(), _words(batch["words"]), strict=True)
        for owner, segment in zip(owners, segments, strict=True):
            found[owner].append(segment)
    return {owner: _joined(segments) for owner, segments in found.items()}


def _words(lists: pa.ListArray) -> Iterator[TimedWords]:
    flat = lists.flatten()
    texts = flat.field("text").to_pylist()
    columns = [
        np.asarray(flat.field(name).to_numpy(zero_copy_only=False), dtype=np.float64)
        for name in ("start", "end", "confidence")
    ]
    begin = 0
    for length in pc.list_value_length(lists).to_pylist():
        end = begin + (length or 0)
        starts, ends, confidences = (array("d", column[begin:end].tobytes()) for column in columns)
        yield TimedWords(
            texts=tuple(texts[begin:end]), starts=starts, ends=ends, confidences=confidences
        )
        begin = end


def _joined(segments: list[_Segment]) -> TimedWords:
    if len(segments) == 1:
        return segments[0][1]
    ordered = [words for _, words in sorted(segments, key=lambda segment: segment[0])]
    whole = TimedWords(texts=tuple(text for words in ordered for text in words.texts))
    for words in ordered:
        whole.starts.extend(words.starts)
        whole.ends.extend(words.ends)
        whole.confidences.extend(words.confidences)
    return whole
