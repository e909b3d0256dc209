"""Greedy CTC: frames to words, in one pass over a whole recording.

Repeats are collapsed before blanks are dropped (Graves et al. 2006, section 3.1): the other way
round "hello" becomes "helo".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from transform_handler.records import Word

# A word is never longer, so that a segment of 15 s holds it and the 18 s that a part hears beyond
# its ends decide it, whatever the model says and whether or not it has a delimiter.
MAX_WORD_SECONDS = 10.0
# A word ends where no letter comes for this long: some vocabularies know no delimiter.
GAP_SECONDS = 1.0
# Frames of one letter beyond this count as none.
MAX_LETTER_SECONDS = 2.0
# SentencePiece marks the beginning of a word, where others mark its end.
WORD_START = "▁"
# As of wav2vec2, for a text whose times do not matter.
_USUAL_FRAME_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Alphabet:
    """What the model's output ids mean."""

    tokens: tuple[str, ...]
    blank: int
    delimiter: int | None
    silent: frozenset[int]

    @classmethod
    def from_vocabulary(
        cls,
        vocabulary: Mapping[str, int],
        *,
        blank: int,
        delimiter: str | None,
        specials: frozenset[str] = frozenset(),
    ) -> Alphabet:
        """Build from a tokenizer's vocabulary; special tokens are never text."""
        size = max(vocabulary.values(), default=0) + 1
        tokens = [""] * size
        for token, index in vocabulary.items():
            tokens[index] = token
        silent = {index for token, index in vocabulary.items() if token in specials}
        position = vocabulary.get(delimiter) if delimiter else None
        return cls(
            tokens=tuple(tokens),
            blank=blank,
            delimiter=position,
            silent=frozenset(silent | {blank}) - {position if position is not None else -1},
        )

    def text_of(self, token: int) -> str:
        """What an id says: nothing if it is silent, or beyond what the tokenizer knows."""
        known = 0 <= token < len(self.tokens) and token not in self.silent
        return self.tokens[token] if known else ""


def collapse(
    ids: npt.NDArray[np.integer], *, blank: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Runs of equal ids that are not blank, as first frames and frames one past the last.

    ``ids`` has shape (n_frames,); both results have shape (n_runs,).
    """
    if not len(ids):
        nothing = np.zeros(0, dtype=np.intp)
        return nothing, nothing
    edges = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    starts = np.concatenate(([0], edges))
    ends = np.concatenate((edges, [len(ids)]))
    kept = ids[starts] != blank
    return starts[kept], ends[kept]


def decode_text(ids: npt.NDArray[np.integer], alphabet: Alphabet) -> str:
    """The text of a row of argmax ids, words parted by single spaces."""
    scores = np.zeros(len(ids), dtype=np.float32)
    words = decode_words(ids, scores, alphabet, seconds_per_frame=_USUAL_FRAME_SECONDS)
    return " ".join(word.text for word in words)


def decode_words(
    ids: npt.NDArray[np.integer],
    log_probabilities: npt.NDArray[np.float32],
    alphabet: Alphabet,
    *,
    seconds_per_frame: float,
    first_frame: int = 0,
) -> list[Word]:
    """Words with times and confidence from the argmax ids of consecutive frames.

    ``ids`` and ``log_probabilities`` (of the argmax) have shape (n_frames,); ``first_frame`` is
    the absolute index of the first. A word's confidence is the geometric mean over its
    characters of each character's best frame.
    """
    limits = _Limits.of(seconds_per_frame)
    letters = _letters(ids, log_probabilities, alphabet, limits, first_frame=first_frame)
    return [
        _word(piece, seconds_per_frame)
        for run in _runs(letters, limits)
        for piece in _pieces(run, limits)
    ]


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """The limits of words in frames; ``cell`` and a letter together are no longer than a word."""

    word: int
    cell: int
    letter: int
    gap: int

    @classmethod
    def of(cls, seconds_per_frame: float) -> _Limits:
        letter = max(1, int(MAX_LETTER_SECONDS / seconds_per_frame))
        word = max(2, int(MAX_WORD_SECONDS / seconds_per_frame))
        gap = max(1, round(GAP_SECONDS / seconds_per_frame))
        return cls(word=word, cell=max(1, word - letter), letter=letter, gap=gap)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Letter:
    """What a run of frames says; ``start`` and ``end`` are absolute frames."""

    text: str
    start: int
    end: int
    score: float


def _letters(
    ids: npt.NDArray[np.integer],
    scores: npt.NDArray[np.float32],
    alphabet: Alphabet,
    limits: _Limits,
    *,
    first_frame: int,
) -> Iterator[_Letter | None]:
    """Letters in order, and None where the alphabet parts words."""
    starts, ends = collapse(ids, blank=alphabet.blank)
    ends = np.minimum(ends, starts + limits.letter)
    best = _maxima(scores, starts, ends)
    for start, end, score in zip(starts.tolist(), ends.tolist(), best.tolist(), strict=True):
        token = int(ids[start])
        text = "" if token == alphabet.delimiter else alphabet.text_of(token)
        if token == alphabet.delimiter or text.startswith(WORD_START):
            yield None
        if text := text.removeprefix(WORD_START):
            yield _Letter(text=text, start=first_frame + start, end=first_frame + end, score=score)


def _runs(letters: Iterable[_Letter | None], limits: _Limits) -> Iterator[list[_Letter]]:
    """Letters that nothing parts: no delimiter, no beginning of a word, no long gap."""
    run: list[_Letter] = []
    for letter in letters:
        if run and (letter is None or letter.start - run[-1].end >= limits.gap):
            yield run
            run = []
        if letter is not None:
            run.append(letter)
    if run:
        yield run


def _pieces(run: list[_Letter], limits: _Limits) -> Iterator[list[_Letter]]:
    """The run, or where it is too long for a word its pieces.

    They are cut on a grid that depends on the recording alone, so that a part which hears the
    run from its middle cuts it where the whole does.
    """
    if run[-1].end - run[0].start <= limits.word:
        yield run
        return
    for _, piece in groupby(run, key=lambda letter: letter.start // limits.cell):
        yield list(piece)


def _maxima(
    scores: npt.NDArray[np.float32], starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """The highest score of each run ``[start, end)``; shape (n_runs,)."""
    if not len(starts):
        return np.zeros(0, dtype=np.float32)
    # reduceat takes borders inside the array only, and the last run may end with it.
    padded = np.append(scores, np.float32(-np.inf))
    borders = np.column_stack((starts, ends)).ravel()
    return np.maximum.reduceat(padded, borders)[::2]


def _word(letters: list[_Letter], seconds_per_frame: float) -> Word:
    mean_score = sum(letter.score for letter in letters) / len(letters)
    return Word(
        text="".join(letter.text for letter in letters),
        start=round(letters[0].start * seconds_per_frame, 3),
        end=round(letters[-1].end * seconds_per_frame, 3),
        confidence=round(float(np.exp(min(0.0, mean_score))), 4),
    )
