"""Greedy CTC: frames to words, in one pass over a whole recording.

Repeats are collapsed before blanks are dropped (Graves et al. 2006, section 3.1): the other way
round "hello" becomes "helo".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from transform_handler.decoding.confidence import GEOMETRIC_MEAN, Confidence, Spans
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

    @cached_property
    def written(self) -> tuple[str, ...]:
        """What each id adds to a word, and at the end what ids add that are not known: nothing."""
        texts = (self.text_of(token) for token in range(len(self.tokens)))
        written = [text.removeprefix(WORD_START) for text in texts]
        if self.delimiter is not None:
            written[self.delimiter] = ""
        return (*written, "")

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """How many characters each of ``written`` has; shape (n_tokens + 1,)."""
        return np.array([len(text) for text in self.written], dtype=np.intp)

    @cached_property
    def parts(self) -> npt.NDArray[np.bool_]:
        """Whether a word ends before each of ``written``; shape (n_tokens + 1,)."""
        texts = [self.text_of(token) for token in range(len(self.tokens))]
        begins = [text.startswith(WORD_START) for text in texts]
        if self.delimiter is not None:
            begins[self.delimiter] = True
        return np.array([*begins, False])

    def rows(self, ids: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
        """The place of each id in ``written``, of the same shape."""
        known = (ids >= 0) & (ids < len(self.tokens))
        return np.where(known, ids, len(self.tokens)).astype(np.intp)


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
    confidence: Confidence = GEOMETRIC_MEAN,
) -> list[Word]:
    """Words with times and confidence from the argmax ids of consecutive frames.

    ``ids`` and ``log_probabilities`` (of the argmax) have shape (n_frames,); ``first_frame`` is
    the absolute index of the first. What a word's ``confidence`` is made of is the log-probability
    of each letter's best frame.
    """
    limits = _Limits.of(seconds_per_frame)
    letters = _Letters.of(ids, alphabet, limits, first_frame=first_frame)
    if not len(letters.starts):
        return []
    best = _maxima(log_probabilities, letters.starts - first_frame, letters.ends - first_frame)
    firsts = np.flatnonzero(letters.begin_words(limits))
    stops = np.append(firsts[1:], len(letters.starts))
    counts = stops - firsts
    return confidence.words(
        Spans(
            texts=letters.texts(alphabet, firsts, stops),
            starts=letters.starts[firsts],
            ends=letters.ends[stops - 1],
            letters=counts,
            means=np.add.reduceat(best, firsts) / counts,
            lowest=np.minimum.reduceat(best, firsts),
            seconds_per_frame=seconds_per_frame,
        )
    )


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


@dataclass(frozen=True, kw_only=True)
class _Letters:
    """Runs of frames that write something; each array has the shape (n_letters,).

    ``tokens`` are rows of the alphabet's tables, ``starts`` and ``ends`` absolute frames, and
    ``borders`` how many borders of words came before each letter.
    """

    tokens: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    borders: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls,
        ids: npt.NDArray[np.integer],
        alphabet: Alphabet,
        limits: _Limits,
        *,
        first_frame: int,
    ) -> _Letters:
        starts, ends = collapse(ids, blank=alphabet.blank)
        tokens = alphabet.rows(ids[starts])
        borders = np.cumsum(alphabet.parts[tokens], dtype=np.intp)
        writes = np.flatnonzero(alphabet.sizes[tokens])
        starts, ends = starts[writes], ends[writes]
        return cls(
            tokens=tokens[writes],
            starts=first_frame + starts,
            ends=first_frame + np.minimum(ends, starts + limits.letter),
            borders=borders[writes],
        )

    def begin_words(self, limits: _Limits) -> npt.NDArray[np.bool_]:
        """Which letters begin a word; shape (n_letters,).

        Words are parted by borders and long gaps. Letters that nothing parts, but which are too
        long for a word, are cut on a grid that depends on the recording alone, so that a part
        which hears them from their middle cuts them where the whole does.
        """
        gaps = self.starts[1:] - self.ends[:-1] >= limits.gap
        parted = _first_and(gaps | (self.borders[1:] != self.borders[:-1]))
        firsts = np.flatnonzero(parted)
        stops = np.append(firsts[1:], len(parted))
        long = self.ends[stops - 1] - self.starts[firsts] > limits.word
        if long.any():
            cells = self.starts // limits.cell
            parted |= _first_and(cells[1:] != cells[:-1]) & np.repeat(long, stops - firsts)
        return parted

    def texts(
        self, alphabet: Alphabet, firsts: npt.NDArray[np.intp], stops: npt.NDArray[np.intp]
    ) -> list[str]:
        """The text of each word ``[first, stop)``."""
        whole = "".join(map(alphabet.written.__getitem__, self.tokens.tolist()))
        offsets = np.append(0, np.cumsum(alphabet.sizes[self.tokens]))
        places = zip(offsets[firsts].tolist(), offsets[stops].tolist(), strict=True)
        return [whole[start:stop] for start, stop in places]


def _first_and(others: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True for the first, and what is said of the others."""
    return np.concatenate((np.ones(1, dtype=bool), others))


def _maxima(
    scores: npt.NDArray[np.float32], starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """The highest score of each run ``[start, end)``; shape (n_runs,)."""
    # reduceat takes borders inside the array only, and the last run may end with it.
    padded = np.append(scores, np.float32(-np.inf))
    borders = np.column_stack((starts, ends)).ravel()
    return np.maximum.reduceat(padded, borders)[::2].astype(np.float64)
