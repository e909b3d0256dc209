"""How long a recording is, before anybody has opened it: predicted from extension and size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    def fit(cls, known: Iterable[tuple[str, int, float]]) -> DurationModel:
        """Learn from (path, bytes, seconds) of recordings that were transcribed."""
        sizes: dict[str, int] = defaultdict(int)
        seconds: dict[str, float] = defaultdict(float)
        for path, size, duration in known:
            sizes[_extension(path)] += size
            seconds[_extension(path)] += duration
        return cls(learned={e: sizes[e] / seconds[e] for e in sizes if seconds[e] > 0})

    def predict(self, path: str, size: int) -> float:
        """Seconds of sound."""
        extension = _extension(path)
        usual = _USUAL_BYTES_PER_SECOND.get(extension, _OTHER_BYTES_PER_SECOND)
        return size / self.learned.get(extension, usual)


def _extension(path: str) -> str:
    return path.rpartition(".")[2].lower()
