"""Alphabets and scores for tests of decoders."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np

from transform_handler.decoding.greedy import Alphabet
from transform_handler.decoding.symbols import BLANK, Symbols
from transform_handler.engine.frames import FrameScores

SECONDS_PER_FRAME = 0.02
LETTERS = "abcdefghijklmnopqrstuvwxyz'"


def letters(text: str = LETTERS, *, delimiter: str | None = "|") -> Alphabet:
    """An alphabet of single letters: blank, unknown, delimiter if any, letters."""
    tokens = ["<pad>", "<unk>", *([delimiter] if delimiter else []), *text]
    return Alphabet.from_vocabulary(
        {token: index for index, token in enumerate(tokens)},
        blank=0,
        delimiter=delimiter,
        specials=frozenset({"<pad>", "<unk>"}),
    )


def pieces(*tokens: str) -> Alphabet:
    """An alphabet of SentencePiece's pieces, with its blank at the end."""
    vocabulary = {token: index for index, token in enumerate(["<unk>", *tokens, "<pad>"])}
    return Alphabet.from_vocabulary(
        vocabulary,
        blank=len(tokens) + 1,
        delimiter=None,
        specials=frozenset({"<unk>", "<pad>"}),
    )


def scores_of(distribution: np.ndarray) -> FrameScores:
    """Log-probabilities, shape (n_frames, n_vocabulary), as a model's scores."""
    ids = distribution.argmax(axis=1).astype(np.int32)
    return FrameScores(
        ids=ids, log_probabilities=distribution.max(axis=1), distribution=distribution
    )


def normalised(weights: np.ndarray) -> np.ndarray:
    """Positive weights as log-probabilities of each frame."""
    return np.log(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def peaky(ids: np.ndarray, size: int, *, best: float = 0.98) -> np.ndarray:
    """Log-probabilities that give ``best`` to one id a frame."""
    weights = np.full((len(ids), size), (1 - best) / (size - 1))
    weights[np.arange(len(ids)), ids] = best
    return normalised(weights)


def says(text: str, alphabet: Alphabet, *, blanks: int = 1, best: float = 0.98) -> np.ndarray:
    """Log-probabilities that say a text of single letters, with blanks after each."""
    ids = []
    for letter in text:
        token = alphabet.delimiter if letter == " " else alphabet.tokens.index(letter)
        ids += [token, *[alphabet.blank] * blanks]
    return peaky(np.asarray(ids), len(alphabet.tokens), best=best)


def masses(log_probabilities: np.ndarray, symbols: Symbols) -> dict[str, float]:
    """The probability of each text, as the sum over every path there is."""
    probabilities = np.exp(log_probabilities)
    found: dict[str, float] = {}
    for path in product(range(probabilities.shape[1]), repeat=len(probabilities)):
        text = written(path, symbols)
        mass = float(np.prod(probabilities[np.arange(len(path)), path]))
        found[text] = found.get(text, 0.0) + mass
    return found


def written(path: tuple[int, ...] | list[int], symbols: Symbols) -> str:
    """What a path of symbols writes: repeats collapsed, blanks dropped, words by single spaces."""
    text = "".join(symbols.texts[symbol] for symbol, _ in groupby(path) if symbol != BLANK)
    return " ".join(text.split())
