"""Recordings that were cut off where a part of them begins or within it, or are shot through."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.hostile.encoded import FORMATS, borders, boxes, encoded
from tests.hostile.hostile_file import (
    CORRUPT,
    EMPTY,
    EMPTY_FILE,
    FINAL,
    NO_SOUND,
    OK,
    SOUND,
    HostileFile,
    of_bytes,
)

_FLIPPED = 5
_MOST_BORDERS = 10
# They keep no length: what is whole pages is a shorter recording (docs/design.md).
_WITHOUT_LENGTH = frozenset({"ogg", "opus"})
_HEADER_PAGES = 2


def truncated() -> Iterator[HostileFile]:
    """Every format, cut at the places where its parts begin, within them, and in a sample."""
    for form in FORMATS:
        data = encoded(form)
        for place, ends in sorted(_cuts(form, data).items()):
            yield of_bytes("truncated", f"{form}-{place:06d}.{form}", data[:place], ends)


def _cuts(form: str, data: bytes) -> dict[int, frozenset[str]]:
    found = borders(form, data)
    several = found[:: max(1, len(found) // _MOST_BORDERS)]
    cuts = dict.fromkeys([*several, *(place + 5 for place in several)], CORRUPT)
    cuts |= dict.fromkeys((1, 3, 4, 11), NO_SOUND)
    cuts[len(data) // 2 + 1] = cuts[len(data) - 1] = CORRUPT
    if form in _WITHOUT_LENGTH:
        cuts |= {place: ends | SOUND for place, ends in cuts.items() if place > found[2]}
    if form in ("mp3", "webm"):  # half a second may be an encoder's own (FFmpeg's MISSING_SECONDS)
        cuts |= {at: ends | OK for at, ends in cuts.items() if at > 0.8 * len(data)}
    if form in ("wav", "aiff"):  # the size of the sound itself is cut: there is nothing yet
        head = data.index(b"data" if form == "wav" else b"SSND")
        cuts |= {at: ends | EMPTY for at, ends in cuts.items() if head < at < head + 8}
    if form == "wav":  # the sound is whole: only what stands behind it is not
        cuts |= {place: OK for place in cuts if place >= found[-2]}
    if form == "m4a":  # behind the tables that say where the sound lies
        tables = max(start for start, name in boxes(data) if name == b"stco")
        cuts |= {at: OK for at in cuts if at >= tables + 20}
    if form in ("aiff", "flac"):
        cuts[len(data) - 1] = cuts[len(data) - 1] | OK  # within what a decoder may make up
    cuts[0] = EMPTY_FILE
    return {place: NO_SOUND if 0 < place < 12 else ends for place, ends in cuts.items()}


def shot_through() -> Iterator[HostileFile]:
    """Bytes here and there, and a stretch, replaced by chance; a seed makes it the same chance."""
    for form in FORMATS:
        for seed in range(_FLIPPED):
            chance = np.random.default_rng((seed, len(form)))
            data = np.frombuffer(encoded(form), np.uint8).copy()
            where = chance.integers(0, len(data) if seed % 2 else 600, 20)
            data[where] = chance.integers(0, 256, len(where))
            yield of_bytes("shot through", f"{form}-{seed}.{form}", data.tobytes(), FINAL)


def joined_up() -> Iterator[HostileFile]:
    """A recording behind another, behind zeros, behind noise, or with a tail of either."""
    noise = np.random.default_rng(3).bytes(50_000)
    for form in FORMATS:
        data = encoded(form)
        yield of_bytes("joined", f"{form}-zeros-behind.{form}", data + bytes(50_000), OK | CORRUPT)
        yield of_bytes("joined", f"{form}-noise-behind.{form}", data + noise, OK | CORRUPT)
        yield of_bytes("joined", f"{form}-noise-before.{form}", noise + data, FINAL - EMPTY)
        yield of_bytes("joined", f"{form}-twice.{form}", data + data, OK | CORRUPT)
