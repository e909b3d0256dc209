"""How long a recording is, before anybody has opened it: predicted from extension and size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Column: TypeAlias = pa.Array | pa.ChunkedArray

# Bytes for each second of meeting sound, as recorders commonly write it.
_USUAL_BYTES_PER_SECOND = {
    "wav": 32_000.0,
    "flac": 18_000.0,
    "mp3": 16_000.0,
    "m4a": 12_000.0,
    "ogg": 10_000.0,
    "opus": 4_000.0,
}
_OTHER_BYTES_PER_SECOND = 16_000.0


@dataclass(frozen=True, kw_only=True)
class DurationModel:
    """Bytes a second by extension: what earlier runs found, else what is usual."""

    learned: dict[str, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, paths: Column, sizes: Column, durations: Column) -> DurationModel:
        """Learn from paths, bytes and seconds of recordings; what is null or 0 teaches nothing."""
        extensions = pc.utf8_lower(pc.replace_substring_regex(paths, r"(?s)^.*\.", ""))
        known = pa.table({"extension": extensions, "bytes": sizes, "seconds": durations})
        known = known.filter(pc.and_(pc.greater(sizes, 0), pc.greater(durations, 0)))
        sums = known.group_by("extension", use_threads=False).aggregate(
            [("bytes", "sum"), ("seconds", "sum")]
        )
        rows = sums.to_pylist()
        return cls(
            learned={row["extension"]: row["bytes_sum"] / row["seconds_sum"] for row in rows}
        )

    def predict(self, path: str, size: int) -> float:
        """Seconds of sound."""
        extension = _extension(path)
        usual = _USUAL_BYTES_PER_SECOND.get(extension, _OTHER_BYTES_PER_SECOND)
        return size / self.learned.get(extension, usual)


def _extension(path: str) -> str:
    return path.rpartition(".")[2].lower()
