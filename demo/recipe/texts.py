"""Which sentence goes where: one stream of distinct sentences is cut, so no two parts share any."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from random import Random

from demo.recipe.sentences import distinct

SEED = 20261120


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The sentences of each part of the demo; no sentence is in two parts."""

    archive: tuple[str, ...]
    finetune: tuple[str, ...]
    heldout: tuple[str, ...]
    heldout_voice: tuple[str, ...]
    pretrain: tuple[str, ...]
    confidence: tuple[str, ...]
    open_vocabulary: tuple[str, ...]


def texts() -> Texts:
    """The same split every time (seeded by `SEED`)."""
    stream = distinct(Random(SEED))
    strange = distinct(Random(SEED + 1), reserved=True)

    def take(count: int) -> tuple[str, ...]:
        return tuple(islice(stream, count))

    return Texts(
        archive=take(400),
        finetune=take(150),
        heldout=take(200),
        heldout_voice=take(100),
        pretrain=take(12_000),
        confidence=take(600),
        open_vocabulary=tuple(islice(strange, 60)),
    )
