"""One channel of a recording on its way through the model: pieces in order, then words."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Generic

from transform_handler.audio.pieces import Stretch
from transform_handler.engine.batching import Job
from transform_handler.engine.frames import Samples
from transform_handler.engine.interface import Engine, Piece, Scored
from transform_handler.records import Word


class _Slot(Generic[Scored]):
    """A piece's place in the order; the model may answer out of it."""

    def __init__(self, piece: Piece[Scored], *, answered: bool) -> None:
        self.piece = piece
        self.answered = answered


class Track(Generic[Scored]):
    """Collects what the model says of one channel; makes words of what a pause has ended."""

    def __init__(self, engine: Engine[Scored], *, language: str | None) -> None:
        self._engine = engine
        self._language = language
        self._slots: deque[_Slot[Scored]] = deque()
        self._words: list[Word] = []
        self.failure: Exception | None = None

    def pause(self, stretch: Stretch) -> None:
        """A stretch in which nobody speaks: no word goes on beyond it."""
        self._slots.append(_Slot(_piece(stretch), answered=True))
        self._settle()

    def job(self, stretch: Stretch, samples: Samples) -> Job[Scored]:
        """The model's work on a stretch whose sound is ``samples``, shape (n_samples,)."""
        slot: _Slot[Scored] = _Slot(_piece(stretch), answered=False)
        self._slots.append(slot)

        def done(scored: Scored) -> None:
            slot.piece = replace(slot.piece, scored=scored)
            slot.answered = True
            try:
                self._settle()
            except Exception as error:  # noqa: BLE001 - the batch is that of other recordings too
                self._fail(error)

        return Job(samples=samples, language=self._language, done=done, failed=self._fail)

    def words(self) -> list[Word]:
        """All words, once every job was answered."""
        self._decode(len(self._slots))
        return self._words

    def _fail(self, error: Exception) -> None:
        # The transcript would have a hole.
        self.failure = error

    def _settle(self) -> None:
        """Make words of what is complete up to the last pause, and let the scores go."""
        complete = 0
        for count, slot in enumerate(self._slots, start=1):
            if not slot.answered:
                break
            if slot.piece.scored is None:
                complete = count
        self._decode(complete)

    def _decode(self, count: int) -> None:
        if count:
            pieces = [self._slots.popleft().piece for _ in range(count)]
            self._words += self._engine.words(pieces, language=self._language)


def _piece(stretch: Stretch) -> Piece[Scored]:
    return Piece(
        start=stretch.start,
        keep_start=stretch.keep_start,
        keep_end=stretch.keep_end,
        scored=None,
    )
